//! `secret-in-process-arguments`.

use tegmen_classify as classify;
use tegmen_findings::{Confidence, Severity};

use super::shared::{calls, leak};
use crate::config::Config;
use crate::context::{Candidate, Context};
use crate::flow::Origin;

rule! {
    /// ## What it does
    /// Finds secrets in the arguments of `subprocess.run`, `Popen`, `os.system` and their kin, and in the custom arguments
    /// of a `locust` that a shell script, Makefile, Dockerfile, compose or CI file starts (`--api-key "$API_KEY"`).
    ///
    /// ## Why is this bad?
    /// The arguments of a process can be read by every user of the machine (`/proc/PID/cmdline`, `ps`), and are
    /// kept in the logs of schedulers and audit systems.
    ///
    /// ## Example
    /// ```python
    /// subprocess.run(["locust", "--db-password", password])
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// subprocess.run(["locust"], env={**os.environ, "DB_PASSWORD": password})
    /// ```
    ///
    /// ## Severity and confidence
    /// Medium: it takes access to the machine while the process runs.
    ///
    /// ## References
    /// - CWE-214: Invocation of Process Using Visible Sensitive Information <https://cwe.mitre.org/data/definitions/214.html>
    SECRET_IN_PROCESS_ARGUMENTS, "TGM408", "secret-in-process-arguments", Medium, "a secret is passed on a command line"
}

/// Looks at processes that are started.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    if let Some(config) = context.file.config() {
        return commands(config, out);
    }
    let Some((module, flow)) = context.python() else { return };
    for (_, func, args) in calls(module) {
        let starts = module.qualified(func).is_some_and(|name| {
            matches!(
                name.as_str(),
                "subprocess.run" | "subprocess.Popen" | "subprocess.call" | "subprocess.check_call" | "subprocess.check_output" | "os.system" | "os.popen"
            )
        });
        let Some(arguments) = args.first().filter(|arg| starts && arg.name.is_none_or(|name| module.symbol(name) == "args")) else { continue };
        let taint = flow.of(arguments.value);
        let Some(source) = taint.secret() else { continue };
        let confidence = if source.origin == Origin::Named { Confidence::Medium } else { Confidence::High };
        let mut candidate = leak(&SECRET_IN_PROCESS_ARGUMENTS, Severity::Medium, confidence, flow, module, arguments.value, source);
        candidate.message = format!("`{}`, {}, is passed on a command line", source.name, source.origin.describe());
        candidate.hint = Some("pass it in the environment or on standard input".to_owned());
        out.push(candidate);
    }
}

/// Looks at the arguments of Locust in files beside the scripts. What is written out there is a finding of its own.
fn commands(config: &Config, out: &mut Vec<Candidate>) {
    for option in config.commands.iter().flat_map(|command| &command.options) {
        if !option.expands || !classify::is_sensitive_name(&option.name) {
            continue;
        }
        let mut candidate = Candidate::new(&SECRET_IN_PROCESS_ARGUMENTS, Severity::Medium, Confidence::High, option.span);
        candidate.name.clone_from(&option.name);
        candidate.message = format!("`--{}` of locust gets its value on the command line", option.name);
        candidate.hint = Some("leave it in the environment: give the argument an `env_var`, or read the variable in the script".to_owned());
        out.push(candidate);
    }
}
