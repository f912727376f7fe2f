//! `tegmen reference`: pages that are made of the program itself, for `cargo xtask docs` and for packagers.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use clap::CommandFactory;

/// Print a page of the reference: the command line, the manual page, the method of the risk rating.
#[derive(clap::Args)]
#[command(hide = true)]
#[command(after_help = "Examples:
  tegmen reference man > /usr/local/share/man/man1/tegmen.1
  tegmen reference man run > /usr/local/share/man/man1/tegmen-run.1")]
pub struct Args {
    /// Which page
    page: Page,
    /// With `man`: the subcommand that it is about
    command: Option<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Page {
    /// All commands with their options, in Markdown
    Cli,
    /// A manual page, for man
    Man,
    /// How the residual risk is rated, in Markdown
    Risk,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut root = crate::cli::Cli::command();
    root.build();
    let text = match args.page {
        Page::Cli => cli(&mut root).into_bytes(),
        Page::Risk => tegmen_report::risk::method().into_bytes(),
        Page::Man => {
            let command = match &args.command {
                None => root,
                Some(name) => root
                    .find_subcommand(name)
                    .cloned()
                    .ok_or_else(|| anyhow::anyhow!("there is no command {name}; `tegmen --help` lists them"))?,
            };
            let mut out = Vec::new();
            clap_mangen::Man::new(command).render(&mut out)?;
            out
        }
    };
    match std::io::stdout().write_all(&text) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// All commands, each with what `--help` says.
fn cli(root: &mut clap::Command) -> String {
    let mut out = String::from(
        "# The command line\n\nThis page is generated from the program (`cargo xtask docs`): what `tegmen COMMAND --help` says.\n",
    );
    section(&mut out, root, 2);
    out
}

fn section(out: &mut String, command: &mut clap::Command, level: usize) {
    let name = command.get_bin_name().unwrap_or("tegmen").to_owned();
    let help = command.clone().term_width(100).render_long_help().to_string();
    let _ = write!(out, "\n{} {name}\n\n```text\n", "#".repeat(level));
    for line in help.trim_end().lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out.push_str("```\n");
    let own = |sub: &&mut clap::Command| !sub.is_hide_set() && sub.get_name() != "help";
    for sub in command.get_subcommands_mut().filter(own) {
        section(out, sub, (level + 1).min(4));
    }
}
