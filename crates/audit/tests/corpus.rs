//! Realistic scripts, bad and good: every line that a reviewer would mark is marked, and nothing else may be.
//!
//! `corpus/*.txt` hold one or more files each (`==== path`). A line that is to be found ends in `#! rule, rule`; the marks are
//! taken away before the audit. Values that look real are made here, from `⟦kind⟧`, so that no scanner trips over the repository.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

mod made_up;

use std::collections::BTreeMap;

use camino::Utf8Path;
use tegmen_audit::{Options, audit_texts};

struct Case {
    name: String,
    files: BTreeMap<String, String>,
    expected: Vec<(String, u32, String)>,
    values: Vec<String>,
}

fn cases() -> Vec<Case> {
    let mut paths: Vec<_> = std::fs::read_dir(Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        // A `==== path` begins a file, a `#### name` a case.
        for section in text.split("\n#### ").flat_map(|section| section.strip_prefix("#### ").or(Some(section))) {
            let (name, body) = section.split_once('\n').unwrap_or((section, ""));
            if name.trim().is_empty() {
                continue;
            }
            cases.push(case(name.trim(), body));
        }
    }
    cases
}

fn case(name: &str, body: &str) -> Case {
    let mut case = Case { name: name.into(), files: BTreeMap::new(), expected: Vec::new(), values: Vec::new() };
    let mut path = "locustfile.py".to_owned();
    let mut text = String::new();
    for line in body.lines() {
        if let Some(next) = line.strip_prefix("==== ") {
            if !text.trim().is_empty() {
                case.files.insert(path.clone(), std::mem::take(&mut text));
            }
            text.clear();
            path = next.trim().to_owned();
            continue;
        }
        let (code, marks) = match line.rsplit_once("#! ") {
            Some((code, marks)) => (code.trim_end(), marks),
            None => (line, ""),
        };
        let number = text.lines().count() as u32 + 1;
        for rule in marks.split(',').map(str::trim).filter(|rule| !rule.is_empty()) {
            case.expected.push((path.clone(), number, rule.to_owned()));
        }
        let (line, values) = made_up::fill(code);
        case.values.extend(values);
        text.push_str(&line);
        text.push('\n');
    }
    case.files.insert(path, text);
    case.expected.sort();
    case
}

fn found(case: &Case) -> Vec<(String, u32, String)> {
    let audit = audit_texts(&case.files, &Options::default());
    let mut found: Vec<(String, u32, String)> = audit
        .findings
        .iter()
        .flat_map(|finding| {
            finding.locations().iter().map(|place| (place.path.clone(), place.line, finding.rule.id.to_owned()))
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn what_is_marked_is_found_and_nothing_else() {
    let (mut right, mut missed, mut wrong) = (0, Vec::new(), Vec::new());
    let cases = cases();
    assert!(cases.len() >= 30, "only {} cases", cases.len());
    for case in &cases {
        let found = found(case);
        let line = |(path, number, rule): &(String, u32, String)| {
            let text = case.files[path].lines().nth(*number as usize - 1).unwrap_or_default();
            format!("{}: {path}:{number} {rule}   {}", case.name, text.trim().chars().take(110).collect::<String>())
        };
        right += found.iter().filter(|item| case.expected.contains(item)).count();
        missed.extend(case.expected.iter().filter(|item| !found.contains(item)).map(line));
        wrong.extend(found.iter().filter(|item| !case.expected.contains(item)).map(line));
    }
    println!("{} cases, {right} right, {} missed, {} wrong", cases.len(), missed.len(), wrong.len());
    assert!(
        missed.is_empty() && wrong.is_empty(),
        "missed:\n  {}\nwrong:\n  {}",
        missed.join("\n  "),
        wrong.join("\n  ")
    );
}

#[test]
fn no_excerpt_or_message_has_a_value() {
    for case in cases() {
        let audit = audit_texts(&case.files, &Options::default());
        let findings = serde_json::to_string(&audit.findings).unwrap();
        let shown = format!("{:?}{findings}{:?}", audit.findings, audit.uses);
        for value in case.values.iter().filter(|value| value.len() >= 12) {
            for piece in value.as_bytes().chunks(8).filter(|piece| piece.len() == 8) {
                let piece = String::from_utf8_lossy(piece);
                assert!(
                    !shown.contains(&*piece) || piece.contains("-----"),
                    "{}: a part of a value is shown",
                    case.name
                );
            }
        }
    }
}

#[test]
fn every_use_is_told_the_good_ones_as_such() {
    let script = "import os\nfrom locust import HttpUser, events\nfrom tegmen import secret\n\
        API_KEY = secret(\"API_KEY\")\nUSER_TOKEN = os.environ[\"USER_TOKEN\"]\n\
        print(\"Bearer \" + os.getenv(\"OTHER_TOKEN\"))\nPASSWORD = \"Winter-2031\"\n\
        @events.init_command_line_parser.add_listener\ndef _(parser):\n    \
        parser.add_argument(\"--shop-password\", is_secret=True, include_in_web_ui=False)\n    parser.add_argument(\"--items\")\n";
    let files = BTreeMap::from([("locustfile.py".to_owned(), script.to_owned())]);
    let audit = audit_texts(&files, &Options::default());
    let told: Vec<(u32, &str, bool)> = audit.uses.iter().map(|one| (one.line, one.name.as_str(), one.good)).collect();
    let expected = [
        (4, "API_KEY", true),
        (5, "USER_TOKEN", true),
        (6, "OTHER_TOKEN", false),
        (7, "PASSWORD", false),
        (10, "shop-password", true),
    ];
    assert_eq!(told, expected);
    assert_eq!(audit.good_uses(), 3);
}

/// Whatever a file holds: cut, doubled, with letters of several bytes and stray quotes in it.
#[test]
fn any_text_is_audited() {
    let pieces = [
        "ä",
        "\u{1F980}",
        "'",
        "\"\"\"",
        "\\",
        "\0",
        "{",
        "}",
        "password=",
        "://a:b@",
        "eyJ",
        "\r",
        "# ",
        "<x>",
        "f'{",
        "\u{feff}",
        "?token=",
    ];
    let texts: Vec<String> = cases().into_iter().flat_map(|case| case.files.into_values()).collect();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize % below.max(1)
    };
    for round in 0..400 {
        let mut text: Vec<char> = texts[next(texts.len())].chars().collect();
        for _ in 0..next(12) {
            let at = next(text.len() + 1);
            match next(3) {
                0 => drop(text.drain(at..(at + next(40)).min(text.len()))),
                1 => drop(text.splice(at..at, pieces[next(pieces.len())].chars())),
                _ => text.truncate(at),
            }
        }
        let text: String = text.into_iter().collect();
        for name in ["locustfile.py", ".env", "a.yaml", "a.json", "a.toml", "Dockerfile"] {
            let files = BTreeMap::from([(name.to_owned(), text.clone())]);
            let audit = audit_texts(&files, &Options::default());
            assert!(audit.files == 1, "round {round}");
        }
    }
}
