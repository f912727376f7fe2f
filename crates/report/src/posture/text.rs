//! Text for people: what fails in full, the rest in a line each.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use tegmen_findings::Severity;
use tegmen_posture::{Answer, Outcome, Posture, Subject};

use super::{came_out, count, rank};
use crate::prose::folded;
use crate::{Colour, plural, visible};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// The answers by subject. `all` shows also what does not apply; else it is counted.
pub fn text(posture: &Posture, colour: Colour, width: usize, all: bool) -> String {
    let mut out = String::new();
    let painted = |style: Style, text: &str| match colour {
        Colour::Always => format!("{style}{text}{style:#}"),
        Colour::Never => text.to_owned(),
    };
    for subject in Subject::ALL {
        let mut answers: Vec<&Answer> = posture
            .answers
            .iter()
            .filter(|answer| answer.check.subject == subject)
            .filter(|answer| all || !matches!(answer.outcome, Outcome::NotApplicable { .. }))
            .collect();
        if answers.is_empty() {
            continue;
        }
        answers.sort_by_key(|answer| rank(answer));
        let _ = writeln!(out, "{}", painted(BOLD, subject.as_str()));
        for answer in answers {
            let (word, style) = mark(answer);
            let head = format!("{:<8}", word);
            let id = format!("{} {}", answer.check.code, answer.check.id);
            if let Outcome::Fail { .. } = answer.outcome {
                let lead = format!("  {} {}  ", painted(style, &head), painted(BOLD, &id));
                let _ = writeln!(out, "{}", folded(&lead, 11, answer.check.title, width));
                paragraph(&mut out, "found", &visible(answer.outcome.found()), width);
                paragraph(&mut out, "why", answer.check.why, width);
                paragraph(&mut out, "repair", &visible(answer.repair().unwrap_or(answer.check.repair)), width);
                if !answer.fixes().is_empty() {
                    let titles: Vec<String> = answer.fixes().iter().map(|fix| visible(&fix.title())).collect();
                    paragraph(&mut out, "--fix", &titles.join("; "), width);
                }
                for reference in answer.check.references {
                    let _ = writeln!(out, "           {}", painted(DIM, &format!("see     {}", reference.url)));
                }
                out.push('\n');
            } else {
                let found = visible(answer.outcome.found());
                let text = format!("{id}: {found}");
                let lead = format!("  {} ", painted(style, &head));
                let _ = writeln!(out, "{}", folded(&lead, 11, &text, width));
            }
        }
        while out.ends_with("\n\n") {
            out.pop();
        }
        out.push('\n');
    }
    out.push_str(&folded("", 0, &summary(posture), width));
    out.push('\n');
    out
}

/// One line: how many checks, and how they came out.
pub fn summary(posture: &Posture) -> String {
    let failed = came_out(posture, "fail");
    let mut out = format!("{} (profile {})", plural(posture.answers.len(), "check"), posture.profile.as_str());
    if failed == 0 {
        out.push_str(": none fails");
    } else {
        let _ = write!(
            out,
            ": {failed} fail ({} high, {} medium, {} low)",
            count(posture, Severity::High),
            count(posture, Severity::Medium),
            count(posture, Severity::Low)
        );
    }
    let _ = write!(
        out,
        ", {} passed, {} not known, {} not applicable",
        came_out(posture, "pass"),
        came_out(posture, "not known"),
        came_out(posture, "not applicable")
    );
    out
}

/// Word and colour; the word says it alone.
fn mark(answer: &Answer) -> (&'static str, Style) {
    match &answer.outcome {
        Outcome::Fail { .. } => match answer.severity() {
            Severity::High => ("HIGH", AnsiColor::Red.on_default().bold()),
            Severity::Medium => ("MEDIUM", AnsiColor::Yellow.on_default().bold()),
            Severity::Low => ("LOW", AnsiColor::Cyan.on_default().bold()),
        },
        Outcome::Pass { .. } => ("pass", AnsiColor::Green.on_default()),
        Outcome::NotKnown { .. } => ("unknown", DIM),
        Outcome::NotApplicable { .. } => ("n/a", DIM),
    }
}

fn paragraph(out: &mut String, label: &str, text: &str, width: usize) {
    let _ = writeln!(out, "{}", folded(&format!("           {label:<7} "), 19, text, width));
}
