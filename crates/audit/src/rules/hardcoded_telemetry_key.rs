//! `hardcoded-telemetry-key`.

use super::shared::{literals, written};
use crate::context::{Candidate, Context};
use crate::literal::Kind;

rule! {
    /// ## What it does
    /// Finds the keys of collectors of telemetry: headers in `OTEL_EXPORTER_OTLP_HEADERS` and its kin for traces,
    /// metrics and logs, in scripts, compose files, manifests, CI files, Dockerfiles, shell scripts and `.env`; and
    /// headers that are handed to an OTLP exporter as text. Credentials in the URL of the endpoint are
    /// `credentials-in-url`.
    ///
    /// ## Why is this bad?
    /// `locust --otel` sends the URLs, names and errors of a test to that collector. Whoever has the key can write there
    /// too, fill the account, and at many providers read what all others sent.
    ///
    /// ## Example
    /// ```yaml
    /// environment:
    ///   OTEL_EXPORTER_OTLP_HEADERS: api-key=…
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// environment:
    ///   OTEL_EXPORTER_OTLP_HEADERS: api-key=${OTLP_API_KEY:?}
    /// ```
    ///
    /// ## Severity and confidence
    /// High and certain: the setting is there to hold it.
    ///
    /// ## Fix safety
    /// There is no automatic fix: the setting is read by OpenTelemetry itself, from the environment.
    ///
    /// ## References
    /// - CWE-798: Use of Hard-coded Credentials <https://cwe.mitre.org/data/definitions/798.html>
    /// - OWASP Secrets Management Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html>
    HARDCODED_TELEMETRY_KEY, "TGM111", "hardcoded-telemetry-key", High, "the key of a collector of telemetry is written in the source"
}

/// Looks at the literals of a file.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    literals(context, &HARDCODED_TELEMETRY_KEY, Kind::Telemetry, out, |judged| {
        format!("the key of a collector of telemetry in `{}` is written {}", judged.literal.name, written(judged.literal.site))
    });
}
