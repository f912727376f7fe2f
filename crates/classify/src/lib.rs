//! What the name or the value of a secret looks like.
//!
//! Names: [`is_sensitive_name`] and, for what only contains such a word, [`why_not`]. Values: the shapes that providers
//! publish ([`provider_token`], [`find_tokens`]), their public prefixes ([`known_prefix`]), stand-ins that nobody has to
//! protect ([`is_dummy`], [`is_dummy_token`]), credentials in URLs ([`url_credentials`]). Nothing in here does I/O,
//! keeps a value, or compiles a pattern at run time.

mod dummy;
mod hints;
mod mnemonic;
mod name;
mod prefix;
mod token;
mod url;

pub use dummy::{entropy, is_dummy, is_dummy_token, looks_random};
pub use mnemonic::{is_mnemonic, is_mnemonic_name};
pub use name::{
    is_auth_field, is_password_name, is_sensitive_header, is_sensitive_name, may_hold_credentials_url, why_not, words,
};
pub use prefix::{auth_scheme, known_prefix};
pub use token::{TokenMatch, find_tokens, provider_token, token_begins, token_starts};
pub use url::{UrlCredentials, UrlParameter, find_url_credentials, url_credentials, url_parameters, webhook};

/// Whether an environment variable holds what is sensitive: its name says so, or its value is a URL with credentials under
/// a name for such. Proxies are none of it: clients read them before any request is made.
pub fn is_sensitive_variable(name: &str, value: &str) -> bool {
    if name.to_ascii_lowercase().ends_with("_proxy") {
        return false;
    }
    is_sensitive_name(name) || (may_hold_credentials_url(name) && url_credentials(value).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_value_make_a_variable_sensitive() {
        let url = ["postgres://shop:", "s3cr3t-pass", "@db/shop"].concat();
        assert!(is_sensitive_variable("API_TOKEN", ""));
        assert!(is_sensitive_variable("DATABASE_URL", &url));
        assert!(!is_sensitive_variable("DATABASE_URL", "postgres://db/shop"));
        assert!(!is_sensitive_variable("HTTPS_PROXY", &url));
        assert!(!is_sensitive_variable("BASE_URL", &url));
    }
}
