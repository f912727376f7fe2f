//! Secrets in environments, on command lines and in histories.

use tegmen_findings::Severity;

use super::{listed, plural};
use crate::{
    check::{Check, Outcome},
    facts::History,
    fix::Repair,
};

pub(super) const ALL: &[&Check] = &[
    &SENSITIVE_VARIABLES,
    &SENSITIVE_VARIABLES_ELSEWHERE,
    &SECRET_ON_COMMAND_LINE,
    &SECRET_IN_HISTORY,
    &HISTORY_READABLE,
    &CODE_BY_VARIABLE,
];

check! {
    SENSITIVE_VARIABLES: "TGM571" "sensitive-variables" Medium Environment,
    title: "the environment holds secrets",
    why: "Every program that is started from here inherits them, crash reports and CI logs print them, and /proc/PID/environ shows \
          them for as long as the process lives, also after the script has deleted them.",
    repair: "keep them in Vault or in the store (`tegmen secrets import .env`) and name them in tegmen.toml; under `tegmen run` \
             the test's environment holds placeholders",
    references: [
        ("CWE-526: Cleartext Storage in an Environment Variable", "https://cwe.mitre.org/data/definitions/526.html"),
        ("OWASP Secrets Management Cheat Sheet", "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html"),
    ],
    judge: |facts| {
        let names = &facts.environment.sensitive;
        if names.is_empty() { Outcome::pass("no variable has a name that says so") } else { Ok(Outcome::fail(listed(names))) }
    },
}

check! {
    SENSITIVE_VARIABLES_ELSEWHERE: "TGM572" "sensitive-variables-elsewhere" Medium Environment,
    title: "environments of other processes hold secrets that the test could read",
    why: "/proc/PID/environ is open to every process of the same user: what one program was given, all others have.",
    repair: "start those programs as users of their own, or under `tegmen run`",
    references: [
        ("proc_pid_environ(5)", "https://man7.org/linux/man-pages/man5/proc_pid_environ.5.html"),
        ("CWE-214: Invocation of Process Using Visible Sensitive Information", "https://cwe.mitre.org/data/definitions/214.html"),
    ],
    judge: |facts| {
        let all = facts.environment.neighbours.get()?;
        let found: Vec<String> = all
            .iter()
            .filter(|neighbour| !neighbour.variables.is_empty())
            .map(|neighbour| format!("{} ({}): {}", neighbour.name, neighbour.pid, listed(&neighbour.variables)))
            .collect();
        if found.is_empty() { Outcome::pass("none was seen in the processes of this user") } else { Ok(Outcome::fail(listed(&found)).at("/proc", None)) }
    },
}

check! {
    SECRET_ON_COMMAND_LINE: "TGM573" "secret-on-command-line" High Environment,
    title: "secrets stand on command lines of running processes",
    why: "A command line is open to every user of the machine, and ends up in process accounting, monitoring and audit logs.",
    repair: "let the program read the value from a file, from standard input, or from a placeholder under `tegmen run`; then rotate it",
    references: [
        ("CWE-214: Invocation of Process Using Visible Sensitive Information", "https://cwe.mitre.org/data/definitions/214.html"),
    ],
    judge: |facts| {
        let all = facts.environment.neighbours.get()?;
        let found: Vec<String> = all
            .iter()
            .filter(|neighbour| !neighbour.options.is_empty())
            .map(|neighbour| format!("{} ({}): {}", neighbour.name, neighbour.pid, listed(&neighbour.options)))
            .collect();
        if found.is_empty() { Outcome::pass("none was seen in the processes of this user") } else { Ok(Outcome::fail(listed(&found)).at("/proc", None)) }
    },
}

check! {
    SECRET_IN_HISTORY: "TGM574" "secret-in-history" Medium Environment,
    title: "the shell's history holds secrets",
    why: "It is a file in clear that is backed up, copied to new machines, and open to every program that you run.",
    repair: "delete the lines (`history -d NUMBER`), rotate the values, and put a space before such commands \
             (`HISTCONTROL=ignorespace`)",
    references: [
        ("bash(1): HISTCONTROL", "https://man7.org/linux/man-pages/man1/bash.1.html"),
        ("CWE-532: Insertion of Sensitive Information into Log File", "https://cwe.mitre.org/data/definitions/532.html"),
    ],
    judge: |facts| {
        let mut unread = None;
        let (mut found, mut outcome) = (Vec::new(), Outcome::fail(""));
        let histories = facts.environment.histories.get()?;
        for history in histories {
            match history.lines.get() {
                Ok(lines) if lines.is_empty() => {}
                Ok(lines) => {
                    found.push(format!("{} in {}", plural(lines.len(), "line"), history.path));
                    for line in lines.iter().take(10) {
                        outcome = outcome.at(&history.path, Some(*line));
                    }
                }
                Err(unknown) => unread = Some(unknown),
            }
        }
        if !found.is_empty() {
            let text = listed(&found);
            return Ok(match outcome {
                Outcome::Fail { severity, repair, places, fixes, .. } => Outcome::Fail { found: text, severity, repair, places, fixes },
                other => other,
            });
        }
        match unread {
            Some(unknown) => Err(unknown),
            None if histories.is_empty() => Outcome::pass("there is no history"),
            None => Outcome::pass(format!("none was found in {}", plural(histories.len(), "file"))),
        }
    },
}

check! {
    HISTORY_READABLE: "TGM575" "history-readable" Medium Environment,
    title: "others can read the shell's history",
    why: "It tells which systems you work on, and now and then a password that was typed into the wrong window.",
    repair: "`chmod 600` the file",
    references: [
        ("CWE-732: Incorrect Permission Assignment for Critical Resource", "https://cwe.mitre.org/data/definitions/732.html"),
    ],
    judge: |facts| {
        let histories = facts.environment.histories.get()?;
        if histories.is_empty() {
            return Outcome::not_applicable("there is no history");
        }
        let is_open = |history: &&History| history.is_readable_by_others.ok() == Some(&true);
        let open: Vec<&str> = histories.iter().filter(is_open).map(|history| history.path.as_str()).collect();
        if open.is_empty() {
            histories.iter().try_for_each(|history| history.is_readable_by_others.get().map(drop))?;
            return Outcome::pass(format!("{}, for you alone", plural(histories.len(), "file")));
        }
        Ok(open.iter().fold(Outcome::fail(listed(&open)), |outcome, path| {
            outcome.at(*path, None).fix(Repair::Mode { path: path.into(), without: 0o077 })
        }))
    },
}

check! {
    CODE_BY_VARIABLE: "TGM576" "code-by-variable" Medium Environment,
    title: "variables put code into every program that is started",
    why: "What LD_PRELOAD or PYTHONSTARTUP name is loaded into Locust, and into the broker that holds the secrets.",
    repair: "unset them where load tests are started",
    references: [
        ("ld.so(8): LD_PRELOAD", "https://man7.org/linux/man-pages/man8/ld.so.8.html"),
        ("CWE-426: Untrusted Search Path", "https://cwe.mitre.org/data/definitions/426.html"),
    ],
    judge: |facts| {
        let names = &facts.environment.preload;
        if names.is_empty() {
            return Outcome::pass("none is set");
        }
        let outcome = Outcome::fail(format!("set: {}", listed(names)));
        let harmless = names.iter().all(|name| name.starts_with("PYTHON"));
        Ok(if harmless { outcome.severity(Severity::Low) } else { outcome })
    },
}
