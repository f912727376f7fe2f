//! `web-login-in-clear`.

use tegmen_findings::{Confidence, Severity};

use crate::context::{Candidate, Context};

rule! {
    /// ## What it does
    /// Finds `--web-login` (or `web-login`, `LOCUST_WEB_LOGIN`) in a file in which nothing sets `tls-cert`. Off unless
    /// it is selected: TLS may end at a proxy in front.
    ///
    /// ## Why is this bad?
    /// Without a certificate Locust's page, its login and its session cookie go over the network in clear.
    ///
    /// ## Example
    /// ```sh
    /// locust -f load.py --web-login
    /// ```
    ///
    /// ## Use instead
    /// ```sh
    /// locust -f load.py --web-login --tls-cert cert.pem --tls-key key.pem
    /// ```
    ///
    /// ## Severity and confidence
    /// Low: it takes somebody in the network between. Low confidence: a proxy cannot be seen from here.
    ///
    /// ## Fix safety
    /// There is no automatic fix: it takes a certificate.
    ///
    /// ## References
    /// - CWE-319: Cleartext Transmission of Sensitive Information <https://cwe.mitre.org/data/definitions/319.html>
    /// - Locust: Web interface authentication <https://docs.locust.io/en/stable/extending-locust.html>
    WEB_LOGIN_IN_CLEAR, "TGM508", "web-login-in-clear", Low, "the login of Locust's page goes over the network in clear", off
}

/// Looks at the options of Locust in files beside the scripts.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some(config) = context.file.config() else { return };
    let local = config.options("web-host").any(|setting| setting.value.starts_with("127.") || setting.value == "localhost");
    if config.is_set("tls-cert") || local {
        return;
    }
    for setting in config.options("web-login").filter(|setting| setting.is_on()) {
        let mut candidate = Candidate::new(&WEB_LOGIN_IN_CLEAR, Severity::Low, Confidence::Low, setting.span);
        candidate.name = "web-login".to_owned();
        candidate.hint = Some("pass `--tls-cert` and `--tls-key`, or end TLS at a proxy on the same machine".to_owned());
        out.push(candidate);
    }
}
