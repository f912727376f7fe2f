//! Files beside the scripts: `.env`, `locust.conf`, YAML, TOML, JSON, Dockerfiles, shell.
//!
//! Each gives names and values with their places; the same judge says which are secrets.

use tegmen_classify as classify;
use tegmen_syntax::Span;

use crate::literal::judge::judge;
use crate::literal::text::{Values, pairs};
use crate::literal::{Judged, Literal, Site};
use crate::prefilter::has_sensitive_word;
use crate::walk::FileKind;

/// The secrets of a file that is no Python.
pub fn collect(kind: FileKind, text: &str) -> Vec<Judged> {
    let mut found = Vec::new();
    if !has_sensitive_word(text.as_bytes()) && !text.contains("://") && !text.contains("eyJ") {
        return found;
    }
    // A dataset or a lock file in JSON is no configuration.
    if kind == FileKind::Json && text.len() > 200_000 {
        return found;
    }
    let mut offset = 0;
    let mut above = String::new();
    for line in text.split_inclusive('\n') {
        if !matches!(line.trim_start().as_bytes().first(), None | Some(b'#')) && line.len() < 20_000 {
            one(kind, line, offset, &mut found, &above);
            line.trim().clone_into(&mut above);
        }
        offset += line.len() as u32;
    }
    private_keys(text, &mut found);
    found
}

fn one(kind: FileKind, line: &str, offset: u32, found: &mut Vec<Judged>, above: &str) {
    let values = match kind {
        FileKind::Json => Values::Quoted,
        _ => Values::Line,
    };
    let mut any = false;
    let mut last = 0;
    for pair in pairs(line, values) {
        if pair.value.start < last {
            continue;
        }
        let mut name = &line[pair.name.clone()];
        let mut value = pair.value.clone();
        // In YAML, `- NAME=value` stands in a list of variables, and a URL has a `:` too.
        if !pair.quoted && matches!(kind, FileKind::Dockerfile | FileKind::Lines) {
            value = trim_quotes(line, value);
            if kind == FileKind::Dockerfile {
                value = value.start..line[value.clone()].find(' ').map_or(value.end, |at| value.start + at);
            }
        }
        // `name: PASSWORD` and `value: x`, the way Kubernetes writes variables.
        if name == "value"
            && let Some(above) = above.trim_start_matches("- ").strip_prefix("name:")
        {
            name = above.trim().trim_matches(['"', '\'']);
        }
        if add(name, line, value.clone(), offset, found) {
            any = true;
            last = value.end;
        }
    }
    if !any && (line.contains("://") || line.contains("eyJ") || line.contains("gh") || line.contains("AKIA")) {
        let text = line.trim_end();
        add("", text, 0..text.len(), offset, found);
    }
}

fn trim_quotes(line: &str, value: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let text = &line[value.clone()];
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(open @ (b'"' | b'\'')), Some(close)) if open == close && text.len() > 1 => value.start + 1..value.end - 1,
        _ => value,
    }
}

fn add(name: &str, line: &str, value: std::ops::Range<usize>, offset: u32, found: &mut Vec<Judged>) -> bool {
    let text = &line[value.clone()];
    // References: to other variables, to files, to a secrets manager, to CI's own store.
    if text.starts_with(['$', '!', '&', '*', '|', '>', '{', '[', '(', '`', '%', '<'])
        || text.contains("secrets.")
        || text.contains("${")
        || text.contains("$(")
    {
        return false;
    }
    if !name.is_empty() && classify::is_sensitive_name(name) && text.eq_ignore_ascii_case("true") {
        return false;
    }
    let site = if name.is_empty() { Site::Bare } else { Site::Config };
    let mut span = Span::new(offset + value.start as u32, offset + value.end as u32);
    let literal =
        Literal { name: name.to_owned(), value: text.to_owned(), spans: vec![span], site, block: None, list: None };
    let Some(mut judged) = judge(literal, false) else { return false };
    // The part of a line that is secret, where the line is all that is known.
    if let Some(at) = text.find(&judged.secret) {
        span = Span::new(span.start + at as u32, span.start + (at + judged.secret.len()) as u32);
        judged.literal.spans = vec![span];
    }
    found.push(judged);
    true
}

fn private_keys(text: &str, found: &mut Vec<Judged>) {
    if !text.contains("PRIVATE KEY-----") {
        return;
    }
    for token in classify::find_tokens(text).into_iter().filter(|token| token.kind == "a private key") {
        let span = Span::new(token.range.start as u32, token.range.end as u32);
        let value = text[token.range].to_owned();
        let literal =
            Literal { name: String::new(), value, spans: vec![span], site: Site::Config, block: None, list: None };
        found.extend(judge(literal, false));
    }
}
