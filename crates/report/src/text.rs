//! Text for people, with the lines that it is about.

use std::fmt::Write;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use tegmen_findings::{Finding, Location, Safety, Severity};

use crate::{Input, plural, prose};

/// Whether the text is coloured. Nothing is said by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// With escape sequences.
    Always,
    /// Plain.
    Never,
}

/// Where the text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// Into a window of so many columns: messages are folded.
    Window(usize),
    /// Where nobody can say how many columns there are: a message is one line, so that it can be searched.
    Unknown,
}

impl Width {
    /// Columns where nobody can say how many there are: for excerpts of code, which are cut.
    const USUAL: usize = 120;

    fn columns(self) -> usize {
        match self {
            Self::Window(columns) => columns,
            Self::Unknown => Self::USUAL,
        }
    }

    /// A message that begins in this column; as it is where there is no room beside what stands before it.
    fn fold(self, column: usize, message: &str) -> String {
        match self {
            Self::Window(columns) if columns >= column + NARROW => prose::folded("", 0, message, columns - column),
            _ => message.to_owned(),
        }
    }

    /// Whether a label fits beside what it points at, behind the numbers of the lines, which have so many digits.
    fn has_room(self, digits: usize, place: &Location, label: &str) -> bool {
        let pointed = place.excerpt.as_ref().and_then(|excerpt| excerpt.text.get(..excerpt.highlight.end));
        let beside = digits + " | ".len() + pointed.map_or(0, prose::display_width) + 1;
        matches!(self, Self::Unknown) || beside + prose::display_width(label) <= self.columns()
    }

    /// A line by itself, which goes on below its second column.
    pub fn line(self, line: &str) -> String {
        match self {
            Self::Window(columns) => prose::folded("", 2, line, columns),
            Self::Unknown => line.to_owned(),
        }
    }
}

/// At most this many further places are listed.
const PLACES: usize = 5;
/// Columns in which a message can be read.
const NARROW: usize = 20;

/// Findings with their lines, problems, notes and a summary. Excerpts are cut to the width where that can be.
pub fn text(input: &Input<'_>, colour: Colour, width: Width) -> String {
    let renderer = match colour {
        Colour::Always => Renderer::styled(),
        Colour::Never => Renderer::plain(),
    }
    .decor_style(DecorStyle::Ascii)
    .term_width(width.columns());
    let mut out = String::new();
    for finding in input.findings {
        out.push_str(&one(finding, &renderer, width));
        out.push_str("\n\n");
    }
    for (kind, remarks) in [("problem", input.problems), ("note", input.notes)] {
        for remark in remarks {
            let line = remark.line.map(|line| format!(":{line}")).unwrap_or_default();
            let text = format!("{kind}: {}{line}: {}", visible(&remark.path), visible(&remark.message));
            out.push_str(&width.line(&text));
            out.push('\n');
        }
    }
    out.push_str(&width.line(&summary(input)));
    out.push('\n');
    out
}

/// One line: how many findings, of which severity, in how many files, and what is held back.
pub fn summary(input: &Input<'_>) -> String {
    let mut out = if input.findings.is_empty() {
        format!("no findings in {}", plural(input.files, "file"))
    } else {
        format!(
            "{} in {}: {} high, {} medium, {} low",
            plural(input.findings.len(), "finding"),
            plural(input.files, "file"),
            input.count(Severity::High),
            input.count(Severity::Medium),
            input.count(Severity::Low)
        )
    };
    if input.ignored() > 0 {
        let _ = write!(out, "; {} ignored", input.ignored());
    }
    if input.baselined() > 0 {
        let _ = write!(out, "; {} in the baseline", input.baselined());
    }
    if let Some(fixed @ 1..) = input.baseline {
        let _ = write!(out, "; {fixed} of the baseline gone");
    }
    if !input.problems.is_empty() {
        let _ = write!(out, "; {} not audited as a whole", plural(input.problems.len(), "file"));
    }
    if let Some(elapsed) = input.elapsed {
        let _ = write!(out, " ({:.2} s)", elapsed.as_secs_f64());
    }
    out
}

/// Text in which nothing steers a terminal: the names of files are anybody's.
pub fn visible(text: &str) -> String {
    text.chars().map(|c| if prose::steers(c) { '\u{fffd}' } else { c }).collect()
}

fn one(finding: &Finding, renderer: &Renderer, width: Width) -> String {
    let severity = finding.severity.as_str();
    let level = match finding.severity {
        Severity::High => Level::ERROR,
        Severity::Medium => Level::WARNING,
        Severity::Low => Level::NOTE,
    }
    .with_name(severity);
    let id = format!("{} {}", finding.rule.code, finding.rule.id);
    let title = width.fold(severity.len() + id.len() + "[]: ".len(), &visible(&finding.message));
    let mut group = Group::with_title(level.primary_title(title).id(&id));
    let first = finding.location();
    // Below the numbers of the lines.
    let lines = finding.related.iter().chain([first]).map(|place| place.line.to_string().len()).max().unwrap_or(0);
    let help = |text: &str| Level::HELP.message(width.fold(lines + " = help: ".len(), text));
    let places = [(first, AnnotationKind::Primary)].into_iter();
    for (place, kind) in places.chain(finding.related.iter().map(|related| (related, AnnotationKind::Context))) {
        let label = place.note.as_deref().filter(|note| width.has_room(lines, place, note));
        let Some(snippet) = snippet(place, kind, label) else { continue };
        group = group.element(snippet);
        if let Some(note) = place.note.as_deref().filter(|_| label.is_none()) {
            group = group.element(Level::NOTE.message(width.fold(lines + " = note: ".len(), note)));
        }
    }
    let others = &finding.locations()[1..];
    let mut places = String::new();
    for location in others.iter().take(PLACES) {
        let separator = if places.is_empty() { "" } else { ", " };
        let _ = write!(places, "{separator}{}:{}", visible(&location.path), location.line);
    }
    if others.len() > PLACES {
        let _ = write!(places, " and {} more", others.len() - PLACES);
    }
    if !places.is_empty() {
        let same = format!("the same at {places}");
        group = group.element(Level::NOTE.message(width.fold(lines + " = note: ".len(), &same)));
    }
    // The fix says the same.
    let is_said = |hint: &&String| finding.fix.as_ref().is_some_and(|fix| fix.title == **hint);
    if let Some(hint) = finding.hint.as_ref().filter(|hint| !is_said(hint)) {
        group = group.element(help(&visible(hint)));
    }
    let fix = finding.fix.as_ref().map(|fix| {
        let safety = if fix.safety == Safety::Unsafe { " --unsafe-fixes" } else { "" };
        let to = if fix.secrets.is_empty() { "" } else { " --to store" };
        format!("`tegmen fix{to}{safety}` ({}): {}", fix.safety.as_str(), visible(&fix.title))
    });
    if let Some(fix) = &fix {
        group = group.element(help(fix));
    }
    let shown = renderer.render(&[group]);
    // Where there was no room for the title beside the rule, it goes on below.
    match shown.split_once('\n') {
        Some((title, rest)) => format!("{}\n{rest}", width.line(title)),
        None => width.line(&shown),
    }
}

fn snippet<'a>(
    location: &'a Location,
    kind: AnnotationKind,
    label: Option<&'a str>,
) -> Option<Snippet<'a, annotate_snippets::Annotation<'a>>> {
    let excerpt = location.excerpt.as_ref()?;
    let mut annotation = kind.span(excerpt.highlight.clone());
    if let Some(label) = label {
        annotation = annotation.label(label);
    }
    Some(
        Snippet::source(excerpt.text.as_str())
            .line_start(location.line as usize)
            .path(visible(&location.path))
            .annotation(annotation),
    )
}
