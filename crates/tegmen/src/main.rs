//! The command line: arguments to calls. The only crate that prints and exits.

mod cli;
mod commands;
mod help;
mod messages;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

fn main() -> ExitCode {
    messages::say_where_but_not_what_on_a_panic();
    // The same program stands by as a helper process of a run.
    let helper = tegmen_broker::child::run_helper_if_asked().or_else(tegmen_broker::relay::run_if_asked);
    if let Some(status) = helper {
        return ExitCode::from(status);
    }
    let known = help::fitted_if_asked(cli::Cli::command()).try_get_matches();
    match known.and_then(|mut given| cli::Cli::from_arg_matches_mut(&mut given)) {
        Ok(cli) => cli.run(),
        Err(error) => cli::misunderstood(&error),
    }
}
