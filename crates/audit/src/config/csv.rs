//! Tables of users: CSV with a column of passwords or tokens is one finding.

use std::ops::Range;

use tegmen_classify as classify;

use super::collector::Collector;

/// At most this many rows are looked at: enough to say what the file is.
const ROWS: usize = 20_000;

/// A cell with its place.
type Cell = (String, Range<usize>);

/// Reads the text as CSV.
pub fn read(collector: &mut Collector<'_>) {
    let text = collector.text();
    let Some(first) = text.lines().next() else { return };
    let Some(delimiter) = [',', ';', '\t', '|'].into_iter().max_by_key(|delimiter| first.matches(*delimiter).count())
    else {
        return;
    };
    let rows = rows(text, delimiter);
    let Some((header, body)) = rows.split_first() else { return };
    let named: Vec<usize> = (0..header.len()).filter(|column| is_column(&header[*column].0)).collect();
    if named.is_empty() && is_list_of_users(collector.path()) {
        return unnamed(collector, &rows);
    }
    for column in named {
        let values: Vec<Cell> = body.iter().filter_map(|row| row.get(column).cloned()).collect();
        collector.list(&header[column].0, values);
    }
    // What a provider issued says so in any column.
    collector.shapes(0..text.len().min(1 << 20));
}

/// Whether the head of a column says that secrets stand below it.
fn is_column(name: &str) -> bool {
    let name = name.trim_start_matches('\u{feff}').trim();
    name.len() < 40 && classify::is_sensitive_name(name)
}

/// Whether the name of a file says that users with their credentials are in it.
fn is_list_of_users(path: &str) -> bool {
    let stem = path.rsplit('/').next().unwrap_or(path).split('.').next().unwrap_or_default();
    classify::words(stem).iter().any(|word| {
        matches!(
            word.as_str(),
            "users" | "user" | "accounts" | "credentials" | "creds" | "logins" | "login" | "passwords" | "userlist"
        )
    })
}

/// Without a header: the second column, if it looks like it from top to bottom.
fn unnamed(collector: &mut Collector<'_>, rows: &[Vec<Cell>]) {
    let user = |row: &Vec<Cell>| !row[0].0.is_empty() && !row[0].0.contains(' ');
    let strong = |value: &str| {
        let has = |of: fn(&u8) -> bool| value.bytes().any(|b| of(&b));
        value.len() >= 6
            && !value.contains(' ')
            && !value.contains('@')
            && has(u8::is_ascii_digit)
            && has(u8::is_ascii_alphabetic)
            || value.to_lowercase().contains("pass") && value.len() > 4
    };
    let pairs = rows.iter().all(|row| (2..=4).contains(&row.len()) && user(row));
    if rows.len() < 2 || !pairs || rows.iter().filter(|row| strong(&row[1].0)).count() * 4 < rows.len() * 3 {
        return;
    }
    let values: Vec<Cell> = rows.iter().map(|row| row[1].clone()).collect();
    collector.list("password", values);
}

/// The rows of a text, their cells without quotes.
fn rows(text: &str, delimiter: char) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n').take(ROWS) {
        let end = at + line.trim_end_matches(['\n', '\r']).len();
        if end > at && end - at < 20_000 {
            rows.push(cells(text, at..end, delimiter));
        }
        at += line.len();
    }
    rows
}

fn cells(text: &str, line: Range<usize>, delimiter: char) -> Vec<Cell> {
    let mut cells = Vec::new();
    let mut at = line.start;
    while at <= line.end {
        let rest = &text[at..line.end];
        if let Some(body) = rest.strip_prefix('"')
            && let Some(close) = closing(body)
        {
            let start = at + 1;
            cells.push((body[..close].replace("\"\"", "\""), start..start + close));
            at = start + close + 1;
            at += text[at..line.end].find(delimiter).map_or(line.end - at, |next| next) + 1;
            continue;
        }
        let length = rest.find(delimiter).unwrap_or(rest.len());
        let value = rest[..length].trim();
        let start = at + length - rest[..length].trim_start().len();
        cells.push((value.to_owned(), start..start + value.len()));
        at += length + 1;
    }
    cells
}

/// Where the quote closes; a doubled one stands for itself.
fn closing(body: &str) -> Option<usize> {
    let bytes = body.as_bytes();
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'"', &bytes[at..]).map(|next| next + at) {
        if bytes.get(found + 1) != Some(&b'"') {
            return Some(found);
        }
        at = found + 2;
    }
    None
}
