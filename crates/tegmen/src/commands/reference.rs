//! `tegmen reference`: pages that are made of the program itself, for `cargo xtask docs` and for packagers.

mod statuses;
mod variables;

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Command, CommandFactory};

use crate::help;

/// Print a page of the reference: the command line, the manual page, the method of the risk rating.
#[derive(clap::Args)]
#[command(hide = true)]
#[command(after_help = "Examples:
  tegmen reference man > ~/.local/share/man/man1/tegmen.1
  tegmen reference man run > ~/.local/share/man/man1/tegmen-run.1

Exit status:
  0  it is printed
  2  there is no such page or command")]
pub struct Args {
    /// Which page
    page: Page,
    /// With `man`: the subcommand that it is about
    command: Vec<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Page {
    /// All commands with their options, in Markdown
    Cli,
    /// A manual page, for man
    Man,
    /// The names of all commands, each a line: what `man` can be asked for
    Commands,
    /// How the residual risk is rated, in Markdown
    Risk,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let text = match args.page {
        Page::Cli => cli().into_bytes(),
        Page::Risk => tegmen_report::risk::method().into_bytes(),
        Page::Commands => {
            let mut names = Vec::new();
            collect(&crate::cli::Cli::command(), "", &mut names);
            names.concat().into_bytes()
        }
        Page::Man => manual(&args.command)?,
    };
    crate::stdout::write(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Those that a user is told of.
fn told(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
}

fn collect(command: &Command, before: &str, names: &mut Vec<String>) {
    for sub in told(command) {
        let name = format!("{before}{}", sub.get_name());
        names.push(format!("{name}\n"));
        collect(sub, &format!("{name} "), names);
    }
}

/// A page for `man`, of the program or of a command.
fn manual(path: &[String]) -> anyhow::Result<Vec<u8>> {
    let mut root = crate::cli::Cli::command();
    root.build();
    let mut command = &root;
    for name in path {
        command = command
            .find_subcommand(name)
            .ok_or_else(|| anyhow::anyhow!("there is no command {name}; `tegmen --help` lists them"))?;
    }
    let title = std::iter::once("tegmen").chain(path.iter().map(String::as_str)).collect::<Vec<_>>().join("-");
    let page = clap_mangen::Man::new(command.clone())
        .title(title.to_uppercase())
        .source(format!("tegmen {}", env!("CARGO_PKG_VERSION")))
        .manual("Tegmen");
    let mut out = Vec::new();
    page.render_title(&mut out)?;
    page.render_name_section(&mut out)?;
    page.render_synopsis_section(&mut out)?;
    page.render_description_section(&mut out)?;
    page.render_options_section(&mut out)?;
    if told(command).next().is_some() {
        page.render_subcommands_section(&mut out)?;
    }
    for (title, text) in sections(command) {
        section(&mut out, &title, &text);
    }
    if path.is_empty() {
        section(&mut out, "Environment", &variables::plain());
    }
    Ok(out)
}

/// What stands below the options, by its headings: those paragraphs that begin with a line that ends in a colon.
fn sections(command: &Command) -> Vec<(String, String)> {
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut found: Vec<(String, String)> = Vec::new();
    for paragraph in text.split("\n\n") {
        match paragraph.split_once(":\n") {
            Some((title, rest)) if !title.contains('\n') => found.push((title.to_owned(), rest.to_owned())),
            _ => found.push((NOTES.to_owned(), paragraph.to_owned())),
        }
    }
    found.retain(|(_, text)| !text.is_empty());
    found
}

/// The section of what stands below the options without a heading: prose.
const NOTES: &str = "Notes";

/// A section of a manual page. Its lines stay as they are, but those of prose, which are filled.
fn section(out: &mut Vec<u8>, title: &str, text: &str) {
    let (begin, between, end) = if title == NOTES { ("", ".br\n", "") } else { (".nf\n", "", ".fi\n") };
    let mut lines = format!(".SH {}\n{begin}", title.to_uppercase());
    for (number, line) in text.lines().enumerate() {
        if number > 0 {
            lines.push_str(between);
        }
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        // A line that began with a dot or a quote would be a request.
        let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
        let _ = writeln!(lines, "{guard}{line}");
    }
    lines.push_str(end);
    out.extend_from_slice(lines.as_bytes());
}

/// All commands, each with what `--help` says, their exit statuses and the environment variables.
fn cli() -> String {
    let mut out = String::from(
        "# The command line\n\n\
         This page is generated from the program (`cargo xtask docs`): what `tegmen COMMAND --help` says, the\n\
         [exit statuses](#exit-statuses) of all commands and the [environment variables](#environment-variables).\n\
         The same as manual pages: `man tegmen`, `man tegmen-run`, where the wheel is installed into an environment that is active.\n",
    );
    let mut root = crate::cli::Cli::command();
    // Built, subcommands have the global options of those above them.
    root = help::fitted(root, help::WIDTH);
    root.build();
    shown(&mut out, &mut root, 2);
    out.push_str(&statuses::table(&root));
    out.push_str(&variables::tables(&root));
    out
}

fn shown(out: &mut String, command: &mut Command, level: usize) {
    let name = command.get_bin_name().unwrap_or("tegmen").to_owned();
    let help = command.clone().render_long_help().to_string();
    let _ = write!(out, "\n{} {name}\n\n```text\n", "#".repeat(level));
    for line in help.trim_end().lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out.push_str("```\n");
    for sub in command.get_subcommands_mut().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
        shown(out, sub, (level + 1).min(4));
    }
}
