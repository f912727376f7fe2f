//! The texts below the options in `--help`, fitted into the window: clap breaks their lines anywhere, which tears the columns
//! of the examples apart.

use clap::Command;
use tegmen_report::prose::folded;

/// Columns where nobody can say how many there are, and at most.
pub const WIDTH: usize = 100;

/// With texts that fit the window, where somebody asks for help or has to be told how a command is written. To fold them takes as long
/// as the audit of a small project.
pub fn fitted_if_asked(command: Command) -> Command {
    let mut words = std::env::args_os().skip(1).peekable();
    let asks = words.peek().is_none()
        || words.take_while(|word| word != "--").any(|word| word == "--help" || word == "-h" || word == "help");
    if asks { fitted(command, window()) } else { command.term_width(window().min(WIDTH)) }
}

/// With these columns at most, for the command and all below it.
pub fn fitted(command: Command, columns: usize) -> Command {
    let columns = columns.min(WIDTH);
    below(command.term_width(columns), columns)
}

fn below(mut command: Command, columns: usize) -> Command {
    if let Some(text) = command.get_after_help().map(ToString::to_string) {
        command = command.after_help(fold(&text, columns));
    }
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, |sub| below(sub, columns)))
}

/// The columns of the window that help is shown in.
pub fn window() -> usize {
    let terminal = tegmen_sys::terminal::columns(std::io::stdout())
        .or_else(|| tegmen_sys::terminal::columns(std::io::stderr()))
        .map(usize::from);
    let said = || std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).filter(|columns| *columns > 0);
    terminal.or_else(said).unwrap_or(WIDTH)
}

/// Paragraph by paragraph: where one line of a paragraph does not fit, the right column of all its lines moves.
fn fold(text: &str, columns: usize) -> String {
    let mut paragraphs = Vec::new();
    for paragraph in text.split("\n\n") {
        let lines: Vec<&str> = paragraph.lines().collect();
        let is_wide = lines.iter().any(|line| line.chars().count() > columns);
        let lines = lines.into_iter().map(|line| if is_wide { moved(line, columns) } else { line.to_owned() });
        paragraphs.push(lines.collect::<Vec<_>>().join("\n"));
    }
    paragraphs.join("\n\n")
}

/// A line with its right column, if it has one, below the left one; beside it where the left one is short.
fn moved(line: &str, columns: usize) -> String {
    let text = line.trim_start();
    let indent = line.len() - text.len();
    match text.split_once("  ").map(|(left, right)| (left, right.trim_start())) {
        Some((left, right)) => {
            let beside = line.chars().count() - right.chars().count();
            if beside <= columns / 4 {
                return folded(&line[..line.len() - right.len()], beside, right, columns);
            }
            let under = indent + 4;
            let blanks = " ".repeat(under);
            format!("{}\n{}", folded(&" ".repeat(indent), under, left, columns), folded(&blanks, under, right, columns))
        }
        None => folded(&" ".repeat(indent), if indent == 0 { 0 } else { indent + 4 }, text, columns),
    }
}

#[cfg(test)]
mod tests {
    use super::fold;

    const TEXT: &str = "A sentence that goes on for a while here.\n\nExamples:\n  tegmen audit --select TGM1     the hard-coded ones\n  tegmen audit\n\nExit status:\n  0  nothing was found\n  1  findings";

    #[test]
    fn what_fits_stays() {
        assert_eq!(fold(TEXT, 80), TEXT);
    }

    #[test]
    fn a_column_that_does_not_fit_goes_below() {
        let folded = fold(TEXT, 36);
        assert_eq!(
            folded,
            "A sentence that goes on for a while\nhere.\n\nExamples:\n  tegmen audit --select TGM1\n      the hard-coded ones\n  tegmen audit\n\nExit status:\n  0  nothing was found\n  1  findings"
        );
        assert!(fold(TEXT, 20).contains("  0  nothing was\n     found"));
    }
}
