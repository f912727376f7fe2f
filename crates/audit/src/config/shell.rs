//! Shell: assignments, and what commands are given on their line. Serves Makefiles, Dockerfiles and the scripts in YAML as well.

use std::ops::Range;

use tegmen_classify as classify;

use super::collector::Collector;
use super::locust::{self, Setting};

/// Whose syntax it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// A shell's.
    Shell,
    /// Make's: variables of its own, and recipes.
    Make,
}

/// A word as the shell sees it.
#[derive(Debug, Clone)]
pub struct Word {
    /// Without its quotes.
    pub text: String,
    /// Where it stands, without the quotes around all of it.
    pub span: Range<usize>,
    /// Where the part after its first `=` stands, without quotes; with what it says.
    pub assigned: Option<Range<usize>>,
    /// Whether a variable or a command goes into it.
    pub expands: bool,
}

/// Reads a range of the text as commands.
pub fn read(collector: &mut Collector<'_>, range: Range<usize>, dialect: Dialect) {
    let text = collector.text();
    let Some(slice) = text.get(range.clone()) else { return };
    let mut at = 0;
    while at < slice.len() {
        let start = at;
        at = command_end(slice, start);
        let line = &slice[start..at];
        if line.len() > 60_000 {
            continue;
        }
        if dialect == Dialect::Make && !line.starts_with('\t') && make_variable(collector, line, range.start + start) {
            continue;
        }
        let mut command: Vec<Word> = Vec::new();
        for piece in pieces(line) {
            match piece {
                Piece::Word(mut word) => {
                    let offset = range.start + start;
                    word.span = word.span.start + offset..word.span.end + offset;
                    word.assigned = word.assigned.map(|span| span.start + offset..span.end + offset);
                    if dialect == Dialect::Make && command.is_empty() {
                        word.text = word.text.trim_start_matches(['@', '-', '+']).to_owned();
                    }
                    command.push(word);
                }
                Piece::End(mark) => {
                    shown(collector, &command, mark);
                    one(collector, &std::mem::take(&mut command));
                }
            }
        }
        shown(collector, &command, b'\n');
        one(collector, &command);
    }
}

/// Reads commands whose places inside the file cannot be told: all of them are said to stand at `span`.
pub fn decoded(collector: &mut Collector<'_>, text: &str, span: Range<usize>) {
    let mut map = super::map::Map::default();
    let raw = collector.text().get(span.clone()).unwrap_or_default();
    // Word for word where nothing is escaped before it.
    let same = raw.bytes().zip(text.bytes()).take_while(|(a, b)| a == b && *a != b'\\').count();
    map.push(0, span.start);
    for at in same..=text.len().min(same + 20_000) {
        map.push(at, (span.start + same).min(span.end.saturating_sub(1)));
    }
    collector.nested(crate::walk::FileKind::Shell, "", text, &map);
}

/// Reads the words of one command.
pub fn words(collector: &mut Collector<'_>, words: Vec<(String, Range<usize>)>) {
    // `["sh", "-c", "a whole script"]`
    if let [.., (flag, _), (script, span)] = &words[..]
        && matches!(flag.as_str(), "-c" | "-lc" | "-ec" | "-exc" | "-euxc" | "-euc" | "/c")
    {
        if collector.text().get(span.clone()) == Some(script) {
            return read(collector, span.clone(), Dialect::Shell);
        }
        return decoded(collector, script, span.clone());
    }
    let words: Vec<Word> = words
        .into_iter()
        .map(|(text, span)| {
            let raw = collector.text().get(span.clone()) == Some(&text);
            let assigned = text.find('=').map(|at| if raw { span.start + at + 1..span.end } else { span.clone() });
            Word { expands: text.contains('$') || text.contains("{{"), text, span, assigned }
        })
        .collect();
    one(collector, &words);
}

/// One command.
fn one(collector: &mut Collector<'_>, words: &[Word]) {
    let mut first = 0;
    for word in words {
        if !is_assignment(word) {
            break;
        }
        assignment(collector, word, 0);
        first += 1;
    }
    for word in words {
        substituted(collector, word);
    }
    let words = &words[first..];
    let Some(program) = words.first() else { return };
    let mut program = program.text.rsplit('/').next().unwrap_or_default();
    if matches!(
        program,
        "sudo" | "exec" | "time" | "nohup" | "env" | "command" | "then" | "do" | "else" | "if" | "while" | "!"
    ) {
        let rest =
            words.iter().position(|word| !is_assignment(word) && !word.text.starts_with('-') && word.text != program);
        program = rest.map_or(program, |at| words[at].text.rsplit('/').next().unwrap_or_default());
    }
    let program = program.to_owned();
    if matches!(program.as_str(), "echo" | "printf") {
        // What is written out goes into files and pipes: `echo "TOKEN=x" >> .env`.
        for word in &words[1..] {
            if is_assignment(word) {
                assignment(collector, word, 0);
            } else {
                collector.value("", &word.text, word.span.clone());
            }
        }
        return;
    }
    if let Some(command) = locust::command(collector.text(), &words.iter().collect::<Vec<_>>()) {
        collector.command(command);
    }
    arguments(collector, &program, words);
}

/// Notes the variables that `echo` shows, unless what it writes goes into a pipe or a file. `mark` ends the command.
fn shown(collector: &mut Collector<'_>, words: &[Word], mark: u8) {
    let program = words.first().map_or("", |word| word.text.as_str());
    if !matches!(program, "echo" | "printf") || matches!(mark, b'|' | b'>' | b'(' | b'<' | b'`') {
        return;
    }
    for word in &words[1..] {
        let secret = |name: &&str| classify::is_sensitive_name(name) || is_fetched(collector.text(), name);
        if let Some(name) = variables(&word.text).find(secret) {
            collector.printed(name.to_owned(), word.span.clone());
        }
    }
}

/// Whether a variable is given a token that a command fetches: `ACCESS=$(curl … | jq -r .access_token)`.
fn is_fetched(text: &str, name: &str) -> bool {
    const FETCHED: &[&str] = &[
        ".access_token",
        ".id_token",
        ".refresh_token",
        ".token",
        ".jwt",
        "print-access-token",
        "print-identity-token",
        "get-secret-value",
        "vault kv get",
        "vault read",
    ];
    let assigned = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line);
        line.strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('='))
            .map(|value| value.trim_start_matches('"'))
            .is_some_and(|value| value.starts_with("$(") && FETCHED.iter().any(|word| value.contains(word)))
    };
    text.lines().any(assigned)
}

/// The variables whose value goes into a word: `$NAME`, `${NAME}`, `${{ secrets.NAME }}`. Its length, or what stands for it, is none.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split('$').skip(1).filter_map(move |rest| {
        let inside = rest.strip_prefix('{');
        let rest = inside.unwrap_or(rest);
        let rest = rest.strip_prefix('{').map_or(rest, |rest| rest.trim_start().trim_start_matches("secrets."));
        let name = &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())];
        let whole = inside.is_none()
            || rest[name.len()..].trim_start().starts_with('}')
            || rest[name.len()..].starts_with(":-");
        (whole && !name.is_empty()).then_some(name)
    })
}

/// Reads the command in `TOKEN=$(curl …)`.
fn substituted(collector: &mut Collector<'_>, word: &Word) {
    let Some(raw) = collector.text().get(word.span.clone()).filter(|_| word.expands) else { return };
    if let (Some(open), Some(close)) = (raw.find("$("), raw.rfind(')'))
        && open + 2 < close
    {
        let inner = word.span.start + open + 2..word.span.start + close;
        collector.deeper(|collector| read(collector, inner, Dialect::Shell));
    }
}

fn arguments(collector: &mut Collector<'_>, program: &str, words: &[Word]) {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        if !word.text.starts_with('-') || word.text.len() < 2 {
            if is_assignment(word) {
                assignment(collector, word, 0);
            } else if at > 1 && word.text.len() > 8 {
                positional(collector, words, at - 1);
            }
            continue;
        }
        let (flag, value) = match word.text.split_once('=') {
            Some((flag, value)) => {
                let span = word.assigned.clone().unwrap_or_else(|| word.span.clone());
                (flag, Some(Word { text: value.to_owned(), span, assigned: None, expands: word.expands }))
            }
            None => (word.text.as_str(), words.get(at).filter(|next| !next.text.starts_with('-')).cloned()),
        };
        let attached = word.text.contains('=');
        let Some(value) = value else { continue };
        let name = flag.trim_start_matches('-');
        let known = match flag {
            "-H" | "--header" | "--headers" | "--proxy-header" if program != "locust" => header(collector, &value),
            "-u" | "--user" | "--proxy-user" | "-U"
                if matches!(program, "curl" | "wget" | "http" | "https" | "ab" | "hey") =>
            {
                pair(collector, &value)
            }
            "-a" | "--auth" if matches!(program, "http" | "https" | "hey" | "xh") => pair(collector, &value),
            "--web-auth" | "--basic-auth" => pair(collector, &value),
            "-p" | "-a" | "--pass"
                if matches!(program, "sshpass" | "redis-cli")
                    || words.iter().any(|word| word.text == "login") && flag == "-p" =>
            {
                collector.value("password", &value.text, value.span.clone());
                true
            }
            "-e" | "--env" | "--build-arg" | "--set" | "--set-string" | "--from-literal" | "--set-env-vars" | "-D" => {
                settings(collector, &value);
                true
            }
            _ if classify::is_sensitive_name(name) && name.len() > 2 => {
                collector.value(name, &value.text, value.span.clone());
                true
            }
            _ => {
                if attached && value.text.len() > 8 {
                    collector.value("", &value.text, value.span.clone());
                }
                false
            }
        };
        at += usize::from(known && !attached);
    }
}

/// An argument that belongs to no option: a URL, a header, JSON; or the value in `set aws_secret_access_key x`.
fn positional(collector: &mut Collector<'_>, words: &[Word], at: usize) {
    let word = &words[at];
    let before = &words[at - 1].text;
    let set = at >= 2 && matches!(words[at - 2].text.as_str(), "set" | "add");
    let name = if set && classify::is_sensitive_name(before) { before.clone() } else { String::new() };
    collector.value(&name, &word.text, word.span.clone());
}

/// `Authorization: Bearer x`
fn header(collector: &mut Collector<'_>, word: &Word) -> bool {
    if let Some(colon) = word.text.find(':') {
        let (name, value) = (&word.text[..colon], word.text[colon + 1..].trim_start());
        if classify::is_sensitive_header(name) {
            let skip = word.text.len() - value.len();
            let raw = collector.text().get(word.span.clone()) == Some(&word.text);
            let span = if raw { word.span.start + skip..word.span.end } else { word.span.clone() };
            collector.value(name, value, span);
        }
    }
    true
}

/// `user:password`
fn pair(collector: &mut Collector<'_>, word: &Word) -> bool {
    if let Some(colon) = word.text.find(':') {
        let span = word.span.end.saturating_sub(word.text.len() - colon - 1)..word.span.end;
        collector.value("password", &word.text[colon + 1..], span);
    }
    true
}

/// `a.b=c,d=e`, as Helm and Docker take them.
fn settings(collector: &mut Collector<'_>, word: &Word) {
    let Some((name, value)) = word.text.split_once('=') else { return };
    let several = value.split(',').skip(1).any(|part| part.contains('='));
    if !several {
        let span = word.span.end.saturating_sub(value.len())..word.span.end;
        named(collector, name, value, span);
        return;
    }
    let mut at = word.span.start;
    for part in word.text.split(',') {
        if let Some((name, value)) = part.split_once('=') {
            let start = at + name.len() + 1;
            named(collector, name, value, start..start + value.len());
        }
        at += part.len() + 1;
    }
}

fn named(collector: &mut Collector<'_>, name: &str, value: &str, span: Range<usize>) {
    if locust::is_variable(name) {
        collector.setting(Setting::new(name, value, &span));
    }
    let short = super::tree::sensitive_name(&[name]);
    collector.value(&short, value, span);
}

fn is_assignment(word: &Word) -> bool {
    word.assigned.is_some() && super::dotenv::assignment(&word.text).is_some()
}

/// Takes `NAME=value`; `offset` is where the text of the word's spans begins.
pub fn assignment(collector: &mut Collector<'_>, word: &Word, offset: usize) {
    let (Some((name, at)), Some(span)) = (super::dotenv::assignment(&word.text), word.assigned.clone()) else { return };
    named(collector, name, &word.text[at..], span.start + offset..span.end + offset);
}

/// `NAME := value`, `export NAME ?= value` of a Makefile.
fn make_variable(collector: &mut Collector<'_>, line: &str, offset: usize) -> bool {
    let body = line.trim_start();
    let body = body.strip_prefix("export ").or_else(|| body.strip_prefix("override ")).unwrap_or(body);
    let Some(equals) = body.find('=') else { return false };
    let name = body[..equals].trim_end_matches([':', '?', '+', '!', ' ', '\t']);
    // `target: NAME = value`
    let name = name.rsplit_once(": ").map_or(name, |(_, name)| name).trim();
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')) {
        return false;
    }
    let rest = &body[equals + 1..];
    let value = rest.find(" #").map_or(rest, |cut| &rest[..cut]).trim();
    let quoted = value.len() > 1 && value.starts_with(['"', '\'']) && value.ends_with(&value[..1]);
    let value = if quoted { &value[1..value.len() - 1] } else { value };
    let start = offset + (value.as_ptr() as usize - line.as_ptr() as usize);
    if value.contains("locust ") && value.contains(" -") {
        read(collector, start..start + value.len(), Dialect::Shell);
    } else {
        named(collector, name, value, start..start + value.len());
    }
    true
}

/// Where a command line ends: at the end of a line that is not continued and in which no quote is open.
fn command_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = start;
    let mut quote = None;
    while at < bytes.len() {
        let byte = bytes[at];
        match (byte, quote) {
            (b'\\', None | Some(b'"')) => at += 1,
            (b'\'' | b'"', None) if at == start || bytes[at - 1] != b'$' => quote = Some(byte),
            (_, Some(open)) if byte == open => quote = None,
            (b'#', None) if at == start || matches!(bytes[at - 1], b' ' | b'\t' | b'\n') => {
                at += memchr::memchr(b'\n', &bytes[at..]).unwrap_or(bytes.len() - at);
                continue;
            }
            (b'\n', None) => return at + 1,
            // A quote that does not close within reason is an apostrophe.
            (b'\n', Some(_)) if at - start > 8_000 => return at + 1,
            _ => {}
        }
        at += 1;
    }
    // Nor does one that never closes: then the line ends where it ends.
    match quote {
        Some(_) => memchr::memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |next| start + next + 1),
        None => bytes.len(),
    }
}

enum Piece {
    Word(Word),
    /// What ends a command.
    End(u8),
}

/// The words of a text, without what separates commands.
pub fn split(text: &str) -> Vec<Word> {
    pieces(text).into_iter().filter_map(|piece| if let Piece::Word(word) = piece { Some(word) } else { None }).collect()
}

fn pieces(text: &str) -> Vec<Piece> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b' ' | b'\t' | b'\r' => at += 1,
            b'\\' if matches!(bytes.get(at + 1), Some(b'\n' | b'\r')) => at += 2,
            b'#' => at += memchr::memchr(b'\n', &bytes[at..]).unwrap_or(bytes.len() - at),
            b'\n' | b';' | b'|' | b'&' | b'(' | b')' | b'<' | b'>' | b'`' => {
                found.push(Piece::End(bytes[at]));
                at += 1;
            }
            _ => {
                let (word, end) = word(text, at);
                found.push(Piece::Word(word));
                at = end.max(at + 1);
            }
        }
    }
    found
}

/// The word that begins at `start`, and where it ends.
fn word(text: &str, start: usize) -> (Word, usize) {
    let bytes = text.as_bytes();
    let mut out: Vec<u8> = Vec::new();
    let mut at = start;
    let mut expands = false;
    let mut equals = None;
    let mut quotes = 0;
    while at < bytes.len() {
        match bytes[at] {
            b' ' | b'\t' | b'\n' | b'\r' | b';' | b'|' | b'&' | b'(' | b')' | b'<' | b'>' | b'`' => break,
            b'\\' => {
                if matches!(bytes.get(at + 1), Some(b'\n' | b'\r')) {
                    break;
                }
                out.extend(bytes.get(at + 1));
                at += 2;
            }
            mark @ (b'\'' | b'"') => {
                let mut end = at + 1;
                while end < bytes.len() && bytes[end] != mark {
                    if mark == b'"'
                        && bytes[end] == b'\\'
                        && matches!(bytes.get(end + 1), Some(b'"' | b'\\' | b'$' | b'`'))
                    {
                        end += 1;
                        out.extend(bytes.get(end));
                    } else {
                        expands |= mark == b'"' && bytes[end] == b'$';
                        out.push(bytes[end]);
                    }
                    end += 1;
                }
                quotes += 1;
                at = end + 1;
            }
            b'$' if matches!(bytes.get(at + 1), Some(b'{' | b'(')) => {
                // To the closing bracket, whatever is inside.
                let (open, close) = if bytes[at + 1] == b'{' { (b'{', b'}') } else { (b'(', b')') };
                let mut depth = 0;
                expands = true;
                while at < bytes.len() {
                    out.push(bytes[at]);
                    depth += i32::from(bytes[at] == open) - i32::from(bytes[at] == close);
                    at += 1;
                    if depth == 0 && out.last() == Some(&close) {
                        break;
                    }
                }
            }
            byte => {
                expands |= byte == b'$';
                if byte == b'=' && equals.is_none() && quotes == 0 {
                    equals = Some(at + 1);
                }
                out.push(byte);
                at += 1;
            }
        }
    }
    let end = at.min(bytes.len());
    let bare = |range: Range<usize>| {
        let raw = &bytes[range.clone()];
        let whole = raw.len() >= 2 && matches!(raw[0], b'"' | b'\'') && raw[raw.len() - 1] == raw[0];
        if whole { range.start + 1..range.end - 1 } else { range }
    };
    let word = Word {
        // A character is never cut: all marks are ASCII.
        text: String::from_utf8_lossy(&out).into_owned(),
        span: bare(start..end),
        // `"NAME=value"` has it inside its quotes.
        assigned: equals.map(|from| bare(from..end)).or_else(|| {
            let inner = bare(start..end);
            let whole = quotes == 1 && inner.start > start;
            let at = memchr::memchr(b'=', &bytes[inner.clone()]).filter(|_| whole)?;
            Some(inner.start + at + 1..inner.end)
        }),
        expands,
    };
    (word, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_places() {
        let text = "A=b export C='d e' \"F=g\" --x=\"y\" ${H:-i j} 'it'\\''s' # k";
        let words = split(text);
        let seen: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(seen, ["A=b", "export", "C=d e", "F=g", "--x=y", "${H:-i j}", "it's"]);
        let assigned: Vec<&str> =
            words.iter().filter_map(|word| word.assigned.clone()).map(|span| &text[span]).collect();
        assert_eq!(assigned, ["b", "d e", "g", "y"]);
        assert!(words[5].expands && !words[4].expands);
    }

    #[test]
    fn commands_end_where_the_shell_ends_them() {
        let text = "a \\\n b\nc 'd\ne'\nf # it's\ng";
        let mut at = 0;
        let mut seen = Vec::new();
        while at < text.len() {
            let end = command_end(text, at);
            seen.push(&text[at..end]);
            at = end;
        }
        assert_eq!(seen, ["a \\\n b\n", "c 'd\ne'\n", "f # it's\n", "g"]);
    }
}
