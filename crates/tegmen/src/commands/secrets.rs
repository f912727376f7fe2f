//! `tegmen secrets`: the embedded store.

mod import;
mod input;
mod list;
mod prompt;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use tegmen_sources::store::{Store, StoreError};
use tegmen_sources::{Environment, Manifest};

use crate::messages;

/// Keep secrets in the embedded store: one encrypted file, no server, no account.
///
/// The manifest names what is in it as `source = "store:NAME"`. The file is encrypted with age; its key is made on first
/// use, for this user alone.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tegmen secrets set API_KEY                    asks for the value, without showing it
  pass show shop/api-key | tegmen secrets set API_KEY
  tegmen secrets import .env --only API_KEY,DB_PASSWORD
  tegmen secrets get API_KEY | some-command

Where it is: --store or TEGMEN_STORE, else .tegmen/store.age in the project where there is one, \
else tegmen/store.age in the user's data directory. The key: TEGMEN_STORE_KEY (the key itself or \
a file), else tegmen/store.key in that directory.

Exit status:
  0  done
  1  there is no entry of that name
  2  the store cannot be used")]
pub struct Args {
    #[command(subcommand)]
    command: Command,

    /// The store, in place of the one that is found
    #[arg(long, global = true, value_name = "FILE")]
    store: Option<PathBuf>,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Write a value, from a prompt or from standard input
    ///
    /// One newline at the end of standard input is not part of the value.
    Set {
        /// The name: letters, digits, `_` and `.`
        name: String,
        /// Keep a newline at the end of standard input
        #[arg(long)]
        keep_newline: bool,
        /// What somebody takes for the value: refused, with an explanation
        #[arg(hide = true)]
        value: Vec<OsString>,
    },
    /// Write a value to standard output
    Get {
        /// The name
        name: String,
        /// Also when standard output is a terminal
        #[arg(long)]
        show: bool,
    },
    /// List the names, and how long ago each value was written
    List,
    /// Remove entries
    Rm {
        /// The names
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Take the values of a dotenv file over
    Import {
        /// The file
        file: PathBuf,
        /// Only these names
        #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
        only: Vec<String>,
    },
}

/// A value from a prompt or from standard input, for other commands.
pub(super) fn value_from_stdin(name: &str) -> Result<tegmen_secret::SecretBytes, StoreError> {
    input::value(name, false)
}

/// No entry of that name.
const MISSING: u8 = 1;

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    super::close_process()?;
    let environment = Environment::of_this_process();
    let here = std::env::current_dir().context("the current directory cannot be read")?;
    let manifest = Manifest::find(&here);
    let project = manifest.as_deref().and_then(|path| path.parent()).unwrap_or(&here);
    let done = Store::locate(&environment, project, args.store.as_deref()).and_then(|store| {
        messages::detail(format_args!("the store is {}", store.path().display()));
        match args.command {
            Command::Set { name, keep_newline, value } => set(&store, &name, keep_newline, &value),
            Command::Get { name, show } => get(&store, &name, show),
            Command::List => list::list(&store),
            Command::Rm { names } => remove(&store, &names),
            Command::Import { file, only } => import::import(&store, &environment, &file, &only),
        }
    });
    done.or_else(|error| {
        messages::trouble(error.why, error.next);
        Ok(ExitCode::from(2))
    })
}

fn set(store: &Store, name: &str, keep_newline: bool, value: &[OsString]) -> Result<ExitCode, StoreError> {
    if !value.is_empty() || name.contains('=') {
        // Neither the name nor the value is repeated: which is which is not known.
        return Err(StoreError::new(
            "a value is not given on the command line: it would stay in the shell's history and be seen in the list of processes",
            "write `tegmen secrets set NAME` and give the value at the prompt or on standard input; take the one that you \
             typed out of the history, and change it if others use this machine",
        ));
    }
    check_name(name)?;
    let value = input::value(name, keep_newline)?;
    let replaced = store.change(|contents| Ok(contents.set(name, value)))?;
    messages::note(format_args!(
        "{name} {} {}",
        if replaced { "replaced in" } else { "written to" },
        store.path().display()
    ));
    Ok(ExitCode::SUCCESS)
}

fn get(store: &Store, name: &str, show: bool) -> Result<ExitCode, StoreError> {
    let mut output = std::io::stdout().lock();
    let terminal = output.is_terminal();
    if terminal && !show {
        return Err(StoreError::new(
            "standard output is a terminal, where the value would stay on the screen",
            "send it to where it is needed with a pipe, or add --show",
        ));
    }
    let contents = store.read()?;
    let Some(entry) = contents.get(name) else { return Ok(missing(store, name)) };
    // Not through a formatter, and with nothing added where a program reads it.
    let newline: &[u8] = if terminal { b"\n" } else { b"" };
    output
        .write_all(entry.value().expose())
        .and_then(|()| output.write_all(newline))
        .and_then(|()| output.flush())
        .map_err(|error| StoreError::new(format!("the value cannot be written: {error}"), "check what reads it"))?;
    Ok(ExitCode::SUCCESS)
}

fn remove(store: &Store, names: &[String]) -> Result<ExitCode, StoreError> {
    let contents = store.read()?;
    let mut status = ExitCode::SUCCESS;
    for name in names.iter().filter(|name| contents.get(name).is_none()) {
        status = missing(store, name);
    }
    if names.iter().any(|name| contents.get(name).is_some()) {
        let removed: Vec<_> =
            store.change(|contents| Ok(names.iter().filter(|name| contents.remove(name)).collect()))?;
        for name in removed {
            messages::note(format_args!("{name} removed from {}", store.path().display()));
        }
    }
    Ok(status)
}

fn missing(store: &Store, name: &str) -> ExitCode {
    let why = format_args!("the store {} has no {name}", store.path().display());
    messages::trouble(why, "`tegmen secrets list` shows the names");
    ExitCode::from(MISSING)
}

fn check_name(name: &str) -> Result<(), StoreError> {
    if tegmen_sources::is_secret_name(name) {
        return Ok(());
    }
    Err(StoreError::new(
        format!("`{name}` cannot be the name of a secret"),
        "a name has letters, digits, `_` and `.` and begins with no digit",
    ))
}
