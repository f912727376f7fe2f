//! `hardcoded-password`.

use super::shared::{literals, subject, written};
use crate::context::{Candidate, Context};
use crate::literal::Kind;

rule! {
    /// ## What it does
    /// Finds passwords written into Python: variables, class attributes, keys of dicts, arguments (by keyword, by
    /// the parameter of a local function, of `login(user, password)`), defaults of parameters, JSON and forms
    /// inside strings; and in configuration files beside the scripts.
    ///
    /// ## Why is this bad?
    /// Whoever can read the repository, its history, a worker's disk (`.pyc` files keep constants) or a traceback
    /// can log in. Locust sends the source of the locustfile from the master to every worker in plain text.
    ///
    /// ## Example
    /// ```python
    /// self.client.post("/login", {"username": "ellen", "password": "…"})
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// from tegmen import secret
    ///
    /// PASSWORD = secret("SHOP_PASSWORD")
    /// self.client.post("/login", {"username": "ellen", "password": PASSWORD})
    /// ```
    ///
    /// ## Severity and confidence
    /// High; medium for passwords that everybody tries first (`admin`, `123456`), since there is less to lose, low for those in unit tests;
    /// medium for the PINs of a load test (`{"pin": "…"}`). Certain in code, likely in configuration files and for PINs.
    /// Placeholders, values that are made to be refused, names of fields and the texts of a page are left alone.
    ///
    /// ## Fix safety
    /// Safe in the scripts of a load test: the value becomes `secret("NAME")` and a secret of `tegmen.toml`, and is kept where
    /// `--to` says. Unsafe where the value itself is needed (`secret("NAME").reveal()`), and in other scripts.
    ///
    /// ## References
    /// - CWE-259: Use of Hard-coded Password <https://cwe.mitre.org/data/definitions/259.html>
    /// - CWE-798: Use of Hard-coded Credentials <https://cwe.mitre.org/data/definitions/798.html>
    /// - OWASP Secrets Management Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html>
    HARDCODED_PASSWORD, "TGM101", "hardcoded-password", High, "a password is written in the source"
}

/// Looks at the literals of a file.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    literals(context, &HARDCODED_PASSWORD, Kind::Password, out, |judged| {
        format!("the value of {} is written {}", subject(judged, "a password"), written(judged.literal.site))
    });
    if context.locust {
        literals(context, &HARDCODED_PASSWORD, Kind::Pin, out, |judged| {
            format!("{} is written {}", subject(judged, "a PIN"), written(judged.literal.site))
        });
    }
}
