//! Credentials in URLs: `scheme://user:password@host` and sensitive parameters of the query.

use std::ops::Range;

use crate::{is_dummy, is_sensitive_name};

/// Where the credentials of a URL stand, in bytes of the text that was searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlCredentials {
    /// The scheme: `postgresql`.
    pub scheme: Range<usize>,
    /// The user's name, which may be empty.
    pub user: Range<usize>,
    /// The password; without one, the user's name is taken as it (a token before `@`).
    pub password: Range<usize>,
    /// Host and port.
    pub host: Range<usize>,
}

/// A parameter in the query of a URL whose name is sensitive and which has a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlParameter {
    /// Its name, in bytes of the text that was searched.
    pub name: Range<usize>,
    /// Its value.
    pub value: Range<usize>,
}

/// Addresses whose path is all that it takes to post there: what they start with, what they are, the least length of the path.
const WEBHOOKS: &[(&str, &str, usize)] = &[
    ("https://hooks.slack.com/services/", "a Slack webhook", 30),
    ("https://hooks.slack.com/workflows/", "a Slack webhook", 30),
    ("https://discord.com/api/webhooks/", "a Discord webhook", 60),
    ("https://discordapp.com/api/webhooks/", "a Discord webhook", 60),
];

/// The path of a webhook that lets in whoever knows it, and what it is: "a Slack webhook".
pub fn webhook(url: &str) -> Option<(&'static str, Range<usize>)> {
    let found = WEBHOOKS.iter().find_map(|(start, kind, least)| {
        let length = url
            .strip_prefix(start)?
            .bytes()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_'))
            .count();
        (length >= *least).then_some((*kind, start.len()..start.len() + length))
    });
    // `https://acme.webhook.office.com/webhookb2/…@…/IncomingWebhook/…`
    found.or_else(|| {
        let start = url.strip_prefix("https://").and_then(|rest| rest.find(".webhook.office.com/webhookb2/"))? + 38;
        (url.len() >= start + 60).then_some(("a Teams webhook", start..url.len()))
    })
}

/// The credentials of the first URL in `text` that has any, be they a template (`{user}`) or not.
pub fn find_url_credentials(text: &str) -> Option<UrlCredentials> {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(colon) = text[from..].find("://").map(|at| at + from) {
        from = colon + 3;
        let start = bytes[..colon]
            .iter()
            .rposition(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')))
            .map_or(0, |at| at + 1);
        if start == colon {
            continue;
        }
        let rest = &bytes[from..];
        let end = rest
            .iter()
            .position(|b| {
                matches!(b, b'/' | b'?' | b'#' | b' ' | b'\n' | b'"' | b'\'' | b'<' | b'>' | b'`' | b'|' | b')')
            })
            .unwrap_or(rest.len());
        let Some(at) = rest[..end].iter().rposition(|b| *b == b'@') else { continue };
        let authority = from..from + at;
        let host = from + at + 1..from + end;
        if authority.is_empty() || host.is_empty() {
            continue;
        }
        let (user, password) = match text[authority.clone()].find(':') {
            Some(split) => (authority.start..authority.start + split, authority.start + split + 1..authority.end),
            None => (authority.end..authority.end, authority.clone()),
        };
        return Some(UrlCredentials { scheme: start..colon, user, password, host });
    }
    None
}

/// As [`find_url_credentials`], for a URL with a password in clear: no template, no stand-in.
pub fn url_credentials(text: &str) -> Option<UrlCredentials> {
    let found = find_url_credentials(text)?;
    let password = &text[found.password.clone()];
    let scheme = &text[found.scheme.clone()];
    // `git@host` and `mailto:`-like addresses name a user only.
    if found.user.is_empty() && text.as_bytes().get(found.password.start.wrapping_sub(1)) != Some(&b':') {
        let token =
            crate::provider_token(password).is_some() || (crate::looks_random(password) && scheme.starts_with("http"));
        return token.then_some(found);
    }
    let template = password.contains('{')
        || password.contains('%') && password.contains('(')
        || password.starts_with('$')
        || password == "%s";
    (!password.is_empty() && !template && !is_dummy(password)).then_some(found)
}

/// Parameters of the queries in `text` whose name is sensitive, with a value that is no stand-in.
pub fn url_parameters(text: &str) -> Vec<UrlParameter> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    for (i, byte) in bytes.iter().enumerate() {
        if !matches!(byte, b'?' | b'&') {
            continue;
        }
        let name_end =
            bytes[i + 1..].iter().take(64).position(|b| *b == b'=' || matches!(b, b'&' | b' ' | b'/' | b'"' | b'\''));
        let Some(length) = name_end else { continue };
        let name = i + 1..i + 1 + length;
        if bytes.get(name.end) != Some(&b'=') || !text.is_char_boundary(name.start) || !text.is_char_boundary(name.end)
        {
            continue;
        }
        let key = &text[name.clone()];
        if !is_sensitive_name(key) && !matches!(key, "sig" | "key" | "auth" | "code" | "sid" | "access_key") {
            continue;
        }
        let start = name.end + 1;
        let end = bytes[start..]
            .iter()
            .position(|b| matches!(b, b'&' | b'#' | b' ' | b',' | b'\n' | b'"' | b'\''))
            .map_or(bytes.len(), |at| at + start);
        let value = &text[start..end];
        let weak_name = matches!(key, "key" | "code" | "sid" | "auth");
        if value.contains('{') || is_dummy(value) || (weak_name && !crate::looks_random(value)) {
            continue;
        }
        found.push(UrlParameter { name, value: start..end });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_urls() {
        let url = "postgresql://app:hunter2@db:5432/shop";
        let found = url_credentials(url).unwrap();
        assert_eq!((&url[found.user], &url[found.password], &url[found.host]), ("app", "hunter2", "db:5432"));
        let url = "redis://:hunter2@cache/0";
        assert_eq!(&url[url_credentials(url).unwrap().password], "hunter2");
        let url = "see https://u:p%40ss@host/path?x=a@b";
        assert_eq!(&url[url_credentials(url).unwrap().password], "p%40ss");
        for url in [
            "https://host/path@x",
            "postgresql://{USER}:{PASSWORD}@db/x",
            "https://user@host/",
            "ssh://git@github.com/x",
            "http://u:${PASS}@h/",
            "postgres://user:<password>@h/",
            "://x:y@z",
            "http://:@h/",
            "https://example.com",
            "",
        ] {
            assert_eq!(url_credentials(url), None, "{url}");
        }
    }

    #[test]
    fn parameters() {
        let url = "https://t.example/c?id=4&access_token=8f7d6c5b4a&x=1";
        let found = url_parameters(url);
        assert_eq!(found.len(), 1);
        assert_eq!(&url[found[0].value.clone()], "8f7d6c5b4a");
        assert!(url_parameters("/x?token={token}&page_token=3").is_empty());
        assert!(url_parameters("/x?key=name&ü=1&code=200").is_empty());
    }
}
