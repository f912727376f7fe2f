//! `tegmen completions`: shell completions on standard output.

use std::process::ExitCode;

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
  2  it knows no such shell")]
pub struct Args {
    /// The shell to complete for
    shell: Shell,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    clap_complete::generate(args.shell, &mut crate::cli::Cli::command(), "tegmen", &mut std::io::stdout());
    Ok(ExitCode::SUCCESS)
}
