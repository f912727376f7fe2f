//! The exit statuses of all commands, as their help says them.

use std::fmt::Write as _;

use clap::Command;

const HEADING: &str = "Exit status:\n";

/// Each status of a command with its meaning: `0`, "findings".
pub fn of(command: &Command) -> Vec<(String, String)> {
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let Some((_, rest)) = text.split_once(HEADING) else { return Vec::new() };
    let mut found: Vec<(String, String)> = Vec::new();
    for line in rest.split("\n\n").next().unwrap_or_default().lines() {
        match (line.strip_prefix("  ").and_then(|line| line.split_once("  ")), found.last_mut()) {
            (Some((status, meaning)), _) if !status.is_empty() && !status.contains(' ') => {
                found.push((status.to_owned(), meaning.trim().to_owned()));
            }
            (_, Some((_, meaning))) => {
                let _ = write!(meaning, " {}", line.trim());
            }
            _ => {}
        }
    }
    found
}

/// A table, in Markdown.
pub fn table(root: &Command) -> String {
    let mut out = String::from(
        "\n## Exit statuses\n\n\
         An option or argument that a command does not understand is status 2, of `tegmen run` 125.\n\n\
         | Command | Status | What it says |\n|---|---|---|\n",
    );
    for command in super::told(root) {
        for (status, meaning) in of(command) {
            let status = if status == "*" { "any other".to_owned() } else { format!("`{status}`") };
            let _ = writeln!(out, "| `tegmen {}` | {status} | {meaning} |", command.get_name());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn every_command_says_its_exit_statuses() {
        let root = crate::cli::Cli::command();
        for command in super::super::told(&root) {
            let known = super::of(command);
            let failure = if command.get_name() == "run" { "125" } else { "2" };
            assert!(known.iter().any(|(status, _)| status == failure), "{}: {known:?}", command.get_name());
            let order: Vec<u8> = known.iter().filter_map(|(status, _)| status.parse().ok()).collect();
            assert!(order.is_sorted(), "{}: {order:?}", command.get_name());
        }
    }
}
