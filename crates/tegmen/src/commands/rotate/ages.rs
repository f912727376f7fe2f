//! The table of ages.

use std::fmt::Write as _;
use std::time::SystemTime;

use anstyle::{AnsiColor, Style};
use serde_json::json;
use tegmen_sources::rotate::{Age, Rotator, Subject, stamp};
use tegmen_sources::{Trouble, period};

use crate::{messages, stdout};

const DUE: Style = AnsiColor::Red.on_default().bold();
const FINE: Style = AnsiColor::Green.on_default();
const DIM: Style = Style::new().dimmed();

/// One line of it.
pub struct Row {
    subject: Subject,
    age: Age,
    now: SystemTime,
    pub is_due: bool,
    /// The last rotation was cut off, or left its places different.
    torn: Option<String>,
    last: Option<String>,
    pub trouble: Option<Trouble>,
}

/// Looks up the age of everything.
pub fn look(rotator: &Rotator<'_>, now: SystemTime) -> Vec<Row> {
    let row = |subject: Subject| {
        let (age, trouble) = match rotator.age(&subject) {
            Ok(age) => (age, None),
            Err(trouble) => (Age::Unknown, Some(trouble)),
        };
        Row {
            is_due: trouble.is_none() && age.is_due(subject.max_age, now),
            torn: rotator.torn(&subject).map(|line| line.time.clone()),
            last: rotator.last(&subject).map(|line| line.time.clone()),
            subject,
            age,
            now,
            trouble,
        }
    };
    rotator.subjects().into_iter().map(row).collect()
}

/// Writes it.
///
/// # Errors
/// When it cannot be written.
pub fn show(rows: &[Row], as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let rows: Vec<_> = rows.iter().map(Row::json).collect();
        stdout::write(serde_json::to_string_pretty(&rows)? + "\n")?;
    } else if rows.is_empty() {
        messages::note("the manifest names nothing that has an age");
    } else {
        stdout::write_coloured(text(rows))?;
    }
    for row in rows {
        if let Some(trouble) = &row.trouble {
            let why = format_args!("how old {} is cannot be looked up: {}", row.subject.name, trouble.why);
            messages::trouble(why, &trouble.next);
        }
        if let Some(time) = &row.torn {
            let name = &row.subject.name;
            messages::warning(format_args!("the rotation of {name} that began at {time} did not come to its end"));
            messages::hint(format_args!(
                "look whether its places agree, then rotate it once more: tegmen rotate {name}"
            ));
        }
    }
    Ok(())
}

fn text(rows: &[Row]) -> String {
    let head = ["NAME", "AGE", "MAX", "STATE", "SOURCE"].map(str::to_owned);
    let cells: Vec<[String; 5]> = rows.iter().map(Row::cells).collect();
    let width = |column: usize| {
        let widths = cells.iter().chain([&head]).map(|row| row[column].chars().count());
        widths.max().unwrap_or_default()
    };
    let widths = [0, 1, 2, 3].map(width);
    let mut out = String::new();
    let mut line = |row: &[String; 5], state: Style, whole: Style| {
        let [name, age, max, word, source] = row;
        let [w0, w1, w2, w3] = widths;
        // Colour goes around the words, not around the blanks after them.
        let blanks = " ".repeat(w3.saturating_sub(word.chars().count()));
        let _ = writeln!(
            out,
            "{whole}{name:w0$}  {age:>w1$}  {max:>w2$}  {whole:#}{state}{word}{state:#}{blanks}  {whole}{source}{whole:#}"
        );
    };
    line(&head, DIM, DIM);
    for cells in &cells {
        let state = match cells[3].as_str() {
            "due" | "unreadable" => DUE,
            "fresh" => FINE,
            _ => DIM,
        };
        line(cells, state, Style::new());
    }
    out
}

impl Row {
    fn state(&self) -> &'static str {
        match (&self.age, self.subject.max_age) {
            _ if self.trouble.is_some() => "unreadable",
            (Age::PerRun, _) => "new each run",
            _ if self.is_due => "due",
            (_, Some(_)) => "fresh",
            (_, None) => "no max_age",
        }
    }

    fn cells(&self) -> [String; 5] {
        let age = match (&self.age, self.age.time(self.now)) {
            (Age::Since { at_least: true, .. }, Some(time)) => format!("≥{}", period(time)),
            (_, Some(time)) => period(time),
            (Age::PerRun, None) => "-".to_owned(),
            (_, None) => "?".to_owned(),
        };
        let max = self.subject.max_age.map_or_else(|| "-".to_owned(), period);
        [self.subject.name.clone(), age, max, self.state().to_owned(), self.subject.source.clone()]
    }

    fn json(&self) -> serde_json::Value {
        let (since, at_least) = match &self.age {
            Age::Since { at, at_least } => (Some(stamp(*at)), *at_least),
            Age::Unknown | Age::PerRun => (None, false),
        };
        json!({
            "name": self.subject.name,
            "source": self.subject.source,
            "since": since,
            "age_seconds": self.age.time(self.now).map(|time| time.as_secs()),
            "at_least": at_least,
            "max_age_seconds": self.subject.max_age.map(|time| time.as_secs()),
            "state": self.state(),
            "due": self.is_due,
            "last_rotated": self.last,
            "unfinished": self.torn,
            "error": self.trouble.as_ref().map(|trouble| trouble.why.clone()),
        })
    }
}
