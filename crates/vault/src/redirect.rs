//! Redirects: a standby names the active server.

use url::Url;

/// Where a redirect leads, when it may be followed with a token: to the same path, and never from https to http.
pub(crate) fn target(from: &Url, location: &str) -> Option<Url> {
    let to = from.join(location).ok()?;
    let safe = to.scheme() == "https" || (from.scheme() == "http" && to.scheme() == "http");
    (safe && to.path() == from.path() && to.username().is_empty() && to.password().is_none()).then_some(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_sent_just_anywhere() {
        let from: Url = "https://a:8200/v1/secret/data/x".parse().unwrap();
        let shown = |location: &str| target(&from, location).map(String::from);
        assert_eq!(shown("https://b:8200/v1/secret/data/x").as_deref(), Some("https://b:8200/v1/secret/data/x"));
        assert_eq!(shown("http://b:8200/v1/secret/data/x"), None);
        assert_eq!(shown("https://b:8200/login"), None);
        assert_eq!(shown("https://u:p@b/v1/secret/data/x"), None);
    }
}
