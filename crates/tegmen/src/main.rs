//! The command line: arguments to calls. The only crate that prints and exits.

mod cli;
mod commands;
mod messages;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    messages::say_where_but_not_what_on_a_panic();
    // The same program stands by as a helper process of a run.
    if let Some(status) = tegmen_broker::child::run_helper_if_asked() {
        return ExitCode::from(status);
    }
    match cli::Cli::try_parse() {
        Ok(cli) => cli.run(),
        Err(error) => cli::misunderstood(&error),
    }
}
