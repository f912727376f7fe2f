//! The command line: arguments to calls. The only crate that prints and exits.

mod cli;
mod commands;
mod help;
mod messages;
mod stdout;
mod volume;

use std::mem::ManuallyDrop;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

fn main() -> ExitCode {
    messages::say_where_but_not_what_on_a_panic();
    // The same program stands by as a helper process of a run.
    let helper = tegmen_broker::child::run_helper_if_asked().or_else(tegmen_broker::relay::run_if_asked);
    if let Some(status) = helper {
        return ExitCode::from(status);
    }
    // Let go with the process: to take apart what all the subcommands are would take longer than to make it.
    let mut command = ManuallyDrop::new(help::fitted_if_asked(cli::Cli::command()));
    let known = command.try_get_matches_from_mut(std::env::args_os());
    let known = known.and_then(|mut given| cli::Cli::from_arg_matches_mut(&mut given));
    match known.and_then(|cli| cli.volume.choose(&mut command).map(|()| cli)) {
        Ok(cli) => cli.run(),
        Err(error) => cli::misunderstood(&error),
    }
}
