//! `tegmen completions`: shell completions on standard output.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;

/// Print shell completions.
///
/// The wheel brings those of bash, zsh and fish, below `share` of the environment that it is installed into. Where your shell does
/// not look there, write them to where it does.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tegmen completions bash > ~/.local/share/bash-completion/completions/tegmen
  tegmen completions zsh > ~/.zfunc/_tegmen

Exit status:
  0  they are printed
  2  it knows no such shell, or they cannot be written")]
pub struct Args {
    /// The shell to complete for
    shell: Shell,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    // It takes an error of the writer for a defect.
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut crate::cli::Cli::command(), "tegmen", &mut text);
    match std::io::stdout().write_all(&text) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
        other => other.context("standard output could not be written")?,
    }
    Ok(ExitCode::SUCCESS)
}
