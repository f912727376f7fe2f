//! Text that does not parse as what it should be: searched line by line.

use std::collections::BTreeSet;

use tegmen_classify as classify;
use tegmen_findings::Confidence;
use tegmen_syntax::Span;

use super::collector::Collector;
use super::reference::{is_about, is_reference};
use super::{shell, tree};
use crate::literal::judge::judge;
use crate::literal::text::{Values, pairs};
use crate::literal::{Judged, Literal, Site};

/// Lines longer than this are data.
const LINE: usize = 20_000;

/// Reads the text line by line: `name: value`, `name = value`, `"name": "value"`.
pub fn read(collector: &mut Collector<'_>) {
    let text = collector.text();
    let mut at = 0;
    let mut above = "";
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let trimmed = line.trim();
        if trimmed.len() > LINE || trimmed.starts_with('#') || trimmed.starts_with("//") {
            continue;
        }
        let mut last = 0;
        for pair in pairs(line, Values::Line) {
            if pair.value.start < last {
                continue;
            }
            let mut name = &line[pair.name.clone()];
            // `name: PASSWORD` and `value: x`, the way Kubernetes writes variables.
            if name == "value"
                && let Some(above) = above.trim_start_matches("- ").strip_prefix("name:")
            {
                name = above.trim().trim_matches(['"', '\'']);
            }
            let name = tree::sensitive_name(&[name]);
            let value = &line[pair.value.clone()];
            if collector.value(&name, value, start + pair.value.start..start + pair.value.end) {
                last = pair.value.end;
            }
        }
        if last == 0 && trimmed.contains("locust ") {
            shell::read(collector, start..at, shell::Dialect::Shell);
        } else if last == 0 && line.contains("://") && line.contains('@') {
            // The second line of a command, say.
            for word in line.split_whitespace().map(|word| word.trim_matches(['"', '\'', ',', ';'])) {
                let from = start + (word.as_ptr() as usize - line.as_ptr() as usize);
                collector.keep("", word, from..from + word.len(), Site::Bare, None);
            }
        }
        above = trimmed;
    }
    collector.shapes(0..text.len().min(4 << 20));
}

/// Reads a script of a language that is not parsed (Groovy, HCL, PowerShell, batch): what stands in quotes, and calls of Locust.
pub fn script(collector: &mut Collector<'_>) {
    let text = collector.text();
    let mut at = 0;
    // `variable "db_password" { default = "…" }`
    let mut block = "";
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let trimmed = line.trim();
        if trimmed.len() > LINE || trimmed.starts_with("//") || trimmed.starts_with('#') || trimmed.starts_with("REM ")
        {
            continue;
        }
        if let Some(rest) = trimmed.strip_prefix("variable ") {
            block = rest.trim_matches(['"', ' ', '{']);
        }
        let batch = trimmed.to_ascii_lowercase().starts_with("set ");
        let mut any = false;
        // `{ name = "API_TOKEN", value = "…" }`
        let mut given = "";
        for pair in pairs(line, if batch { Values::Line } else { Values::Quoted }) {
            if &line[pair.name.clone()] == "name" {
                given = &line[pair.value.clone()];
            }
            let name = match &line[pair.name.clone()] {
                "default" if !block.is_empty() => block,
                "value" if !given.is_empty() => given,
                name => name,
            };
            any |= collector.value(name, &line[pair.value.clone()], start + pair.value.start..start + pair.value.end);
        }
        if !any && let Some(word) = ["locust ", "curl ", "docker login"].iter().find_map(|word| line.find(word)) {
            // `sh 'locust --password x'`: what is inside the quotes.
            let open = line[..word].rfind(['"', '\'']);
            let close = open.and_then(|open| line[word..].find(&line[open..=open]).map(|end| open + 1..word + end));
            let inner = close.unwrap_or(0..line.len());
            shell::read(collector, start + inner.start..start + inner.end, shell::Dialect::Shell);
        }
    }
    collector.shapes(0..text.len().min(4 << 20));
}

/// Searches Python that does not parse for what the facts about it do not have.
pub fn broken_python(text: &str, found: &mut Vec<Judged>) {
    let mut known: BTreeSet<(u32, u32)> =
        found.iter().flat_map(|judged| &judged.literal.spans).map(|span| (span.start, span.end)).collect();
    let mut keep = |name: &str, value: &str, start: usize, site| {
        let span = Span::new(start as u32, (start + value.len()) as u32);
        let taken = known.range(..(span.end, 0)).next_back().is_some_and(|(_, end)| *end > span.start);
        if taken || is_reference(value) || value.contains("%s") || value.contains('{') {
            return;
        }
        let literal = Literal {
            name: name.to_owned(),
            value: value.to_owned(),
            spans: vec![span],
            site,
            block: None,
            list: None,
        };
        if let Some(mut judged) = judge(literal, false) {
            known.insert((span.start, span.end));
            judged.confidence = judged.confidence.min(Confidence::Medium);
            found.push(judged);
        }
    };
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        if line.len() > LINE || line.trim_start().starts_with('#') {
            continue;
        }
        for pair in pairs(line, Values::Quoted) {
            let (name, value) = (&line[pair.name.clone()], &line[pair.value.clone()]);
            if classify::is_sensitive_header(name) && !is_about(name, value) {
                let site = if name.contains('-') || name.eq_ignore_ascii_case("authorization") {
                    Site::Header
                } else {
                    Site::Key
                };
                keep(name, value, start + pair.value.start, site);
            }
        }
        for token in classify::find_tokens(line) {
            keep("", &line[token.range.clone()], start + token.range.start, Site::Bare);
        }
        for url in line.match_indices("://").filter_map(|(at, _)| url_around(line, at)) {
            keep("", &line[url.clone()], start + url.start, Site::Bare);
        }
    }
}

/// The URL around its `://`.
fn url_around(line: &str, at: usize) -> Option<std::ops::Range<usize>> {
    let start = line[..at].rfind(|c: char| !c.is_ascii_alphanumeric() && c != '+').map_or(0, |found| found + 1);
    let start = (start..=at).find(|start| line.is_char_boundary(*start))?;
    let end = line[at..]
        .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')' | '<' | '>'))
        .map_or(line.len(), |found| at + found);
    Some(start..end)
}
