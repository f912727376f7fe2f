//! Credentials that are born in the test: what the answer to a request gives out. Pure functions on text.
//!
//! What counts: in JSON, at any depth, the texts whose name says that they are to be kept (`access_token`, `idToken`,
//! `apiKey`, `sessionId`), unless the value cannot be one (a word, a date, an address); the same in a form; cookies that
//! carry a session.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::LazyLock;

use aho_corasick::packed;
use foldhash::quality::RandomState;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use tegmen_classify::{auth_scheme, is_dummy, is_sensitive_name, why_not, words};

/// An answer that is longer is not looked at, in bytes.
pub const LONGEST: usize = 1 << 20;
/// Neither is one that is shorter: `sid=` and the shortest that counts, in bytes.
pub const SHORTEST: usize = 4 + SHORT;
/// A value that is shorter is no credential that a server issues.
const SHORT: usize = 8;
/// Neither is one that is longer.
const LONG: usize = 16 * 1024;
/// The longest name that is shown.
const NAME: usize = 40;
/// The longest name that is judged.
const LONGEST_NAME: usize = 100;
/// The name of a credential has one of these in it.
const HINTS: [&str; 12] =
    ["token", "secret", "key", "session", "sid", "jwt", "pass", "pwd", "bearer", "auth", "credential", "cookie"];

/// A credential in an answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Born {
    /// What outputs show: its name in the answer, in capitals.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Says the name only.
impl std::fmt::Debug for Born {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Born({})", self.name)
    }
}

/// So many names are kept, and no more.
const MOST_NAMES: usize = 1 << 10;

/// So many answers are kept, and no more.
const MOST_BODIES: usize = 1 << 12;

/// So many `Cookie` fields are kept, and no more: each simulated user has its own.
const MOST_COOKIES: usize = 1 << 14;

/// Reads answers. Remembers which names are those of credentials: the same come in every answer. And remembers answers that gave
/// out nothing: a load test asks for the same pages again and again.
#[derive(Default)]
pub struct Answers {
    names: HashMap<Box<[u8]>, bool, RandomState>,
    /// Hashes, with a seed that no target knows.
    without: HashSet<u64, RandomState>,
    /// The same of the cookies that were sent.
    sent: HashSet<u64, RandomState>,
}

impl Answers {
    /// The credentials in a body: JSON, or a form.
    pub fn in_body(&mut self, body: &[u8]) -> Vec<Born> {
        if !(SHORTEST..=LONGEST).contains(&body.len()) {
            return Vec::new();
        }
        let hash = self.without.hasher().hash_one(body);
        if self.without.contains(&hash) {
            return Vec::new();
        }
        let found = self.looked_for(body);
        if found.is_empty() {
            if self.without.len() >= MOST_BODIES {
                self.without.clear();
            }
            self.without.insert(hash);
        }
        found
    }

    /// The sessions among the cookies that a request sends along, once for the same cookies.
    pub fn in_sent_cookies(&mut self, cookies: &[u8]) -> Vec<Born> {
        if self.sent.len() >= MOST_COOKIES {
            self.sent.clear();
        }
        if !self.sent.insert(self.sent.hasher().hash_one(cookies)) {
            return Vec::new();
        }
        // A neighbour that is no UTF-8 hides none.
        let pairs = cookies.split(|byte| *byte == b';').filter_map(|pair| std::str::from_utf8(pair).ok());
        pairs.filter_map(|pair| in_cookie(pair.trim())).collect()
    }

    fn looked_for(&mut self, body: &[u8]) -> Vec<Born> {
        let mut found = Vec::new();
        let text = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii();
        match text.first() {
            // Most answers have none: then they are not parsed.
            Some(b'{' | b'[') => {
                if self.names_credential(text, Names::Json)
                    && let Ok(document) = serde_json::from_slice(text)
                {
                    in_json(None, &document, &mut found);
                }
            }
            Some(b'<') | None => {}
            _ if text.len() <= LONG && self.names_credential(text, Names::Form) => in_form(text, &mut found),
            _ => {}
        }
        found
    }

    /// Whether something in the text has the name of a credential. Near the speed of memory where nothing has.
    fn names_credential(&mut self, text: &[u8], names: Names) -> bool {
        // Written as names are: token, accessToken, TOKEN. That is few enough for a search by vectors.
        static SEARCH: LazyLock<Option<packed::Searcher>> = LazyLock::new(|| {
            let capital = |hint: &str| hint[..1].to_ascii_uppercase() + &hint[1..];
            let forms = |hint: &str| [hint.to_owned(), capital(hint), hint.to_ascii_uppercase()];
            packed::Searcher::new(HINTS.into_iter().flat_map(forms))
        });
        // Where the processor has none, each answer is parsed.
        let Some(search) = SEARCH.as_ref() else { return true };
        search.find_iter(text).any(|hint| {
            let name = name_around(text, hint.start(), hint.end(), names);
            name.is_some_and(|name| self.is_of_credential(name))
        })
    }

    fn is_of_credential(&mut self, name: &[u8]) -> bool {
        if let Some(known) = self.names.get(name) {
            return *known;
        }
        let is_one = std::str::from_utf8(name).is_ok_and(is_credential_name);
        if self.names.len() >= MOST_NAMES {
            self.names.clear();
        }
        self.names.insert(name.into(), is_one);
        is_one
    }
}

/// How names stand in a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// `"name" :`
    Json,
    /// `&name=`
    Form,
}

/// The name that a place is in, if it is in one.
fn name_around(text: &[u8], start: usize, end: usize, names: Names) -> Option<&[u8]> {
    let (before, after) = (&text[start.saturating_sub(LONGEST_NAME)..start], &text[end..]);
    let after = &after[..after.len().min(LONGEST_NAME)];
    let (first, last) = match names {
        Names::Json => {
            let last = memchr::memchr(b'"', after)?;
            let is_name = text[end + last + 1..].trim_ascii_start().first() == Some(&b':');
            (is_name.then(|| memchr::memrchr(b'"', before))?? + 1, last)
        }
        Names::Form => (memchr::memrchr(b'&', before).map_or(0, |at| at + 1), memchr::memchr(b'=', after)?),
    };
    Some(&text[start - before.len() + first..end + last])
}

fn in_json(name: Option<&str>, value: &Value, found: &mut Vec<Born>) {
    match value {
        Value::Object(entries) => entries.iter().for_each(|(name, value)| in_json(Some(name), value, found)),
        // The elements of a list are called what the list is called.
        Value::Array(items) => items.iter().for_each(|item| in_json(name, item, found)),
        Value::String(text) => found.extend(name.and_then(|name| born(name, text))),
        _ => {}
    }
}

/// `access_token=…&token_type=bearer`, as some token endpoints answer.
fn in_form(text: &[u8], found: &mut Vec<Born>) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    if text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        return;
    }
    for (name, value) in text.split('&').filter_map(|pair| pair.split_once('=')) {
        let value = value.replace('+', " ");
        found.extend(percent_decode_str(&value).decode_utf8().ok().and_then(|value| born(name, &value)));
    }
}

fn born(name: &str, value: &str) -> Option<Born> {
    if !is_credential_name(name) {
        return None;
    }
    let value = value.trim();
    let value = auth_scheme(value).and_then(|at| value.get(at..)).unwrap_or(value).trim();
    is_credential(value).then(|| Born { name: shown(name), value: value.to_owned() })
}

/// Whether what an answer calls so is to be kept.
fn is_credential_name(name: &str) -> bool {
    if is_sensitive_name(name) {
        return true;
    }
    let words = words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    why_not(name).is_none()
        && matches!(
            words[..],
            ["session"]
                | ["sid"]
                | ["ticket"]
                | ["assertion"]
                | [.., "session", "id" | "key"]
                | [.., "sessionid" | "sessionkey" | "jsessionid" | "authorization" | "jwt" | "bearer"]
        )
}

/// Whether it can be a credential: no word, date, address or sentence.
fn is_credential(value: &str) -> bool {
    let bytes = value.as_bytes();
    let has = |wanted: fn(&u8) -> bool| bytes.iter().any(wanted);
    let mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    (SHORT..=LONG).contains(&bytes.len())
        && bytes.iter().all(u8::is_ascii_graphic)
        && !value.contains("://")
        && !is_dummy(value)
        && !is_date(bytes)
        && (has(u8::is_ascii_digit) || (mixed && bytes.len() >= 16) || bytes.len() >= 20)
        && !is_of_words(value)
}

/// `2026-11-28T22:00:00Z` and its like.
fn is_date(bytes: &[u8]) -> bool {
    bytes.len() <= 40
        && bytes.iter().all(|byte| byte.is_ascii_digit() || b"-:.+TZ".contains(byte))
        && bytes.get(4) == Some(&b'-')
}

/// `invalid_or_expired_refresh_token`: what a server says, not what it issues.
fn is_of_words(value: &str) -> bool {
    let mut parts = value.split(['_', '-', '.', ' ']);
    value.len() <= 80 && parts.all(|part| part.len() <= 14 && part.bytes().all(|byte| byte.is_ascii_lowercase()))
}

/// The name as outputs show it.
fn shown(name: &str) -> String {
    let mut shown = words(name).join("_").to_ascii_uppercase();
    shown.retain(|character| character.is_ascii_uppercase() || character == '_');
    shown.truncate(NAME);
    if shown.is_empty() { "TOKEN".to_owned() } else { shown }
}

/// The credential that a `Set-Cookie` line (RFC 6265, 4.1) hands out, if it is one of a session.
pub fn in_cookie(line: &str) -> Option<Born> {
    let mut parts = line.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim().trim_matches('"'));
    let is_guarded = parts.any(|part| part.trim().eq_ignore_ascii_case("httponly"));
    let lower = name.to_ascii_lowercase();
    // Those that balance load, count visitors or guard against forged requests are no credentials.
    const OTHERS: [&str; 12] = [
        "csrf",
        "xsrf",
        "antiforgery",
        "_ga",
        "_gid",
        "awsalb",
        "arraffinity",
        "__cf",
        "incap_",
        "ak_bmsc",
        "bigip",
        "locale",
    ];
    if OTHERS.iter().any(|other| lower.contains(other)) {
        return None;
    }
    const SESSIONS: [&str; 9] = ["sess", "sid", "token", "auth", "jwt", "remember", "identity", "login", "access"];
    let is_session = is_sensitive_name(name) || SESSIONS.iter().any(|word| lower.contains(word));
    // A cookie that scripts in the browser must not read, and that looks made at random, is one.
    let is_random = is_guarded && tegmen_classify::looks_random(value);
    if !(is_session || is_random) || value.len() < 12 || !is_credential(value) {
        return None;
    }
    Some(Born { name: shown(name), value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(body: &str) -> Vec<String> {
        Answers::default()
            .in_body(body.as_bytes())
            .into_iter()
            .map(|born| format!("{}={}", born.name, born.value))
            .collect()
    }

    #[test]
    fn what_a_login_gives_out() {
        let token = "8Zr2nYt5LxW0qP";
        for (body, name) in [
            (format!(r#"{{"access_token": "{token}", "token_type": "bearer", "expires_in": 3600}}"#), "ACCESS_TOKEN"),
            (format!(r#"{{"data": {{"user": {{"idToken": "{token}"}}, "ok": true}}}}"#), "ID_TOKEN"),
            (format!(r#"[{{"refreshToken": "{token}"}}]"#), "REFRESH_TOKEN"),
            (format!(r#"{{"apiKey": "{token}"}}"#), "API_KEY"),
            (format!(r#"{{"sessionId": "{token}"}}"#), "SESSION_ID"),
            (format!(r#"{{"session": "{token}"}}"#), "SESSION"),
            (format!(r#"{{"jwt": "{token}"}}"#), "JWT"),
            (format!(r#"{{"Authorization": "Bearer {token}"}}"#), "AUTHORIZATION"),
            (format!(r#"{{"client_secret": "{token}"}}"#), "CLIENT_SECRET"),
            (format!(r#"{{"tokens": ["{token}"]}}"#), "TOKENS"),
            (format!("\u{FEFF} {{\"token\": \"{token}\"}}"), "TOKEN"),
            (format!("access_token={token}&token_type=bearer&scope="), "ACCESS_TOKEN"),
        ] {
            assert_eq!(names(&body), [format!("{name}={token}")], "{body}");
        }
        assert_eq!(names(r#"{"token": "a\/b+c\u003d1234"}"#), ["TOKEN=a/b+c=1234"]);
    }

    /// What is not parsed would not have given anything.
    #[test]
    fn the_look_before_the_parser_misses_nothing() {
        let token = "8Zr2nYt5LxW0qP";
        let long = "x".repeat(LONGEST_NAME);
        for name in ["token", "accessToken", "ACCESS_TOKEN", "X-Api-Key", "Session Id", "PassWord", "jwt", "sid"] {
            for (before, after) in [
                ("", ""),
                (r#""note": "the token", "#, ""),
                (r#""key": "monkey", "keyboard": {"sessions": 3}, "#, r#", "z": ["secret"]"#),
                (&format!(r#""{long}": "{long}", "#), ""),
            ] {
                for colon in [":", " : ", "\n:\n"] {
                    let body = format!(r#"{{{before}"{name}"{colon}"{token}"{after}}}"#);
                    assert_eq!(names(&body).len(), 1, "{body}");
                }
            }
            let form = format!("a=b&{}={token}&c=key", name.replace(' ', "_"));
            assert_eq!(names(&form).len(), 1, "{form}");
        }
    }

    #[test]
    fn an_answer_that_comes_again_gives_out_what_it_did() {
        let mut answers = Answers::default();
        let with = br#"{"token": "8Zr2nYt5LxW0qP"}"#;
        for _ in 0..2 {
            assert_eq!(answers.in_body(br#"{"token": "none"}"#).len(), 0);
            assert_eq!(answers.in_body(with).len(), 1);
        }
        assert_eq!(answers.without.len(), 1);
        for number in 0..2 * MOST_BODIES {
            answers.in_body(format!(r#"{{"page": {number}}}"#).as_bytes());
        }
        assert!(answers.without.len() <= MOST_BODIES && answers.in_body(with).len() == 1);
    }

    #[test]
    fn sessions_that_a_request_sends_along() {
        let mut answers = Answers::default();
        let latin = answers.in_sent_cookies(b"name=\xe9; JSESSIONID=8Zr2nYt5LxW0qP");
        assert_eq!(latin.len(), 1, "beside a cookie in ISO 8859-1");
        let mut names = |cookies: &str| {
            answers.in_sent_cookies(cookies.as_bytes()).into_iter().map(|born| born.name).collect::<Vec<_>>()
        };
        let cookies = "lang=en; sessionid=8Zr2nYt5LxW0qP; csrftoken=8Zr2nYt5LxW0qP;PHPSESSID=q8Zr2nYt5LxW0qP";
        assert_eq!(names(cookies), ["SESSIONID", "PHPSESSID"]);
        assert_eq!(names(cookies), [""; 0], "they are known by then");
        assert_eq!(names("theme=dark"), [""; 0]);
        (0..2 * MOST_COOKIES).for_each(|number| assert_eq!(names(&format!("n={number}")), [""; 0]));
        assert_eq!(names(cookies).len(), 2);
    }

    #[test]
    fn what_is_no_credential() {
        for body in [
            r#"{"next_page_token": "8Zr2nYt5LxW0qP", "csrf_token": "8Zr2nYt5LxW0qP"}"#,
            r#"{"token_type": "bearer-bearer-1", "token_url": "https://a.example/1", "max_tokens": 4096}"#,
            r#"{"error": "invalid_token", "token": "invalid_or_expired_token", "password": "required"}"#,
            r#"{"token": "2026-11-28T22:00:00Z", "key": "8Zr2nYt5LxW0qP", "id": "8Zr2nYt5LxW0qP"}"#,
            r#"{"token": 12345678, "session": {"id": 17}, "secret": null, "access_token": ""}"#,
            r#"{"token": "8Zr2nYt5LxW0qP""#,
            "<token>8Zr2nYt5LxW0qP</token>",
            "The token=8Zr2nYt5LxW0qP is not ours",
            "",
        ] {
            assert_eq!(names(body), [""; 0], "{body}");
        }
        assert_eq!(names(&format!("{{\"token\": \"8Zr2nYt5LxW0qP\", \"x\": \"{}\"}}", "x".repeat(LONGEST))), [""; 0]);
    }

    #[test]
    fn cookies_of_sessions() {
        let name = |line: &str| in_cookie(line).map(|born| born.name);
        assert_eq!(name("sessionid=8Zr2nYt5LxW0qP; Path=/"), Some("SESSIONID".into()));
        assert_eq!(name("JSESSIONID=8Zr2nYt5LxW0qP"), Some("JSESSIONID".into()));
        assert_eq!(name("connect.sid=s%3A8Zr2nYt5LxW0qP.x; HttpOnly"), Some("CONNECT_SID".into()));
        assert_eq!(name("__Host-app=8Zr2nYt5LxW0qP77; Secure; HttpOnly"), Some("HOST_APP".into()));
        for line in
            ["lang=en", "csrftoken=8Zr2nYt5LxW0qP", "_ga=GA1.2.8Zr2nYt5LxW0qP", "AWSALB=8Zr2nYt5LxW0qP", "x", "sid=1"]
        {
            assert_eq!(name(line), None, "{line}");
        }
    }
}
