//! The policy, from what is known before the start.

use super::*;

fn request(project: &Path) -> Request {
    let temporary = project.join("tmp");
    std::fs::create_dir_all(&temporary).unwrap();
    Request {
        command: ["locust", "--headless"].map(OsString::from).into(),
        environment: vec![("HOME".into(), project.join("home").into()), ("PATH".into(), "/usr/bin:/bin".into())],
        directory: project.to_owned(),
        temporary,
        ..Request::default()
    }
}

fn with(mut request: Request, words: &[&str]) -> Request {
    request.command.extend(words.iter().map(OsString::from));
    request
}

fn file(path: &Path) -> &Path {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, "x").unwrap();
    path
}

#[test]
fn the_project_can_be_read_but_not_what_holds_secrets_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    for name in ["locustfile.py", "lib/shop.py", ".git/config", "secrets/key", "secrets/readme"] {
        file(&root.join(name));
    }
    let closed = vec![root.join("secrets/key")];
    let policy = Policy::new(&Request { closed, ..request(&root) }).unwrap();
    let can_read = |name: &str| policy.access(&root.join(name)).is_some_and(|access| access >= Access::Read);
    assert!(can_read("locustfile.py") && can_read("lib/shop.py") && can_read("secrets/readme"));
    assert!(!can_read(".git/config") && !can_read("secrets/key") && !can_read("new-file"));
    assert!(policy.access(&root.join("lib/shop.py")).unwrap() < Access::Write);
}

#[test]
fn nothing_of_the_home_folder_is_open_but_the_project_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().canonicalize().unwrap();
    for name in [".ssh/id_rsa", ".aws/credentials", ".vault-token", "other/file", "project/locustfile.py", ".env"] {
        file(&home.join(name));
    }
    let mut request = request(&home.join("project"));
    request.environment[0].1 = home.clone().into();
    let policy = Policy::new(&request).unwrap();
    for name in [".ssh/id_rsa", ".aws/credentials", ".vault-token", "other/file", ".env"] {
        assert_eq!(policy.access(&home.join(name)), None, "{name}");
    }
    assert!(policy.access(&home.join("project/locustfile.py")).is_some());
    // Also where the home folder is the project.
    let policy = Policy::new(&Request { directory: home.clone(), ..request }).unwrap();
    assert!(policy.access(&home.join("other/file")).is_some_and(|access| access >= Access::Read));
    for name in [".ssh/id_rsa", ".aws/credentials", ".vault-token"] {
        assert!(policy.access(&home.join(name)).is_none_or(|access| access == Access::List), "{name}");
    }
}

#[test]
fn outputs_of_locust_are_made_and_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let request = with(request(&root), &["--csv", "out/run", "--html=report.html", "--logfile", "/dev/stdout"]);
    let policy = Policy::new(&request).unwrap();
    for name in ["out/run_stats.csv", "report.html"] {
        assert_eq!(policy.access(&root.join(name)), Some(Access::Write), "{name}");
    }
    assert!(root.join("report.html").is_file() && root.join("out").is_dir());
    assert_eq!(policy.access(Path::new("/dev/stdout")), None);
}

#[test]
fn a_link_that_an_earlier_test_may_have_laid_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let project = root.join("project");
    file(&project.join("locustfile.py"));
    let outside = file(&root.join("elsewhere/private")).to_owned();
    std::fs::create_dir(project.join("out")).unwrap();
    let lay = |to: &Path, name: &str| std::os::unix::fs::symlink(to, project.join(name)).unwrap();
    lay(&outside, "out/report.html");
    lay(&root.join("elsewhere"), "out/tomorrow");
    let policy = Policy::new(&with(request(&project), &["--html", "out/report.html"])).unwrap();
    assert_eq!(policy.access(&outside), None);
    let dated = with(request(&project), &["--csv", "out/tomorrow/run"]);
    let error = Policy::new(&dated).unwrap_err().to_string();
    assert!(error.contains("out/tomorrow is a link out of the project") && error.contains("--writable"), "{error}");
    // Whoever means it says so.
    let policy = Policy::new(&Request { writable: vec![root.join("elsewhere")], ..dated }).unwrap();
    assert_eq!(policy.access(&outside), Some(Access::Write));
    // Links that no test can lay lead where they lead.
    lay(&outside, "data.txt");
    let policy = Policy::new(&with(request(&project), &["--users-from", "data.txt"])).unwrap();
    assert_eq!(policy.access(&outside), Some(Access::Read));
}

#[test]
fn ports_are_those_of_target_web_page_and_master() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let ports = |words: &[&str]| {
        let policy = Policy::new(&with(request(&root), words)).unwrap();
        (policy.connect.into_iter().collect::<Vec<_>>(), policy.listen.into_iter().collect::<Vec<_>>())
    };
    assert_eq!(ports(&["-H", "https://shop.example.com"]), (vec![443], vec![]));
    assert_eq!(ports(&["--host=http://[::1]:8080/x", "--processes", "2"]), (vec![5557, 8080], vec![5557]));
    assert_eq!(ports(&["--worker", "--master-port", "6000", "-H", "http://h"]), (vec![80, 5557, 6000], vec![]));
    // Nobody says where to: the usual ports.
    assert_eq!(ports(&[]), (vec![80, 443], vec![]));
    std::fs::write(root.join("locustfile.py"), "class A(HttpUser):\n    host = \"http://127.0.0.1:8123\"\n").unwrap();
    assert_eq!(ports(&[]), (vec![8123], vec![]));
    std::fs::write(root.join("locust.conf"), "host = https://shop.example.com:8443\nweb-port = 9000\n").unwrap();
    let mut open = request(&root);
    open.command.pop();
    let policy = Policy::new(&open).unwrap();
    assert_eq!((policy.connect, policy.listen), ([8443].into(), [9000].into()));
    std::fs::write(root.join("other.conf"), "host = https://shop.example.com:9443\n").unwrap();
    for words in [&["--config", "other.conf"][..], &["--config=other.conf"]] {
        assert_eq!(ports(words).0, [9443], "{words:?}");
    }
}

#[test]
fn hosts_are_those_of_target_secrets_master_and_proxy_and_doors_those_of_web_page_and_master() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let show = |targets: Vec<Target>| {
        targets.into_iter().map(|target| format!("{}:{}", target.host, target.port)).collect::<Vec<_>>().join(" ")
    };
    let hosts = |words: &[&str]| {
        let mut request = with(request(&root), words);
        request.environment.push(("https_proxy".into(), "http://proxy:3128".into()));
        request.reach = vec![Target { host: "api".to_owned(), port: 443 }];
        let policy = Policy::new(&request).unwrap();
        (show(policy.outside()), show(policy.doors))
    };
    assert_eq!(hosts(&["-H", "http://shop"]), ("shop:80 api:443 proxy:3128".to_owned(), String::new()));
    let worker = hosts(&["--worker", "--master-host", "m", "-H", "http://shop"]);
    assert_eq!(worker, ("shop:80 api:443 m:5557 proxy:3128".to_owned(), String::new()));
    let master = hosts(&["--master", "--master-bind-host", "*", "-H", "http://shop"]).1;
    assert_eq!(master, "*:5557");
    // Master and workers are inside: nobody else gets there.
    assert_eq!(hosts(&["--processes", "2", "-H", "http://shop"]).1, "");
    let mut open = request(&root);
    open.command = ["locust", "-H", "http://127.0.0.1:8089", "--web-host", "0.0.0.0"].map(OsString::from).into();
    let policy = Policy::new(&open).unwrap();
    // A target at the test's own port is the test itself.
    assert_eq!((show(policy.outside()), show(policy.doors)), (String::new(), "0.0.0.0:8089".to_owned()));
}

#[test]
fn what_is_opened_by_hand_has_to_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let error = Policy::new(&Request { readable: vec!["nowhere".into()], ..request(&root) }).unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
    let policy = Policy::new(&Request { writable: vec!["results".into()], ..request(&root) }).unwrap();
    assert_eq!(policy.access(&root.join("results/a/b")), Some(Access::Write));
}
