//! The environment variables that have a meaning: those of options, which clap knows, and the others.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::{Command, CommandFactory};

/// Those that stand for no option.
const OTHERS: &[(&str, &str)] = &[
    ("TEGMEN_STORE", "the file of the embedded store, in place of the one that is found"),
    ("TEGMEN_STORE_KEY", "the key of the embedded store: the key itself, or the file that it is in"),
    ("NO_COLOR", "anything but nothing: no colours"),
    ("CLICOLOR_FORCE", "anything but `0`: colours although it is no terminal"),
    ("COLUMNS", "the width that help is fitted to where it is no terminal"),
];

/// What Tegmen gives to the commands that it starts.
const GIVEN: &[(&str, &str)] = &[
    ("TEGMEN_SECRET", "to a `hook` and the like of `tegmen rotate`: the name of the secret"),
    ("TEGMEN_STEP", "to a `hook` and the like of `tegmen rotate`: `set` or `undo`"),
    ("TEGMEN_CHANNEL", "to the command of `tegmen run`: where the broker is; a process without it has no secrets"),
    ("TEGMEN_VARIABLES", "to the command of `tegmen run`: the names of the variables that hold placeholders"),
];

/// Each variable with its meaning.
fn all(root: &Command) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> =
        OTHERS.iter().map(|(name, meaning)| ((*name).to_owned(), (*meaning).to_owned())).collect();
    for command in super::told(root) {
        for arg in command.get_arguments() {
            let (Some(variable), Some(option)) = (arg.get_env(), arg.get_long()) else { continue };
            let use_ = format!("`tegmen {} --{option}`", command.get_name());
            found
                .entry(variable.to_string_lossy().into_owned())
                .and_modify(|known| {
                    let _ = write!(known, ", {use_}");
                })
                .or_insert_with(|| format!("as {use_}"));
        }
    }
    found
}

/// Tables, in Markdown.
pub fn tables(root: &Command) -> String {
    let mut out = String::from(
        "\n## Environment variables\n\nWhat is given on the command line wins. Those of Vault and OpenBao are in\n\
         [the manifest](manifest.md#variables).\n\n| Variable | What it says |\n|---|---|\n",
    );
    for (name, meaning) in all(root) {
        let _ = writeln!(out, "| `{name}` | {meaning} |");
    }
    out.push_str(
        "\nTegmen itself sets these for what it starts; setting them by hand has no use:\n\n| Variable | Given to |\n|---|---|\n",
    );
    for (name, meaning) in GIVEN {
        let _ = writeln!(out, "| `{name}` | {meaning} |");
    }
    out
}

/// The same as lines of plain text.
pub fn plain() -> String {
    let root = crate::cli::Cli::command();
    let known = all(&root);
    let width = known.keys().map(String::len).max().unwrap_or(0);
    let mut out = String::new();
    for (name, meaning) in known {
        let _ = writeln!(out, "  {name:width$}  {}", meaning.replace('`', ""));
    }
    out
}
