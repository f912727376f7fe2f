//! `secret-in-log`.

use tegmen_findings::{Confidence, Severity};

use super::shared::{Sink, calls, leak, of_a_language, printed, sink};
use crate::config::Config;
use crate::context::{Candidate, Context};
use crate::flow::Origin;

rule! {
    /// ## What it does
    /// Finds secrets in `print` and in logging calls of any form: by their name, and by following values from
    /// literals, environment variables, options, secrets managers and login responses through variables, fields,
    /// dicts, f-strings and functions, across modules. Lengths, hashes, masks and comparisons are no secrets. In shell
    /// scripts, Makefiles and CI files it finds `echo` of a variable with a sensitive name, unless it goes into a pipe or a file.
    ///
    /// ## Why is this bad?
    /// Output is kept and shared: CI logs, `--logfile`, the log tab of Locust's web page, log collectors. What was
    /// printed once is there for years, and whoever can read the logs can log in.
    ///
    /// ## Example
    /// ```python
    /// print(f"logged in, token {self.token}")
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// print("logged in")
    /// ```
    ///
    /// ## Severity and confidence
    /// High. Certain where the value can be followed to where it comes from, likely where only its name says that it is
    /// secret. Lengths, comparisons, hashes, masks and the last few characters end the way. Medium for `echo`: CI systems mask
    /// what they know to be secret.
    ///
    /// ## Fix safety
    /// Safe: where the message has other values too, the secret in it becomes `***`; the argument goes where `print` has others to say,
    /// else the statement (`pass` is left where it was the only one).
    /// Unsafe where something in it may have effects of its own; none inside a larger expression.
    ///
    /// ## References
    /// - CWE-532: Insertion of Sensitive Information into Log File <https://cwe.mitre.org/data/definitions/532.html>
    /// - OWASP Logging Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Logging_Cheat_Sheet.html>
    SECRET_IN_LOG, "TGM401", "secret-in-log", High, "a secret is printed or logged"
}

/// Looks at what is printed and logged.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    if let Some(config) = context.file.config() {
        return commands(config, out);
    }
    let Some((module, flow)) = context.python() else { return };
    for (_, func, args) in calls(module) {
        let Some(sink) = sink(module, func) else { continue };
        for arg in printed(module, args) {
            let taint = flow.of(arg);
            let Some(source) = taint.secret() else { continue };
            if of_a_language(context, source) {
                continue;
            }
            let confidence = if source.origin == Origin::Named { Confidence::Medium } else { Confidence::High };
            let mut candidate = leak(&SECRET_IN_LOG, Severity::High, confidence, flow, module, arg, source);
            let verb = if sink == Sink::Print { "printed" } else { "logged" };
            candidate.message = format!("`{}`, {}, is {verb}", source.name, source.origin.describe());
            candidate.hint = Some("say that it is there, not what it is".to_owned());
            out.push(candidate);
            break;
        }
    }
}

/// Looks at what commands of files beside the scripts show.
fn commands(config: &Config, out: &mut Vec<Candidate>) {
    for (name, span) in &config.printed {
        let mut candidate = Candidate::new(&SECRET_IN_LOG, Severity::Medium, Confidence::Medium, *span);
        candidate.name.clone_from(name);
        candidate.message = format!("`{name}`, a secret, is shown by a command");
        candidate.hint = Some(format!("say that it is there: `echo \"{name} is ${{{name}:+set}}\"`"));
        out.push(candidate);
    }
}
