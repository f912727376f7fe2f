//! Locust's settings, wherever they stand: configuration files, the environment, processes that run, the command that was
//! asked about. Only what matters to a check is taken out of them.

use std::path::{Path, PathBuf};

use super::environment::Running;
use super::{Project, environment, python, today};
use crate::facts::{Locust, Role, Settings};

pub(super) fn gather(project: &Project) -> Locust {
    let mut settings = Vec::new();
    let from_environment = |name: &str| std::env::var(format!("LOCUST_{name}")).ok();
    let variables = read(&from_environment);
    for name in ["locust.conf", ".locust.conf", "~/.locust.conf"] {
        let path = match name.strip_prefix("~/") {
            Some(rest) => match std::env::var_os("HOME") {
                Some(home) => Path::new(&home).join(rest),
                None => continue,
            },
            None => project.root.join(name),
        };
        if let Ok(text) = std::fs::read_to_string(&path) {
            let lookup = |name: &str| from_lines(&text, name);
            settings.push(Settings { place: path.display().to_string(), ..read(&lookup) });
        }
    }
    let pyproject = project.root.join("pyproject.toml");
    if let Ok(text) = std::fs::read_to_string(&pyproject)
        && let Some(table) = table(&text)
    {
        let lookup = |name: &str| from_lines(&table, name);
        settings.push(Settings { place: pyproject.display().to_string(), ..read(&lookup) });
    }
    if is_about_something(&variables) {
        settings.push(Settings { place: "the environment".to_owned(), ..variables.clone() });
    }
    let folders = folders(project);
    let mut programs = Vec::new();
    for process in environment::running().iter().filter(|process| is_of(&folders, process)) {
        let pid = process.pid;
        if let Some(options) = options_of_locust(&process.words) {
            let found = from_command(options);
            if !settings.iter().any(|known: &Settings| known.is_running && same(known, &found)) {
                settings.push(Settings { place: format!("process {pid}"), is_running: true, ..found });
            }
            programs.push(PathBuf::from(format!("/proc/{pid}/exe")));
        }
    }
    let words: Vec<String> = project.command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    if let Some(options) = options_of_locust(&words) {
        settings.push(Settings { place: "the command".to_owned(), ..from_command(options) });
    }
    let (python, packages) = python::gather(&project.root, words.first().map(String::as_str), &programs);
    Locust { settings, packages, python, today: today() }
}

/// Where the project lies.
fn folders(project: &Project) -> Vec<PathBuf> {
    let manifests = project.files.iter().filter(|(role, _)| *role == Role::Manifest);
    let folders = manifests.filter_map(|(_, path)| path.parent()).chain([project.root.as_path()]);
    folders.filter_map(|folder| folder.canonicalize().ok()).collect()
}

/// Whether a process works in the project, or with a file in it: one that does not is of another project. Where a process does
/// not let itself be looked at, it counts.
fn is_of(folders: &[PathBuf], process: &Running) -> bool {
    let Some(directory) = &process.directory else { return true };
    let is_within = |path: &Path| folders.iter().any(|folder| path.starts_with(folder));
    let named = process.words.iter().filter(|word| !word.starts_with('-')).map(|word| directory.join(word));
    is_within(directory) || named.filter_map(|path| path.canonicalize().ok()).any(|path| is_within(&path))
}

fn same(a: &Settings, b: &Settings) -> bool {
    Settings { place: String::new(), is_running: false, ..a.clone() }
        == Settings { place: String::new(), is_running: false, ..b.clone() }
}

/// The words after the program's name, if it is Locust, however it is started.
fn options_of_locust(words: &[String]) -> Option<&[String]> {
    let is_locust = |word: &String| Path::new(word).file_name().is_some_and(|name| name == "locust");
    let at = words.iter().position(is_locust)?;
    // Behind an interpreter, behind `-m`, behind a wrapper such as `tegmen run --`; not as an argument somewhere.
    let before = &words[..at];
    let fits = before.is_empty()
        || before.last().is_some_and(|word| word == "-m" || word == "--" || word == "run" || !word.starts_with('-'));
    let first = Path::new(before.first().unwrap_or(&words[at])).file_name()?.to_string_lossy().into_owned();
    let runs = ["python", "locust", "tegmen", "uv", "poetry", "pipenv", "env", "nohup", "timeout"];
    (fits && runs.iter().any(|name| first.starts_with(name))).then(|| &words[at + 1..])
}

fn from_command(words: &[String]) -> Settings {
    let lookup = |name: &str| {
        let option = format!("--{}", name.to_ascii_lowercase().replace('_', "-"));
        let short = match name {
            "LOGLEVEL" => "-L",
            "HOST" => "-H",
            _ => "",
        };
        words.iter().enumerate().find_map(|(at, word)| {
            if let Some(value) = word.strip_prefix(&option).and_then(|rest| rest.strip_prefix('=')) {
                return Some(value.to_owned());
            }
            let is_it = *word == option || (!short.is_empty() && word == short);
            is_it.then(|| words.get(at + 1).filter(|next| !next.starts_with('-')).cloned().unwrap_or_default())
        })
    };
    let mut settings = read(&lookup);
    settings.config_users = lookup("CONFIG_USERS").is_some_and(|value| value.contains('{'));
    settings
}

/// `web-host = 0.0.0.0`, `web_login: true`, `headless`: ConfigArgParse takes them all.
fn from_lines(text: &str, name: &str) -> Option<String> {
    let wanted = name.to_ascii_lowercase().replace('_', "-");
    text.lines().find_map(|line| {
        let line = line.trim();
        if line.starts_with(['#', ';']) {
            return None;
        }
        let end = line.find(['=', ':', ' ', '\t']).unwrap_or(line.len());
        let found = line[..end].trim_start_matches('-').to_ascii_lowercase().replace('_', "-");
        let value = line[end..].trim_start_matches(['=', ':', ' ', '\t']).trim().trim_matches(['"', '\'']);
        (found == wanted).then(|| value.to_owned())
    })
}

/// The lines of `[tool.locust]`.
fn table(text: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|line| line.trim() != "[tool.locust]");
    lines.next()?;
    Some(lines.take_while(|line| !line.trim_start().starts_with('[')).collect::<Vec<_>>().join("\n"))
}

fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Settings {
    let switch = |name: &str| {
        lookup(name).is_some_and(|value| !["false", "0", "no", "off"].contains(&value.to_ascii_lowercase().as_str()))
    };
    let text = |name: &str| lookup(name).unwrap_or_default();
    Settings {
        place: String::new(),
        headless: switch("HEADLESS"),
        worker: switch("WORKER"),
        master: switch("MASTER") || lookup("PROCESSES").is_some(),
        web_host: text("WEB_HOST"),
        web_login: switch("WEB_LOGIN"),
        tls: lookup("TLS_CERT").is_some_and(|value| !value.is_empty()),
        bind_host: text("MASTER_BIND_HOST"),
        config_users: false,
        loglevel: text("LOGLEVEL").to_ascii_uppercase(),
        target: lookup("HOST").as_deref().and_then(target),
        is_running: false,
    }
}

fn is_about_something(settings: &Settings) -> bool {
    *settings != Settings::default()
}

/// Scheme and host; credentials, port and path stay out.
fn target(url: &str) -> Option<(String, String)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host =
        if host.starts_with('[') { host.split(']').next()?.trim_start_matches('[') } else { host.split(':').next()? };
    Some((scheme.to_ascii_lowercase(), host.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn locust_is_found_however_it_is_started() {
        for command in [
            "locust --web-host 0.0.0.0",
            "/venv/bin/python /venv/bin/locust --web-host=0.0.0.0",
            "python3 -m locust --web-host 0.0.0.0",
            "tegmen run -- locust --web-host 0.0.0.0",
            "uv run locust --web-host 0.0.0.0",
        ] {
            let words = words(command);
            let found = from_command(options_of_locust(&words).unwrap());
            assert_eq!(found.web_host, "0.0.0.0", "{command}");
        }
        for command in ["grep locust", "vim locust", "cat /x/locust"] {
            assert!(options_of_locust(&words(command)).is_none(), "{command}");
        }
    }

    #[test]
    fn what_works_elsewhere_is_of_another_project() {
        let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::create_dir(here.path().join("load")).unwrap();
        std::fs::write(here.path().join("load/test.py"), "").unwrap();
        let file = here.path().join("load/test.py").display().to_string();
        let project = Project { root: here.path().to_owned(), ..Project::default() };
        let folders = folders(&project);
        let is_of = |command: &str, directory: Option<PathBuf>| {
            is_of(&folders, &Running { pid: 1, words: words(command), directory })
        };
        let (inside, outside) = (here.path().join("load"), elsewhere.path().to_owned());
        assert!(is_of("locust", Some(inside.clone())) && is_of("locust", Some(here.path().to_owned())));
        assert!(!is_of("locust -f locustfile.py", Some(outside.clone())));
        assert!(is_of(&format!("locust -f {file}"), Some(outside)), "it runs a file of the project");
        assert!(is_of("locust", None), "nobody can tell");
        assert!(!is_of("locust", Some(PathBuf::from("/"))));
        // The manifest may stand above.
        let files = vec![(Role::Manifest, here.path().join("tegmen.toml"))];
        let below = super::folders(&Project { root: inside, files, ..Project::default() });
        let running = Running { pid: 1, words: words("locust"), directory: Some(here.path().to_owned()) };
        assert!(super::is_of(&below, &running));
    }

    #[test]
    fn configuration_files_are_read_in_every_way_that_locust_takes() {
        let text =
            "# web-login\nheadless\nweb-host = 0.0.0.0\nweb_login: true\nhost=https://user:x@shop.example.com:8443/a\n";
        let found = read(&|name| from_lines(text, name));
        assert!(found.headless && found.web_login);
        assert_eq!(found.web_host, "0.0.0.0");
        assert_eq!(found.target, Some(("https".to_owned(), "shop.example.com".to_owned())));
        assert!(
            table("[tool.black]\nx=1\n[tool.locust]\nheadless = true\n[tool.ruff]\n").unwrap().contains("headless")
        );
    }
}
