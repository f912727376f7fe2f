//! `open-master-port`.

use tegmen_findings::{Confidence, Severity};

use super::open_web_ui::is_everywhere;
use crate::context::{Candidate, Context};

rule! {
    /// ## What it does
    /// Finds `--master-bind-host`, `master-bind-host` of `locust.conf` and `LOCUST_MASTER_BIND_HOST` set to all addresses
    /// (`*`, `0.0.0.0`, `::`), in command lines and configuration.
    ///
    /// ## Why is this bad?
    /// Locust's own protocol knows neither encryption nor a login. Whoever reaches the port of the master joins as a
    /// worker, and is sent the locustfile with everything in it and the values of all custom arguments.
    ///
    /// ## Example
    /// ```sh
    /// locust -f load.py --master --master-bind-host 0.0.0.0
    /// ```
    ///
    /// ## Use instead
    /// ```sh
    /// locust -f load.py --master --master-bind-host 10.20.0.5   # the address in the network of the workers
    /// ```
    ///
    /// ## Severity and confidence
    /// Low: in the network of a cluster of its own it may be meant so. Certain: the address is written out.
    ///
    /// ## Fix safety
    /// There is no automatic fix: the right address depends on the network.
    ///
    /// ## References
    /// - CWE-1327: Binding to an Unrestricted IP Address <https://cwe.mitre.org/data/definitions/1327.html>
    /// - CWE-306: Missing Authentication for Critical Function <https://cwe.mitre.org/data/definitions/306.html>
    /// - Locust: Distributed load generation <https://docs.locust.io/en/stable/running-distributed.html>
    OPEN_MASTER_PORT, "TGM507", "open-master-port", Low, "the master listens on all addresses for workers"
}

/// Looks at the options of Locust in files beside the scripts.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some(config) = context.file.config() else { return };
    for setting in config.options("master-bind-host").filter(|setting| is_everywhere(&setting.value)) {
        let mut candidate = Candidate::new(&OPEN_MASTER_PORT, Severity::Low, Confidence::High, setting.span);
        candidate.name = "master-bind-host".to_owned();
        candidate.hint = Some("name the address in the network of the workers".to_owned());
        out.push(candidate);
    }
}
