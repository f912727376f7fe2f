//! A short text for the terminal: the risk, why, and what to do first.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use tegmen_posture::risk::{Exposure, Level};

use super::{Report, capital, plural, spots};
use crate::prose::{display_width, folded};
use crate::{Colour, visible};

/// At most so many steps.
const STEPS: usize = 5;

/// The text, no wider than `width`.
pub fn text(report: &Report<'_>, colour: Colour, width: usize) -> String {
    let paint = |style: Style, text: &str| match colour {
        Colour::Always => format!("{style}{text}{style:#}"),
        Colour::Never => text.to_owned(),
    };
    let bold = Style::new().bold();
    let mut out = String::new();
    let level = report.assessment.level;
    let _ = writeln!(out, "{} {}", paint(bold, "Residual risk:"), paint(style(level).bold(), level.title()));
    wrap(&mut out, &format!("{}.", capital(&report.summary())), "", width);
    let widest = report.assessment.threats.iter().map(|rated| rated.threat.title.chars().count()).max().unwrap_or(0);
    let _ = writeln!(out, "\n{}", paint(bold, "Threats"));
    for rated in &report.assessment.threats {
        let word = rated.level.map_or("not rated", Level::as_str);
        let painted = paint(rated.level.map_or_else(|| Style::new().dimmed(), style), word);
        let gap = " ".repeat(9 - word.chars().count().min(9));
        if widest + 13 <= width {
            let _ = writeln!(out, "  {painted}{gap}  {}", rated.threat.title);
        } else {
            wrap(&mut out, rated.threat.title, &format!("  {painted}{gap}  "), width);
        }
        for sign in rated.signs.iter().filter(|sign| sign.exposure > Some(Exposure::Closed)) {
            let places = if sign.spots.is_empty() { String::new() } else { format!(" ({})", spots(sign)) };
            wrap(&mut out, &visible(&format!("{}{places}", sign.text)), "             - ", width);
        }
    }
    if !report.assessment.plan.is_empty() {
        let _ = writeln!(out, "\n{}", paint(bold, "What to do next"));
    }
    for (index, planned) in report.assessment.plan.iter().take(STEPS).enumerate() {
        let lead = format!("  {}. ", index + 1);
        wrap(&mut out, &format!("{} ({})", planned.step.title, planned.step.effort.as_str()), &lead, width);
        let after = paint(style(planned.leaves), planned.leaves.as_str());
        let fits = format!("     {}   then: {}", planned.step.how, planned.leaves.as_str()).chars().count() <= width;
        let gap = if fits { "   " } else { "\n     " };
        let _ = writeln!(out, "     {}{gap}then: {after}", paint(AnsiColor::Cyan.on_default(), planned.step.how));
    }
    let more = report.assessment.plan.len().saturating_sub(STEPS);
    if more > 0 {
        let _ = writeln!(out, "  … and {}", plural(more, "further step"));
    }
    let (met, all) = report.met();
    let _ = writeln!(out, "\n{met} of {} of the analysis met", plural(all, "requirement"));
    for remark in report.remarks {
        wrap(&mut out, &visible(remark), "note: ", width);
    }
    out
}

fn style(level: Level) -> Style {
    match level {
        Level::Note | Level::Low => AnsiColor::Green.on_default(),
        Level::Medium => AnsiColor::Yellow.on_default(),
        Level::High | Level::Critical => AnsiColor::Red.on_default(),
    }
}

/// Writes a text behind `lead`, folded at `width`, further lines as far in as the first.
fn wrap(out: &mut String, text: &str, lead: &str, width: usize) {
    let _ = writeln!(out, "{}", folded(lead, display_width(lead), text, width));
}
