//! The arguments of `tegmen` itself: which subcommand, and how its failure is told.

use std::process::ExitCode;

use crate::commands;

/// Secret protection for Locust load tests.
///
/// Start with `tegmen audit` to see what your load test gives away, then `tegmen run -- locust …` to run it with its
/// secrets protected.
#[derive(clap::Parser)]
#[command(name = "tegmen", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "First steps:
  tegmen audit                            find insecure handling of sensitive data in this project
  tegmen fix --diff                       show what would be done about it
  tegmen run -- locust -f locustfile.py   run a load test whose secrets exist only on the wire
  tegmen doctor                           check the machine that runs it
  tegmen prove -- locust                  run it with made-up secrets and search everything for them")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Audit(commands::audit::Args),
    Fix(commands::fix::Args),
    Explain(commands::explain::Args),
    Run(commands::run::Args),
    Doctor(commands::doctor::Args),
    Prove(commands::prove::Args),
    Redact(commands::redact::Args),
    Rotate(commands::rotate::Args),
    Secrets(commands::secrets::Args),
    Completions(commands::completions::Args),
}

impl Cli {
    /// Runs the subcommand. A failure is said on standard error, with its causes; the exit status is 2, for `run` 125.
    pub fn run(self) -> ExitCode {
        let (result, failure) = match self.command {
            Command::Audit(args) => (commands::audit::run(args), 2),
            Command::Fix(args) => (commands::fix::run(args), 2),
            Command::Explain(args) => (commands::explain::run(args), 2),
            Command::Run(args) => (commands::run::run(args), 125),
            Command::Doctor(args) => (commands::doctor::run(args), 2),
            Command::Prove(args) => (commands::prove::run(args), 2),
            Command::Redact(args) => (commands::redact::run(args), 2),
            Command::Rotate(args) => (commands::rotate::run(args), 2),
            Command::Secrets(args) => (commands::secrets::run(args), 2),
            Command::Completions(args) => (commands::completions::run(args), 2),
        };
        result.unwrap_or_else(|error| {
            crate::messages::error(&error);
            ExitCode::from(failure)
        })
    }
}

/// Says what clap says (it may be the help that was asked for), and the exit status for it: that of a failure of the
/// subcommand. For `run` the statuses below 125 are the command's own.
pub fn misunderstood(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_none_or(|subcommand| subcommand != "run") {
        return ExitCode::from(2);
    }
    if error.kind() == clap::error::ErrorKind::UnknownArgument && arguments.all(|argument| argument != "--") {
        crate::messages::hint("the command stands behind two dashes: `tegmen run -- locust …`");
    }
    ExitCode::from(125)
}
