//! Messages to the person at the terminal: on standard error, one style for all subcommands.

use std::fmt::Display;
use std::io::Write as _;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use tegmen_report::prose;

use crate::volume::{Volume, volume};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// An error with its causes, each on a line of its own.
pub fn error(error: &anyhow::Error) {
    say(ERROR, "error", error);
    for cause in error.chain().skip(1) {
        say(Style::new(), "  because", cause);
    }
}

/// An error that says what to do about it.
pub fn trouble(why: impl Display, next: impl Display) {
    say(ERROR, "error", why);
    hint(next);
}

/// Something that the person should know; the work goes on.
pub fn warning(text: impl Display) {
    say(WARNING, "warning", text);
}

/// What to do about an error or a warning.
pub fn hint(text: impl Display) {
    say(HINT, "hint", text);
}

/// What to do next, when all is well.
pub fn next(text: impl Display) {
    if volume() > Volume::Quiet {
        hint(text);
    }
}

/// What Tegmen does and has done, for whoever reads along.
pub fn note(text: impl Display) {
    if volume() > Volume::Quiet {
        answer(text);
    }
}

/// How that came to be, for whoever wonders.
pub fn detail(text: impl Display) {
    if volume() == Volume::Verbose {
        answer(text);
    }
}

/// What was asked for, where standard output is taken by something else.
pub fn answer(text: impl Display) {
    say(Style::new(), "tegmen", text);
}

/// A line; at a terminal several, where its window is too narrow for one. What a program reads stays one, so that it can be searched.
fn say(style: Style, label: &str, text: impl Display) {
    let lead = format!("{style}{label}{style:#}: ");
    let text = prose::visible_lines(&text.to_string());
    let text = match tegmen_sys::terminal::columns(std::io::stderr()) {
        Some(columns) => prose::folded(&lead, 2, &text, columns.into()),
        None => format!("{lead}{text}"),
    };
    // A full disk, or a terminal that is gone: the work and its exit status do not hang on what is said about them.
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// A path as one would write it from here.
pub fn shown(path: &Path) -> impl Display {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}

/// What a panic says may be a piece of a file or of a secret ("byte index 3 is not a char boundary; it is inside ..."): only its
/// place is told.
pub fn say_where_but_not_what_on_a_panic() {
    std::panic::set_hook(Box::new(|panic| {
        let file = panic.location().map_or("", |at| at.file());
        // Rust's own library, before any code of ours runs in a thread: there is no memory for its handler of signals.
        if file.starts_with("/rustc/") && file.ends_with("/stack_overflow.rs") {
            let _ = writeln!(anstream::stderr(), "{ERROR}error{ERROR:#}: there is too little memory to start a thread");
            return;
        }
        let place = panic.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
        let _ = writeln!(
            anstream::stderr(),
            "{ERROR}error{ERROR:#}: tegmen has a defect{place}; please report this line (what it was working on is left out)"
        );
    }));
}
