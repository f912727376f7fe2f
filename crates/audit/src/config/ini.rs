//! INI, `locust.conf`, properties, `.netrc`, `.npmrc`, `.pgpass`: names and values line by line.

use super::collector::Collector;
use super::locust::{Setting, is_option};
use super::tree::sensitive_name;
use super::{dotenv, shell};

/// Reads the text as INI and its kin.
pub fn read(collector: &mut Collector<'_>) {
    let (text, path) = (collector.text(), collector.path());
    let file = path.rsplit('/').next().unwrap_or(path);
    if matches!(file, ".netrc" | "_netrc") {
        return netrc(collector);
    }
    if matches!(file, ".pgpass" | "pgpass.conf") {
        return pgpass(collector);
    }
    // `~/.locust.conf` and `locust.conf`, or whatever a command line calls so.
    let locusts = file.ends_with("locust.conf") || text.lines().any(|line| option_name(line) == Some("locustfile"));
    let mut at = 0;
    let mut section = "";
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let trimmed = line.trim();
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
            continue;
        }
        if trimmed.is_empty() || trimmed.starts_with(['#', ';', '!']) {
            continue;
        }
        let body = trimmed.trim_start_matches('-');
        let Some(separator) = separator(body) else { continue };
        let name = body[..separator].trim().trim_matches('"');
        let rest = &body[separator + 1..];
        let value = uncommented(rest).trim_end_matches(';').trim();
        let quoted = value.len() > 1 && value.starts_with(['"', '\'']) && value.ends_with(&value[..1]);
        let value = if quoted { &value[1..value.len() - 1] } else { value };
        // Where it stands: all of these are parts of one text.
        let from = start + (value.as_ptr() as usize).saturating_sub(line.as_ptr() as usize);
        let span = from..from + value.len();
        if locusts && is_option(name) || section == "tool.locust" {
            collector.setting(Setting::new(name, value, &span));
        }
        // `setenv = TOKEN=x`, and commands.
        if let Some((inner, length)) =
            dotenv::assignment(value).filter(|(inner, _)| inner.bytes().all(|b| !b.is_ascii_lowercase()))
        {
            collector.value(inner, &value[length..], span.start + length..span.end);
        } else if value.contains("locust ") && value.contains(" -") {
            shell::read(collector, span, shell::Dialect::Shell);
        } else {
            collector.value(&sensitive_name(&[section, name]), value, span);
        }
    }
}

/// The name of an option in a line of `locust.conf`.
fn option_name(line: &str) -> Option<&str> {
    let line = line.trim().trim_start_matches("--");
    Some(line[..separator(line)?].trim())
}

/// Where a name ends: at `=` or `:`, or else at a blank.
fn separator(line: &str) -> Option<usize> {
    let at = line.find(['=', ':']).or_else(|| line.find([' ', '\t']))?;
    (at > 0 && at < 120).then_some(at)
}

/// A value without the comment after it.
fn uncommented(value: &str) -> &str {
    let cut = [" #", "\t#", " ;", "\t;"].iter().filter_map(|mark| value.find(mark)).min();
    &value[..cut.unwrap_or(value.len())]
}

/// `machine x login y password z`, over any number of lines.
fn netrc(collector: &mut Collector<'_>) {
    let text = collector.text();
    let words: Vec<&str> = text.split_whitespace().collect();
    for pair in words.windows(2).filter(|pair| pair[0] == "password") {
        let start = pair[1].as_ptr() as usize - text.as_ptr() as usize;
        collector.value("password", pair[1], start..start + pair[1].len());
    }
}

/// `host:port:database:user:password`
fn pgpass(collector: &mut Collector<'_>) {
    let mut at = 0;
    for line in collector.text().split_inclusive('\n') {
        if let Some(split) =
            line.trim_end().rfind(':').filter(|_| !line.starts_with('#') && line.matches(':').count() >= 4)
        {
            let value = line[split + 1..].trim_end();
            collector.value("password", value, at + split + 1..at + split + 1 + value.len());
        }
        at += line.len();
    }
}
