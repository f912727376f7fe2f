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

/// Addresses whose path is all that it takes to post there: what they start with, what they are, the least length of its last part.
const WEBHOOKS: &[(&str, &str, usize)] = &[
    ("https://hooks.slack.com/services/", "a Slack webhook", 20),
    ("https://hooks.slack.com/workflows/", "a Slack webhook", 20),
    ("https://discord.com/api/webhooks/", "a Discord webhook", 50),
    ("https://discordapp.com/api/webhooks/", "a Discord webhook", 50),
];

/// Services that take the key in the path: the end of the host, the least length of the key, whose key it is.
const KEYED: &[(&str, usize, &str)] = &[
    (".infura.io", 32, "an Infura key"),
    (".alchemy.com", 32, "an Alchemy key"),
    (".alchemyapi.io", 32, "an Alchemy key"),
    (".quiknode.pro", 32, "a QuickNode key"),
    ("rpc.ankr.com", 40, "an Ankr key"),
    (".getblock.io", 32, "a GetBlock key"),
    (".chainstack.com", 32, "a Chainstack key"),
    ("api.telegram.org", 35, "a Telegram bot token"),
];

/// The key in the path of a service that takes it there.
fn keyed(url: &str) -> Option<(&'static str, Range<usize>)> {
    let start = ["https://", "wss://"].iter().find(|scheme| url.starts_with(**scheme))?.len();
    let end = start + url[start..].find('/')?;
    let (_, least, kind) = KEYED.iter().find(|(host, ..)| url[start..end].ends_with(host))?;
    let mut at = end + 1;
    for part in url[end + 1..].split('/') {
        let length =
            part.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':'))).unwrap_or(part.len());
        // The token of a bot stands behind `bot`.
        let head = if *kind == "a Telegram bot token" && part.starts_with("bot") { 3 } else { 0 };
        if length >= least + head && crate::looks_random(&part[head..length]) {
            return Some((kind, at + head..at + length));
        }
        at += part.len() + 1;
    }
    None
}

/// The part of the path of a webhook, or of a service that takes its key there, that lets in whoever knows it, and what it is:
/// "a Slack webhook".
pub fn webhook(url: &str) -> Option<(&'static str, Range<usize>)> {
    // `https://acme.webhook.office.com/webhookb2/…@…/IncomingWebhook/…`
    let teams = || {
        let start = url.find(".webhook.office.com/webhookb2/")?;
        Some(("a Teams webhook", url[start..].find("/IncomingWebhook/")? + start + 17, 32))
    };
    let hosted = || {
        let (start, kind, least) = WEBHOOKS.iter().find(|(start, ..)| url.starts_with(start))?;
        let path = &url[start.len()..];
        let end =
            path.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_'))).unwrap_or(path.len());
        let last = path[..end].trim_end_matches('/').rfind('/').map_or(0, |slash| slash + 1);
        Some((*kind, start.len() + last, *least))
    };
    if let Some(found) = keyed(url) {
        return Some(found);
    }
    let (kind, start, least) = if url.starts_with("https://") { hosted().or_else(teams)? } else { return None };
    let rest = &url[start..];
    let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))).unwrap_or(rest.len());
    (length >= least).then_some((kind, start..start + length))
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
    for i in memchr::memchr2_iter(b'?', b'&', bytes) {
        let name_end =
            bytes[i + 1..].iter().take(64).position(|b| *b == b'=' || matches!(b, b'&' | b' ' | b'/' | b'"' | b'\''));
        let Some(length) = name_end else { continue };
        let name = i + 1..i + 1 + length;
        if bytes.get(name.end) != Some(&b'=') || !text.is_char_boundary(name.start) || !text.is_char_boundary(name.end)
        {
            continue;
        }
        let key = &text[name.clone()];
        if !is_sensitive_name(key) && !matches!(key, "sig" | "key" | "auth" | "code" | "sid" | "access_key" | "appid") {
            continue;
        }
        let start = name.end + 1;
        let end = bytes[start..]
            .iter()
            .position(|b| matches!(b, b'&' | b'#' | b' ' | b',' | b'\n' | b'"' | b'\''))
            .map_or(bytes.len(), |at| at + start);
        let value = &text[start..end];
        let weak_name = matches!(key, "key" | "code" | "sid" | "auth");
        // OpenWeather's key goes by this name; WeChat's is an id.
        if key == "appid" && !(value.len() == 32 && value.bytes().all(|b| b.is_ascii_hexdigit())) {
            continue;
        }
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
    fn webhooks() {
        let token = "aB3".repeat(20);
        let of = |url: &str| webhook(url).map(|(kind, range)| (kind, url[range].to_owned()));
        let slack = format!("https://hooks.slack.com/services/T02AB3CD4/B05EF6GH7/{}", &token[..24]);
        assert_eq!(of(&slack), Some(("a Slack webhook", token[..24].to_owned())));
        let discord = format!("https://discord.com/api/webhooks/112233445566778899/{token}?wait=true");
        assert_eq!(of(&discord), Some(("a Discord webhook", token.clone())));
        let teams = format!("https://shop.webhook.office.com/webhookb2/a-b@c-d/IncomingWebhook/{}/e-f", &token[..32]);
        assert_eq!(of(&teams), Some(("a Teams webhook", token[..32].to_owned())));
        assert_eq!(of("https://hooks.slack.com/services/"), None);
        assert_eq!(of("https://shop.test/services/a/b"), None);
        let key: String = ('a'..='z').zip(('0'..='9').cycle()).flat_map(|(letter, digit)| [letter, digit]).collect();
        let infura = format!("https://mainnet.infura.io/v3/{key}");
        assert_eq!(of(&infura), Some(("an Infura key", key.clone())));
        let bot = format!("6123456789:{}", &key[..35]);
        assert_eq!(
            of(&format!("https://api.telegram.org/bot{bot}/sendMessage")),
            Some(("a Telegram bot token", bot.clone()))
        );
        assert_eq!(of("https://mainnet.infura.io/v3/YOUR-PROJECT-ID"), None);
        assert_eq!(of("https://api.telegram.org/bot{}/sendMessage"), None);
    }

    #[test]
    fn parameters() {
        let url = "https://t.example/c?id=4&access_token=8f7d6c5b4a&x=1";
        let found = url_parameters(url);
        assert_eq!(found.len(), 1);
        assert_eq!(&url[found[0].value.clone()], "8f7d6c5b4a");
        let weather = ["/data?q=Oslo&appid=", "b6907d28", "9e10d714", "a6e88b30", "761fae22"].concat();
        assert_eq!(url_parameters(&weather).len(), 1);
        assert!(url_parameters("/connect?appid=wx5823bf96d3bd56c7").is_empty());
        assert!(url_parameters("/x?token={token}&page_token=3").is_empty());
        assert!(url_parameters("/x?key=name&ü=1&code=200").is_empty());
    }
}
