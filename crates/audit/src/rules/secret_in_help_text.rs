//! `secret-in-help-text`.

use tegmen_findings::{Confidence, Severity};
use tegmen_syntax::ExprKind;

use super::shared::{calls, keyword, leak};
use crate::context::{Candidate, Context};
use crate::flow::Origin;
use crate::literal::value::value_of;

rule! {
    /// ## What it does
    /// Finds options whose default is a secret and whose help shows the default: `%(default)s`, an f-string with the
    /// value in it, `ArgumentDefaultsHelpFormatter`.
    ///
    /// ## Why is this bad?
    /// `--help` is run in pipelines and pasted into tickets. For Locust's own parser the default stands in the web page
    /// as well.
    ///
    /// ## Example
    /// ```python
    /// parser.add_argument("--key", default=os.environ["API_KEY"], help="API key (default: %(default)s)")
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// parser.add_argument("--key", default=os.environ["API_KEY"], help="API key (default: $API_KEY)", is_secret=True)
    /// ```
    ///
    /// ## Severity and confidence
    /// Medium: whoever can run the command sees it. Certain: default and help stand in one call.
    ///
    /// ## Fix safety
    /// There is no automatic fix: what to do instead depends on what the value is for.
    ///
    /// ## References
    /// - CWE-200: Exposure of Sensitive Information to an Unauthorized Actor <https://cwe.mitre.org/data/definitions/200.html>
    /// - CWE-209: Generation of Error Message Containing Sensitive Information <https://cwe.mitre.org/data/definitions/209.html>
    /// - OWASP Secrets Management Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html>
    SECRET_IN_HELP_TEXT, "TGM413", "secret-in-help-text", Medium, "the help of a command shows a secret"
}

/// Looks at options and their help.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, flow)) = context.python() else { return };
    if !context.locust {
        return;
    }
    let all = module.source().contains("ArgumentDefaultsHelpFormatter");
    for (_, func, args) in calls(module) {
        if module.tail_str(func) != Some("add_argument") {
            continue;
        }
        let (Some(default), Some(help)) = (keyword(module, args, "default"), keyword(module, args, "help")) else {
            continue;
        };
        let origins = [Origin::Literal, Origin::Environment, Origin::Manager];
        let shows = all || value_of(module, help).is_some_and(|help| help.text.contains("%(default)"));
        let taint = flow.of(default);
        let in_help = flow.of(help);
        let source = match module.kind(help) {
            ExprKind::FString(_) | ExprKind::Binary { .. } | ExprKind::Call { .. } => in_help.find(&origins),
            _ => None,
        };
        let Some(source) = source.or_else(|| taint.find(&origins).filter(|_| shows)) else { continue };
        let rule = &SECRET_IN_HELP_TEXT;
        let mut candidate = leak(rule, Severity::Medium, Confidence::High, flow, module, help, source);
        candidate.message = format!("`{}`, {}, is shown by `--help`", source.name, source.origin.describe());
        candidate.hint = Some("name the variable in the help, not its value".to_owned());
        out.push(candidate);
    }
}
