//! Files beside the scripts: the commands that start Locust and Tegmen, and the hosts that they or Locust's settings name.
//!
//! Read by the line, as a person would: what counts is where a command stands, not everything that a shell could make of it.

use camino::Utf8Path;

use super::{Aim, At, Care, CareKind, Start, Survey, is_automatic, origin};
use crate::walk::FileKind;

/// What a file beside the scripts says.
pub fn look(path: &str, kind: FileKind, text: &str) -> Survey {
    let mut survey = Survey::default();
    // Most files say nothing of the kind. Locust's own settings need not name it.
    let is_settings = kind == FileKind::Ini && path.contains("locust");
    if !(is_settings || ["locust", "tegmen", "LOCUST_HOST"].iter().any(|word| text.contains(word))) {
        return survey;
    }
    let at = |line: u32| At { path: path.to_owned(), line };
    if matches!(
        kind,
        FileKind::Shell
            | FileKind::Makefile
            | FileKind::Yaml
            | FileKind::Dockerfile
            | FileKind::Script
            | FileKind::Toml
    ) {
        for (line, words) in commands(text, kind) {
            command(&words, at(line), &mut survey);
        }
    }
    for (line, value) in settings(path, kind, text) {
        survey.aims.extend(origin(&value).map(|origin| Aim { origin, at: at(line) }));
    }
    survey
}

/// The words of each command, with its first line.
fn commands(text: &str, kind: FileKind) -> Vec<(u32, Vec<String>)> {
    let mut found: Vec<(u32, Vec<String>)> = Vec::new();
    let mut goes_on = false;
    for (number, line) in (1..).zip(text.lines()) {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            goes_on = false;
            continue;
        }
        // A list of YAML or a continued line is one command.
        let item = kind == FileKind::Yaml && trimmed.starts_with("- ") && trimmed.split_whitespace().count() == 2;
        let words = trimmed
            .trim_end_matches('\\')
            .split(|c: char| {
                c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '[' | ']' | '(' | ')' | ';' | '|' | '&')
            })
            .filter(|word| !word.is_empty() && *word != "-")
            .map(str::to_owned);
        match found.last_mut() {
            Some((_, known)) if goes_on => known.extend(words),
            _ => found.push((number, words.collect())),
        }
        goes_on = item || trimmed.ends_with('\\');
    }
    found
}

fn command(words: &[String], at: At, survey: &mut Survey) {
    let program = |word: &String| word.rsplit('/').next().unwrap_or(word).trim_start_matches('@').to_owned();
    let is_automatic = is_automatic(&at.path);
    let mut is_protected = false;
    for (index, word) in words.iter().enumerate() {
        let next = words.get(index + 1).map(String::as_str);
        match (program(word).as_str(), next) {
            ("tegmen", Some("run")) => is_protected = true,
            ("tegmen", Some("prove")) => {
                is_protected = true;
                survey.care.push(Care { kind: CareKind::Proof, at: at.clone(), is_automatic });
            }
            ("tegmen", Some("audit")) => {
                survey.care.push(Care { kind: CareKind::Audit, at: at.clone(), is_automatic });
            }
            ("tegmen-audit", _) if words.first().is_some_and(|first| first == "id:") => {
                survey.care.push(Care { kind: CareKind::Audit, at: at.clone(), is_automatic });
            }
            ("locust", next) if starts(words, index, next) => {
                let rest = &words[index + 1..];
                let role = |word: &String| matches!(word.as_str(), "--master" | "--worker" | "--slave");
                let is_key = |word: &String| word == "--cluster-key" || word.starts_with("--cluster-key=");
                survey.starts.push(Start {
                    at: at.clone(),
                    is_protected,
                    is_distributed: rest.iter().any(role),
                    has_cluster_key: is_protected && words[..index].iter().any(is_key),
                });
                survey.aims.extend(host(rest).and_then(origin).map(|origin| Aim { origin, at: at.clone() }));
                return;
            }
            _ => {}
        }
    }
}

/// Whether the word `locust` is a command here: first, behind another command, or with options behind it.
fn starts(words: &[String], index: usize, next: Option<&str>) -> bool {
    let before = index.checked_sub(1).map(|before| words[before].as_str());
    let installs = words.iter().any(|word| matches!(word.as_str(), "install" | "add" | "image:" | "FROM" | "name:"));
    let goes = match before {
        None => true,
        Some(before) => {
            before.ends_with(':')
                || before.contains('=')
                || matches!(
                    before,
                    "--" | "-m" | "run" | "exec" | "CMD" | "ENTRYPOINT" | "RUN" | "nohup" | "sudo" | "time"
                )
        }
    };
    !installs && (goes || next.is_some_and(|next| next.starts_with('-')))
}

fn host(words: &[String]) -> Option<&str> {
    words.iter().enumerate().find_map(|(index, word)| match word.as_str() {
        "--host" | "-H" => words.get(index + 1).map(String::as_str),
        word => word.strip_prefix("--host="),
    })
}

/// What settings of Locust say about its host.
fn settings(path: &str, kind: FileKind, text: &str) -> Vec<(u32, String)> {
    let name = Utf8Path::new(path).file_name().unwrap_or_default();
    let of_locust = kind == FileKind::Ini && name.contains("locust");
    let mut in_table = false;
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if kind == FileKind::Toml && line.starts_with('[') {
            in_table = line.starts_with("[tool.locust") || name.contains("locust");
        }
        let value = match line.split_once(['=', ':']) {
            Some((key, value)) if key.trim_end() == "host" && (of_locust || in_table) => value,
            _ => match line.split_once("LOCUST_HOST") {
                Some((before, value)) if !before.contains('#') && value.trim_start().starts_with(['=', ':']) => {
                    value.trim_start().trim_start_matches([':', '=', '?'])
                }
                _ => continue,
            },
        };
        let value = value.trim().trim_start_matches(['"', '\'']);
        let value = value.split(['"', '\'', ' ', '#']).next().unwrap_or_default();
        found.push((number, value.to_owned()));
    }
    found
}
