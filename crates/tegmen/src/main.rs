//! The command line: arguments to calls. The only crate that prints and exits.

mod cli;
mod commands;
mod messages;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cli::Cli::parse().run()
}
