//! `secret-in-pickle`.

use tegmen_findings::Severity;

use super::shared::{calls, confidence, leak};
use crate::context::{Candidate, Context};
use crate::flow::Origin;

rule! {
    /// ## What it does
    /// Finds secrets in `pickle`, `dill`, `joblib`, `cloudpickle`, `marshal` and `shelve`.
    ///
    /// ## Why is this bad?
    /// A pickle keeps the value as it is, in a file that no search for text finds, and whoever loads the file runs what
    /// is in it.
    ///
    /// ## Example
    /// ```python
    /// pickle.dump({"token": self.token}, open("session.pkl", "wb"))
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// self.session = Session(self.token)  # in memory, for the user that it belongs to
    /// ```
    ///
    /// ## Severity and confidence
    /// Medium: it takes access to the file. Pickles of responses to logins count as well, since the token is in them.
    ///
    /// ## Fix safety
    /// There is no automatic fix: what to do instead depends on what the value is for.
    ///
    /// ## References
    /// - CWE-312: Cleartext Storage of Sensitive Information <https://cwe.mitre.org/data/definitions/312.html>
    /// - CWE-502: Deserialization of Untrusted Data <https://cwe.mitre.org/data/definitions/502.html>
    /// - OWASP Deserialization Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Deserialization_Cheat_Sheet.html>
    /// - OWASP Secrets Management Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html>
    SECRET_IN_PICKLE, "TGM412", "secret-in-pickle", Medium, "a secret is pickled"
}

/// Modules that write objects as they are.
const PICKLERS: &[&str] = &["pickle", "cPickle", "dill", "joblib", "cloudpickle", "marshal", "_pickle"];

/// Looks at what is pickled.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, flow)) = context.python() else { return };
    if !context.locust {
        return;
    }
    for (_, func, args) in calls(module) {
        let pickles = module.qualified(func).is_some_and(|name| {
            name.split_once('.').is_some_and(|(root, tail)| PICKLERS.contains(&root) && matches!(tail, "dump" | "dumps"))
        });
        let Some(value) = args.first().filter(|_| pickles).map(|arg| arg.value) else { continue };
        let taint = flow.of(value);
        let Some(source) = taint.secret().or_else(|| taint.find(&[Origin::LoginBody, Origin::LoginResponse])) else {
            continue;
        };
        let sure = confidence(source);
        let mut candidate = leak(&SECRET_IN_PICKLE, Severity::Medium, sure, flow, module, value, source);
        candidate.message = format!("`{}`, {}, is pickled", source.name, source.origin.describe());
        out.push(candidate);
    }
}
