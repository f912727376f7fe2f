//! The embedded store: what is on disk, who may read it, and that `age` can.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tegmen_secret::SecretBytes;
use tegmen_sources::store::{Store, StoreError};
use tegmen_sources::{Context, Environment, Manifest, fetch_all};
use tegmen_testing::{Project, contains};

fn environment(home: &Project, more: &[(&str, &str)]) -> Environment {
    let home = home.path().to_str().unwrap();
    [("HOME", home)].iter().chain(more).copied().collect()
}

fn store(home: &Project, more: &[(&str, &str)]) -> Store {
    Store::locate(&environment(home, more), &home.path().join("project"), None).unwrap()
}

fn set(store: &Store, name: &str, value: &[u8]) -> Result<bool, StoreError> {
    store.change(|contents| Ok(contents.set(name, SecretBytes::new(value.to_vec()))))
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn made_on_first_use_and_nothing_in_clear() {
    let home = Project::new().unwrap();
    let store = store(&home, &[]);
    assert!(store.read().unwrap().get("A").is_none());
    assert!(home.files().unwrap().is_empty(), "reading makes nothing");
    let value = ["hunter2", "-hunter2"].concat();
    assert!(!set(&store, "A", value.as_bytes()).unwrap());
    assert!(!set(&store, "B", b"\xff\xfe\nline 2\n").unwrap());
    assert!(set(&store, "A", format!("{value}-new").as_bytes()).unwrap());
    let read = store.read().unwrap();
    assert_eq!(read.get("A").unwrap().value().expose(), format!("{value}-new").as_bytes());
    assert_eq!(read.get("B").unwrap().value().expose(), b"\xff\xfe\nline 2\n");

    let data = home.path().join(".local/share/tegmen");
    assert_eq!((mode(&data), mode(&data.join("store.key")), mode(&data.join("store.age"))), (0o700, 0o600, 0o600));
    assert!(home.holding(value.as_bytes()).unwrap().is_empty());
    assert!(home.holding(b"line 2").unwrap().is_empty());
    let names: Vec<_> = home.files().unwrap().iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
}

#[test]
fn what_others_could_read_is_refused() {
    let home = Project::new().unwrap();
    let store = store(&home, &[]);
    set(&store, "A", b"value").unwrap();
    let data = home.path().join(".local/share/tegmen");
    let key = data.join("store.key");
    chmod(&key, 0o640);
    let error = store.read().err().unwrap();
    assert!(error.why.contains("other users may read or write") && error.why.contains("(mode 640)"), "{error}");
    assert_eq!(error.next, format!("chmod 600 {}", key.display()));
    chmod(&key, 0o600);
    chmod(&data.join("store.age"), 0o666);
    assert!(store.read().err().unwrap().next.starts_with("chmod 600"));
    chmod(&data.join("store.age"), 0o600);
    chmod(&data, 0o777);
    assert!(set(&store, "A", b"value").unwrap_err().next.starts_with("chmod go-w"));
    chmod(&data, 0o700);

    std::fs::remove_file(&key).unwrap();
    assert!(store.read().err().unwrap().why.contains("but not its key"));
    assert!(set(&store, "A", b"value").unwrap_err().why.contains("but not its key"));
    std::fs::write(&key, "hunter2").unwrap();
    chmod(&key, 0o600);
    let error = store.read().err().unwrap();
    assert!(error.why.contains("no age identity") && !error.why.contains("hunter2"), "{error}");
}

#[test]
fn another_key_and_a_damaged_file() {
    let home = Project::new().unwrap();
    let other = Project::new().unwrap();
    set(&store(&home, &[]), "A", b"value").unwrap();
    set(&store(&other, &[]), "A", b"value").unwrap();
    let key = other.path().join(".local/share/tegmen/store.key");
    let error = store(&home, &[("TEGMEN_STORE_KEY", key.to_str().unwrap())]).read().err().unwrap();
    assert!(error.why.contains("does not open"), "{error}");
    let path = home.path().join(".local/share/tegmen/store.age");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert!(store(&home, &[]).read().err().unwrap().why.contains("is damaged"));
    std::fs::write(&path, "not age").unwrap();
    assert!(store(&home, &[]).read().err().unwrap().why.contains("is damaged"));
}

#[test]
fn places() {
    let home = Project::new().unwrap();
    let data = Project::new().unwrap();
    let data_home = [("XDG_DATA_HOME", data.path().to_str().unwrap())];
    assert_eq!(store(&home, &data_home).path(), data.path().join("tegmen/store.age"));
    assert_eq!(store(&home, &[("TEGMEN_STORE", "mine.age")]).path(), home.path().join("project/mine.age"));
    home.write("project/.tegmen/store.age", "").unwrap();
    assert_eq!(store(&home, &[]).path(), home.path().join("project/.tegmen/store.age"));
    // The key in a variable, as a CI system gives it.
    set(&store(&data, &[]), "A", b"value").unwrap();
    let text = std::fs::read_to_string(data.path().join(".local/share/tegmen/store.key")).unwrap();
    let line = text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap();
    let path = data.path().join(".local/share/tegmen/store.age");
    let by_variable = store(&home, &[("TEGMEN_STORE", path.to_str().unwrap()), ("TEGMEN_STORE_KEY", line)]);
    assert_eq!(by_variable.read().unwrap().get("A").unwrap().value().expose(), b"value");
}

#[test]
fn writers_wait_for_one_another() {
    let home = Project::new().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let store = store(&home, &[]);
            scope.spawn(move || set(&store, &format!("W{writer}"), b"value").unwrap());
        }
    });
    assert_eq!(store(&home, &[]).read().unwrap().iter().count(), 8);
}

#[test]
fn a_change_that_fails_writes_nothing() {
    let home = Project::new().unwrap();
    let store = store(&home, &[]);
    set(&store, "A", b"value").unwrap();
    let before = std::fs::read(store.path()).unwrap();
    let failed: Result<(), _> = store.change(|contents| {
        contents.remove("A");
        Err(StoreError::new("no", "no"))
    });
    assert!(failed.is_err());
    assert_eq!(std::fs::read(store.path()).unwrap(), before);
}

#[test]
fn as_a_source() {
    let home = Project::new().unwrap();
    let manifest = Manifest::from_options(&["A=store:A".into(), "B=store:APP_KEY".into()], &[]).unwrap();
    let context = Context { environment: environment(&home, &[]), directory: home.path().to_owned() };
    let told = |result: Result<tegmen_sources::Fetched, _>| match result {
        Ok(_) => panic!("this must fail"),
        Err(error) => {
            let error: tegmen_sources::FetchErrors = error;
            error.to_string()
        }
    };
    assert!(told(fetch_all(&manifest, &context)).contains("there is no store yet"));
    set(&store(&home, &[]), "A", b"value").unwrap();
    set(&store(&home, &[]), "API_KEY", b"value").unwrap();
    let text = told(fetch_all(&manifest, &context));
    assert!(text.contains("has no APP_KEY; it has API_KEY\n  hint: tegmen secrets set APP_KEY"), "{text}");
    set(&store(&home, &[]), "APP_KEY", b"v2").unwrap();
    assert_eq!(fetch_all(&manifest, &context).ok().unwrap().values[1].1.expose(), b"v2");
}

/// The tool itself (Debian's `age`), or its binding for Python (`pip install pyrage`), where either is installed.
#[test]
fn the_age_tool_reads_it() {
    let home = Project::new().unwrap();
    let store = store(&home, &[]);
    set(&store, "A", b"a value for age").unwrap();
    let key = home.path().join(".local/share/tegmen/store.key");
    let script = "import pyrage,sys; \
        key=[l for l in open(sys.argv[1]).read().splitlines() if not l.startswith('#')][0]; \
        sys.stdout.buffer.write(pyrage.decrypt(open(sys.argv[2],'rb').read(), [pyrage.x25519.Identity.from_str(key)]))";
    let python = std::env::var("TEGMEN_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let age = std::process::Command::new("age").arg("-d").arg("-i").arg(&key).arg(store.path()).output();
    let pyrage = std::process::Command::new(python).args(["-c", script]).arg(&key).arg(store.path()).output();
    let outputs = [age, pyrage];
    let mut found = outputs.iter().flatten().filter(|output| output.status.success()).peekable();
    if found.peek().is_none() {
        eprintln!("neither `age` nor pyrage is installed: not tried");
    }
    for output in found {
        assert!(contains(&output.stdout, br#"{"A":{"value":"a value for age","updated":"#));
    }
}
