//! Prefixes that providers publish: they say what a value is, and nothing of the value.

/// Longest first where one is a prefix of another.
#[rustfmt::skip]
const PREFIXES: &[&str] = &[
    "sk_live_", "sk_test_", "rk_live_", "rk_test_", "pk_live_", "pk_test_", "whsec_", "github_pat_", "ghp_", "gho_",
    "ghu_", "ghs_", "ghr_", "glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "xoxb-", "xoxp-", "xoxa-", "xoxr-",
    "xoxs-", "xapp-", "AKIA", "ASIA", "ABIA", "ACCA", "hvs.", "hvb.", "hvr.", "SG.", "AIza", "ya29.", "GOCSPX-",
    "npm_", "pypi-", "sk-ant-", "sk-proj-", "sk-or-", "sk-", "dop_v1_", "doo_v1_", "shpat_", "shpss_", "shppa_",
    "hf_", "gsk_", "dapi", "PMAK-", "lin_api_", "NRAK-", "key-", "AGE-SECRET-KEY-1", "EAAC", "figd_", "sntrys_",
    "rubygems_", "dckr_pat_", "tfp_", "pat_", "shpca_", "r8_", "xai-", "pplx-",
];

/// Authentication schemes of the `Authorization` header.
#[rustfmt::skip]
const SCHEMES: &[&str] = &[
    "bearer ", "basic ", "token ", "digest ", "apikey ", "jwt ", "splunk ", "negotiate ", "aws4-hmac-sha256 ",
    "sso-key ",
];

/// The length in bytes of an authentication scheme (with its blanks) at the start of a header's value: `Bearer `, `Basic `.
pub fn auth_scheme(value: &str) -> Option<usize> {
    let scheme = SCHEMES.iter().find(|scheme| {
        value.as_bytes().get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
    })?;
    let blanks = value.as_bytes()[scheme.len()..].iter().take_while(|byte| **byte == b' ').count();
    Some(scheme.len() + blanks)
}

/// The length in bytes of a well-known public prefix of `value` (`sk_live_`, `ghp_`, `Bearer `, and both of two) that says
/// nothing secret.
pub fn known_prefix(value: &str) -> Option<usize> {
    let scheme = auth_scheme(value).unwrap_or(0);
    let rest = &value[scheme..];
    let prefix = PREFIXES.iter().find(|prefix| rest.starts_with(**prefix)).map_or(0, |prefix| prefix.len());
    match scheme + prefix {
        0 => None,
        length => Some(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes() {
        assert_eq!(known_prefix("sk_live_0123"), Some(8));
        assert_eq!(known_prefix("Bearer abc"), Some(7));
        assert_eq!(known_prefix("bearer  ghp_abc"), Some(12));
        assert_eq!(known_prefix("eyJhbGciOi"), None);
        assert_eq!(known_prefix("hunter2"), None);
        assert_eq!(known_prefix("Bearerß"), None);
        assert_eq!(known_prefix(""), None);
    }
}
