//! `secret-in-telemetry`.

use tegmen_findings::Severity;
use tegmen_syntax::ExprKind;

use super::shared::{calls, confidence, leak};
use crate::context::{Candidate, Context};
use crate::flow::Origin;

rule! {
    /// ## What it does
    /// Finds secrets in labels, tags, fields and attributes of Prometheus, InfluxDB, OpenTelemetry, StatsD, Datadog,
    /// Sentry, New Relic, MLflow and Weights & Biases.
    ///
    /// ## Why is this bad?
    /// Telemetry is made to be kept and to be looked at by many. A label with a token in it is in every dashboard, in
    /// every backup of the time series, and at the provider.
    ///
    /// ## Example
    /// ```python
    /// span.set_attribute("auth.token", self.token)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// span.set_attribute("auth.present", bool(self.token))
    /// ```
    ///
    /// ## Severity and confidence
    /// Medium: it takes access to the telemetry. Only modules that import one of these libraries are looked at.
    ///
    /// ## Fix safety
    /// There is no automatic fix: what to do instead depends on what the value is for.
    ///
    /// ## References
    /// - CWE-532: Insertion of Sensitive Information into Log File <https://cwe.mitre.org/data/definitions/532.html>
    /// - CWE-200: Exposure of Sensitive Information to an Unauthorized Actor <https://cwe.mitre.org/data/definitions/200.html>
    /// - OWASP Logging Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Logging_Cheat_Sheet.html>
    SECRET_IN_TELEMETRY, "TGM410", "secret-in-telemetry", Medium, "a secret goes into metrics, traces or an error tracker"
}

/// Libraries that send metrics, traces and errors somewhere.
const LIBRARIES: &[&str] = &[
    "prometheus_client", "influxdb", "influxdb_client", "opentelemetry", "sentry_sdk", "statsd", "datadog", "ddtrace",
    "newrelic", "mlflow", "wandb", "graphyte", "elasticapm", "logfire", "telegraf", "azure.monitor",
];

/// Calls that hand something over to them.
const SENDERS: &[&str] = &[
    "set_attribute", "set_attributes", "add_event", "record_exception", "set_tag", "set_tags", "set_context",
    "set_extra", "set_user", "add_breadcrumb", "capture_message", "labels", "write_points", "write", "tag", "field",
    "log_param", "log_params", "incr", "gauge", "timing", "histogram", "increment", "distribution", "send_event",
    "record_custom_event", "add_custom_attribute", "add_custom_attributes", "set_baggage", "put_metric_data",
    "start_as_current_span", "start_span",
];

/// Looks at what is handed to telemetry.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, flow)) = context.python() else { return };
    let library = |name: &str| LIBRARIES.iter().any(|library| name.starts_with(library));
    if !context.locust || !module.imports.iter().any(|import| library(&import.qualified)) {
        return;
    }
    for (_, func, args) in calls(module) {
        let Some(tail) = module.tail_str(func).filter(|tail| SENDERS.contains(tail)) else { continue };
        let object = match module.kind(func) {
            ExprKind::Attribute { value, .. } => module.tail_str(*value).unwrap_or_default().to_lowercase(),
            _ => String::new(),
        };
        // `f.write(…)` writes to a file more often than to a database.
        if tail == "write" && !["write_api", "influx", "client"].iter().any(|word| object.contains(word)) {
            continue;
        }
        for arg in args {
            let taint = flow.of(arg.value);
            let Some(source) = taint.secret().or_else(|| taint.find(&[Origin::LoginBody])) else { continue };
            let sure = confidence(source);
            let mut candidate =
                leak(&SECRET_IN_TELEMETRY, Severity::Medium, sure, flow, module, arg.value, source);
            candidate.message =
                format!("`{}`, {}, goes into metrics, traces or errors", source.name, source.origin.describe());
            candidate.hint = Some("say that it is there, not what it is".to_owned());
            out.push(candidate);
            break;
        }
    }
}
