//! The rules: one file each, its doc comment its page.

use tegmen_findings::Rule;

use crate::context::{Candidate, Context};

/// Declares a rule whose page is its doc comment. `off` at the end: asked only if it is selected.
macro_rules! rule {
    ($(#[doc = $doc:literal])* $name:ident, $code:literal, $id:literal, $severity:ident, $summary:literal) => {
        rule!(@ $(#[doc = $doc])* $name, $code, $id, $severity, $summary, true);
    };
    ($(#[doc = $doc:literal])* $name:ident, $code:literal, $id:literal, $severity:ident, $summary:literal, off) => {
        rule!(@ $(#[doc = $doc])* $name, $code, $id, $severity, $summary, false);
    };
    (@ $(#[doc = $doc:literal])* $name:ident, $code:literal, $id:literal, $severity:ident, $summary:literal, $on:literal) => {
        $(#[doc = $doc])*
        pub static $name: tegmen_findings::Rule = tegmen_findings::Rule {
            code: $code,
            id: $id,
            summary: $summary,
            severity: tegmen_findings::Severity::$severity,
            page: concat!($($doc, "\n"),*),
            by_default: $on,
        };
    };
}

macro_rules! rules {
    ($($module:ident :: $name:ident),* $(,)?) => {
        $(mod $module;)*

        /// All rules, by code.
        pub fn all() -> &'static [&'static Rule] {
            static ALL: &[&Rule] = &[$(&$module::$name),*];
            ALL
        }

        /// Asks every rule about a file.
        pub(crate) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
            $($module::check(context, out);)*
        }

        /// Asks the rules of the hard-coded family.
        pub(crate) fn check_hard_coded(context: &Context<'_>, out: &mut Vec<Candidate>) {
            $(if is_hard_coded(&$module::$name) { $module::check(context, out); })*
        }
    };
}

/// Whether a rule is about values that are written in a file, and needs nothing but that file.
pub(crate) fn is_hard_coded(rule: &Rule) -> bool {
    rule.code.starts_with("TGM1")
}

mod shared;

rules! {
    hardcoded_password::HARDCODED_PASSWORD,
    hardcoded_token::HARDCODED_TOKEN,
    hardcoded_key::HARDCODED_KEY,
    hardcoded_basic_auth::HARDCODED_BASIC_AUTH,
    hardcoded_session_cookie::HARDCODED_SESSION_COOKIE,
    credentials_in_url::CREDENTIALS_IN_URL,
    hardcoded_private_key::HARDCODED_PRIVATE_KEY,
    hardcoded_fallback::HARDCODED_FALLBACK,
    hardcoded_credential_list::HARDCODED_CREDENTIAL_LIST,
    secret_in_comment::SECRET_IN_COMMENT,
    hardcoded_telemetry_key::HARDCODED_TELEMETRY_KEY,
    unchecked_environment_variable::UNCHECKED_ENVIRONMENT_VARIABLE,
    secret_as_variable_name::SECRET_AS_VARIABLE_NAME,
    variable_naming::VARIABLE_NAMING,
    secret_into_environment::SECRET_INTO_ENVIRONMENT,
    hardcoded_vault_token::HARDCODED_VAULT_TOKEN,
    secret_fetched_per_user::SECRET_FETCHED_PER_USER,
    secrets_manager_over_http::SECRETS_MANAGER_OVER_HTTP,
    secrets_manager_unverified::SECRETS_MANAGER_UNVERIFIED,
    vault_root_token::VAULT_ROOT_TOKEN,
    vault_token_never_renewed::VAULT_TOKEN_NEVER_RENEWED,
    needless_reveal::NEEDLESS_REVEAL,
    secret_in_log::SECRET_IN_LOG,
    response_in_log::RESPONSE_IN_LOG,
    secret_in_failure::SECRET_IN_FAILURE,
    secret_in_name::SECRET_IN_NAME,
    unprotected_secret_argument::UNPROTECTED_SECRET_ARGUMENT,
    debug_wire_logging::DEBUG_WIRE_LOGGING,
    secret_in_file::SECRET_IN_FILE,
    secret_in_process_arguments::SECRET_IN_PROCESS_ARGUMENTS,
    secret_in_web_route::SECRET_IN_WEB_ROUTE,
    secret_in_telemetry::SECRET_IN_TELEMETRY,
    secret_in_runner_message::SECRET_IN_RUNNER_MESSAGE,
    secret_in_pickle::SECRET_IN_PICKLE,
    secret_in_help_text::SECRET_IN_HELP_TEXT,
    secret_in_host::SECRET_IN_HOST,
    unsafe_evaluation::UNSAFE_EVALUATION,
    locals_in_traceback::LOCALS_IN_TRACEBACK,
    secret_from_process_arguments::SECRET_FROM_PROCESS_ARGUMENTS,
    tls_verification_off::TLS_VERIFICATION_OFF,
    credentials_in_clear::CREDENTIALS_IN_CLEAR,
    open_web_ui::OPEN_WEB_UI,
    outdated_tls::OUTDATED_TLS,
    encoding_as_encryption::ENCODING_AS_ENCRYPTION,
    host_key_ignored::HOST_KEY_IGNORED,
    open_master_port::OPEN_MASTER_PORT,
    web_login_in_clear::WEB_LOGIN_IN_CLEAR,
}

/// Whether a selector names a rule.
pub fn is_known(selector: &str) -> bool {
    all().iter().any(|rule| rule.matches(selector))
}

/// The rule that a selector resembles most, if any does.
pub fn nearest(selector: &str) -> Option<String> {
    all()
        .iter()
        .map(|rule| (distance(selector, rule.id), rule.id))
        .min()
        .filter(|(distance, _)| *distance <= selector.len() / 3 + 1)
        .map(|(_, id)| id.to_owned())
}

/// How many letters have to be changed, put in or left out.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = before + usize::from(x != *y);
            before = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(before + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_in_order_and_have_whole_pages() {
        let codes: Vec<&str> = all().iter().map(|rule| rule.code).collect();
        let mut sorted = codes.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(codes, sorted);
        for rule in all() {
            for heading in [
                "## What it does",
                "## Why is this bad?",
                "## Example",
                "## Use instead",
                "## Severity and confidence",
                "## References",
            ] {
                assert!(rule.page.contains(heading), "{}: {heading}", rule.id);
            }
            assert!(!rule.cwe().is_empty(), "{} refers to no CWE", rule.id);
        }
    }

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        assert_eq!(nearest("hardcoded-pasword").as_deref(), Some("hardcoded-password"));
        assert_eq!(nearest("zzzzzz"), None);
    }
}
