//! The arguments of `tegmen` itself: which subcommand, and how its failure is told.

use std::process::ExitCode;

use crate::commands;

/// Secret protection for Locust load tests.
///
/// Start with `tegmen audit` to see what your load test gives away, then `tegmen init` and `tegmen run -- locust …` to run it
/// with its secrets protected, then `tegmen report` to see what remains.
#[derive(clap::Parser)]
#[command(name = "tegmen", version, arg_required_else_help = true)]
#[command(after_help = "First steps:
  tegmen audit                            see what the load test in this directory gives away
  tegmen fix --diff                       show what would be done about it
  tegmen init                             write tegmen.toml: which secrets there are, where they may go
  tegmen run -- locust -f locustfile.py   run the load test; its secrets exist only on the wire
  tegmen prove -- locust                  run it with made-up secrets and search everything for them
  tegmen doctor                           check the machine that runs it
  tegmen report -o risk.html              see what remains, and what to do next

`tegmen COMMAND --help` has examples of each.")]
pub struct Cli {
    #[command(flatten)]
    pub volume: crate::volume::Options,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Init(commands::init::Args),
    Audit(commands::audit::Args),
    Fix(commands::fix::Args),
    Explain(commands::explain::Args),
    Run(commands::run::Args),
    Doctor(commands::doctor::Args),
    Prove(commands::prove::Args),
    Report(commands::report::Args),
    Guide(commands::guide::Args),
    Redact(commands::redact::Args),
    Rotate(commands::rotate::Args),
    Secrets(commands::secrets::Args),
    Completions(commands::completions::Args),
    Reference(commands::reference::Args),
}

impl Cli {
    /// Runs the subcommand. A failure is said on standard error, with its causes; the exit status is 2, for `run` 125.
    pub fn run(self) -> ExitCode {
        let (result, failure) = match self.command {
            Command::Init(args) => (commands::init::run(args), 2),
            Command::Audit(args) => (commands::audit::run(args), 2),
            Command::Fix(args) => (commands::fix::run(args), 2),
            Command::Explain(args) => (commands::explain::run(args), 2),
            Command::Run(args) => (commands::run::run(args), 125),
            Command::Doctor(args) => (commands::doctor::run(args), 2),
            Command::Prove(args) => (commands::prove::run(args), 2),
            Command::Report(args) => (commands::report::run(args), 2),
            Command::Guide(args) => (commands::guide::run(args), 2),
            Command::Redact(args) => (commands::redact::run(args), 2),
            Command::Rotate(args) => (commands::rotate::run(args), 2),
            Command::Secrets(args) => (commands::secrets::run(args), 2),
            Command::Completions(args) => (commands::completions::run(args), 2),
            Command::Reference(args) => (commands::reference::run(args), 2),
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
    let printed = error.print();
    if !error.use_stderr() {
        return match printed {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                crate::messages::error(&anyhow::Error::new(error).context("standard output could not be written"));
                ExitCode::from(2)
            }
            _ => ExitCode::SUCCESS,
        };
    }
    // What stands before the subcommand are options without a value.
    let mut arguments = std::env::args_os().skip(1).skip_while(|word| word.as_encoded_bytes().starts_with(b"-"));
    let subcommand = arguments.next();
    if error.kind() == clap::error::ErrorKind::InvalidSubcommand {
        hint_at(subcommand.as_deref().and_then(std::ffi::OsStr::to_str).unwrap_or_default());
    }
    let subcommand = subcommand.as_deref().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    let lacks = error.kind() == clap::error::ErrorKind::MissingRequiredArgument;
    let is_unknown = error.kind() == clap::error::ErrorKind::UnknownArgument;
    match subcommand {
        "run" | "prove" if (lacks || is_unknown) && arguments.all(|argument| argument != "--") => {
            crate::messages::hint(format_args!(
                "the command stands behind two dashes: `tegmen {subcommand} -- locust -f locustfile.py`"
            ));
        }
        "explain" if lacks => {
            crate::messages::hint("`tegmen explain --all` lists the rules, `tegmen doctor --list` the checks")
        }
        "completions" if lacks => {
            crate::messages::hint("for example `tegmen completions bash`; `--help` says where they go")
        }
        _ => {}
    }
    ExitCode::from(if subcommand == "run" { 125 } else { 2 })
}

/// What somebody meant who takes Tegmen for another tool.
fn hint_at(word: &str) {
    let meant = match word {
        "locust" | "python" | "python3" | "pytest" | "make" | "exec" | "start" | "protect" => "tegmen run -- locust …",
        "scan" | "check" | "lint" | "find" | "detect" => "tegmen audit",
        "list" | "ls" | "set" | "get" | "rm" | "import" | "secret" | "store" => "tegmen secrets --help",
        "risk" | "html" | "status" | "summary" => "tegmen report",
        "new" | "setup" | "configure" | "config" => "tegmen init",
        "rule" | "rules" | "man" => "tegmen explain --all",
        _ => return,
    };
    crate::messages::hint(format_args!("perhaps `{meant}`"));
}
