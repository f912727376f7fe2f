//! Fixes of scripts that nobody wrote for us: Python's standard library with values planted in it. Whatever comes of them
//! parses (here, and in Python itself), a second run finds nothing to do, and no value is lost.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

mod made_up;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use tegmen_audit::{Fixing, Options, fix_texts};

/// At most this many files: enough for every kind of script, and quick.
const MOST: usize = 250;

/// Lines to plant, each in place of a blank line before code that is not indented, or behind a line that opens a function.
const PLANTS: &[&str] = &[
    "PASSWORD = '⟦pass:1⟧'",
    "api_key = \"⟦alnum24:2⟧\"; other = 1",
    "headers = {'Authorization': 'Bearer ⟦jwt:3⟧'}",
    "token = os.getenv('SHOP_TOKEN', '⟦alnum24:4⟧')",
    "requests.get('https://u:⟦pass:5⟧@example.com', verify=False, timeout=1)",
    "data = b'{\"password\": \"⟦pass:6⟧\", \"a\": {\"b\": 1}}'",
    "if True: print(api_token, '⟦github:7⟧')",
    "client_secret = ('⟦alnum24:8⟧'\n    '⟦alnum24:9⟧')",
    "query = f'password=⟦pass:10⟧&user={1}'",
    "# password = \"⟦pass:11⟧\"",
    "auth = HTTPBasicAuth('u', r'⟦pass:12⟧')",
];

fn library() -> Option<PathBuf> {
    let output =
        Command::new("python3").args(["-c", "import sysconfig; print(sysconfig.get_path('stdlib'))"]).output().ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    path.is_dir().then_some(path)
}

fn scripts(directory: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() && !path.ends_with("site-packages") && !path.ends_with("dist-packages") {
            scripts(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "py")
            && path.metadata().is_ok_and(|metadata| metadata.len() < 120_000)
        {
            found.push(path);
        }
    }
}

/// The text with plants in it, and the values that they have.
fn planted(text: &str, seed: usize) -> (String, Vec<String>) {
    let mut out = String::new();
    let mut values = Vec::new();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut next = seed;
    for (i, line) in lines.iter().enumerate() {
        out.push_str(line);
        let opens = line.starts_with("def ") || line.starts_with("class ");
        let indent = lines.get(i + 1).map_or("", |next| &next[..next.len() - next.trim_start().len()]);
        let docstring = lines.get(i + 1).is_some_and(|next| next.trim_start().starts_with(['"', '\'', 'r']));
        if opens && line.trim_end().ends_with(':') && !indent.is_empty() && !docstring && (i + seed).is_multiple_of(3) {
            let (plant, found) = made_up::fill(PLANTS[next % PLANTS.len()]);
            next += 1;
            for line in plant.lines() {
                out.push_str(&format!("{indent}{line}\n"));
            }
            values.extend(found);
        }
    }
    (out, values)
}

#[test]
fn the_standard_library() {
    let Some(library) = library() else { return };
    let mut paths = Vec::new();
    scripts(&library, &mut paths);
    let step = (paths.len() / MOST).max(1);
    let fixing = Fixing { unsafe_too: true, move_values: true, ..Fixing::default() };
    let mut fixed_files = 0;
    let directory = tempfile::tempdir().unwrap();
    for (i, path) in paths.iter().enumerate().step_by(step) {
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        let head = if i % 2 == 0 { "from locust import HttpUser\n" } else { "" };
        // A future import has to come first.
        let head = if text.contains("from __future__") { "" } else { head };
        let (text, values) = planted(&format!("{head}{text}"), i);
        let place = directory.path().join(i.to_string());
        std::fs::write(place.with_extension("before"), &text).unwrap();
        let run =
            |text: String| fix_texts(&BTreeMap::from([("script.py".to_owned(), text)]), &Options::default(), &fixing);
        let fixed = run(text.clone());
        let Some(file) = fixed.files.first() else { continue };
        fixed_files += 1;
        let after = file.after.expose_str().unwrap();
        std::fs::write(place.with_extension("after"), after).unwrap();
        let kept: String = fixed.secrets.iter().map(|secret| secret.value.expose_str().unwrap()).collect();
        for value in &values {
            assert!(after.contains(value.as_str()) || kept.contains(value.as_str()), "lost from {}", path.display());
        }
        assert!(fixed.audit.problems.is_empty(), "{}: {:?}", path.display(), fixed.audit.problems);
        for left in &fixed.left {
            assert!(
                !matches!(left.why, tegmen_audit::Why::Failed(_)),
                "{}: {left:?} {:?}",
                path.display(),
                fixed.audit.findings[left.finding]
            );
        }
        let again = run(after.to_owned());
        if let Some(more) = again.files.first() {
            let applied = &again.applied;
            panic!("{}: not all at once: {applied:?}\n{}", path.display(), more.shown_after.len());
        }
    }
    // Python itself, which may be older than what the parser knows, has the last word.
    let check = "import glob, sys, warnings\nwarnings.simplefilter('ignore')\nfor path in glob.glob(sys.argv[1] + '/*.after'):\n    \
                 try: compile(open(path.replace('.after', '.before')).read(), path, 'exec')\n    \
                 except SyntaxError: continue\n    compile(open(path).read(), path, 'exec')\n";
    let output = Command::new("python3").args(["-c", check]).arg(directory.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(fixed_files > 50, "{fixed_files}");
}
