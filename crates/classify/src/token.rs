//! The shapes of tokens that providers publish.

use std::ops::Range;

/// A recognised token inside a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenMatch {
    /// What it is: "a GitHub token".
    pub kind: &'static str,
    /// Where it is, in bytes.
    pub range: Range<usize>,
}

/// Which bytes the part after the prefix is made of.
#[derive(Clone, Copy)]
enum Set {
    Upper,
    Alnum,
    Hex,
    Word,
    Dash,
    Dots,
}

impl Set {
    const fn has(self, byte: u8) -> bool {
        match self {
            Set::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Set::Alnum => byte.is_ascii_alphanumeric(),
            Set::Hex => byte.is_ascii_hexdigit(),
            Set::Word => byte.is_ascii_alphanumeric() || byte == b'_',
            Set::Dash => byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-',
            Set::Dots => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'=' | b'/' | b'+'),
        }
    }
}

/// Prefix, what follows, the least and the greatest length of what follows, kind.
const TOKENS: &[(&str, Set, usize, usize, &str)] = &[
    ("AKIA", Set::Upper, 16, 16, "an AWS access key"),
    ("ASIA", Set::Upper, 16, 16, "an AWS access key"),
    ("ghp_", Set::Alnum, 36, 255, "a GitHub token"),
    ("gho_", Set::Alnum, 36, 255, "a GitHub token"),
    ("ghu_", Set::Alnum, 36, 255, "a GitHub token"),
    ("ghs_", Set::Alnum, 36, 255, "a GitHub token"),
    ("ghr_", Set::Alnum, 36, 255, "a GitHub token"),
    ("github_pat_", Set::Word, 22, 255, "a GitHub token"),
    ("glpat-", Set::Dash, 20, 255, "a GitLab token"),
    ("gldt-", Set::Dash, 20, 255, "a GitLab token"),
    ("glrt-", Set::Dash, 20, 255, "a GitLab token"),
    ("glptt-", Set::Dash, 20, 255, "a GitLab token"),
    ("xoxb-", Set::Dash, 20, 255, "a Slack token"),
    ("xoxp-", Set::Dash, 20, 255, "a Slack token"),
    ("xoxa-", Set::Dash, 20, 255, "a Slack token"),
    ("xoxr-", Set::Dash, 20, 255, "a Slack token"),
    ("xoxs-", Set::Dash, 20, 255, "a Slack token"),
    ("xapp-", Set::Dash, 20, 255, "a Slack token"),
    ("sk_live_", Set::Alnum, 16, 255, "a Stripe key"),
    ("sk_test_", Set::Alnum, 16, 255, "a Stripe test key"),
    ("rk_live_", Set::Alnum, 16, 255, "a Stripe key"),
    ("rk_test_", Set::Alnum, 16, 255, "a Stripe test key"),
    ("whsec_", Set::Alnum, 24, 255, "a webhook signing secret"),
    ("SG.", Set::Dots, 40, 100, "a SendGrid key"),
    ("AIza", Set::Dash, 35, 35, "a Google API key"),
    ("ya29.", Set::Dash, 20, 2000, "a Google OAuth token"),
    ("GOCSPX-", Set::Dash, 20, 60, "a Google client secret"),
    ("npm_", Set::Alnum, 36, 36, "an npm token"),
    ("pypi-AgE", Set::Dash, 40, 500, "a PyPI token"),
    ("hvs.", Set::Dash, 24, 500, "a Vault token"),
    ("hvb.", Set::Dash, 24, 500, "a Vault token"),
    ("hvr.", Set::Dash, 24, 500, "a Vault token"),
    ("sk-ant-", Set::Dash, 24, 255, "an Anthropic key"),
    ("sk-proj-", Set::Dash, 24, 255, "an OpenAI key"),
    ("sk-or-", Set::Dash, 24, 255, "an OpenRouter key"),
    ("sk-", Set::Alnum, 32, 64, "an OpenAI key"),
    ("dop_v1_", Set::Hex, 64, 64, "a DigitalOcean token"),
    ("shpat_", Set::Hex, 32, 32, "a Shopify token"),
    ("shpss_", Set::Hex, 32, 32, "a Shopify secret"),
    ("hf_", Set::Alnum, 30, 50, "a Hugging Face token"),
    ("gsk_", Set::Alnum, 40, 80, "a Groq key"),
    ("dapi", Set::Hex, 32, 34, "a Databricks token"),
    ("PMAK-", Set::Dash, 50, 80, "a Postman key"),
    ("lin_api_", Set::Alnum, 32, 60, "a Linear key"),
    ("NRAK-", Set::Upper, 27, 27, "a New Relic key"),
    ("AGE-SECRET-KEY-1", Set::Upper, 58, 58, "an age key"),
    ("dckr_pat_", Set::Dash, 20, 60, "a Docker Hub token"),
    ("sntrys_", Set::Dots, 40, 400, "a Sentry token"),
    ("figd_", Set::Dash, 30, 60, "a Figma token"),
    ("SK", Set::Hex, 32, 32, "a Twilio key"),
    ("key-", Set::Hex, 32, 32, "a Mailgun key"),
];

/// How many bytes of a place are looked at before it is compared with prefixes. All that is recognised is longer.
const LOOK: usize = 4;

/// Which pairs of bytes the first four of a token are, the first and second, the second and third, the third and fourth: a bit each. Two
/// alone are what many words of a program begin with: `da` of `dapi` is that of `data` too.
static STARTS: [[u64; 1024]; LOOK - 1] = {
    let mut starts = [[0; 1024]; LOOK - 1];
    let mut i = 0;
    while i < TOKENS.len() {
        let (prefix, set) = (TOKENS[i].0.as_bytes(), TOKENS[i].1);
        let mut at = 0;
        while at < LOOK - 1 {
            add(&mut starts[at], prefix, set, at);
            at += 1;
        }
        i += 1;
    }
    // Those that have no prefix of that length: what comes after `eyJ` is base64, and `-----BEGIN` begins with dashes.
    let mut at = 0;
    while at < LOOK - 1 {
        add(&mut starts[at], b"eyJ", Set::Dash, at);
        add(&mut starts[at], b"----", Set::Dash, at);
        at += 1;
    }
    starts
};

/// Adds the pairs that stand at a place of what begins with `prefix` and goes on with bytes of `set`.
const fn add(pairs: &mut [u64; 1024], prefix: &[u8], set: Set, at: usize) {
    let mut first = 0;
    while first < 256 {
        let fits = if at < prefix.len() { prefix[at] as usize == first } else { set.has(first as u8) };
        let mut second = 0;
        while fits && second < 256 {
            let fits = if at + 1 < prefix.len() { prefix[at + 1] as usize == second } else { set.has(second as u8) };
            if fits {
                let pair = first << 8 | second;
                pairs[pair >> 6] |= 1 << (pair & 63);
            }
            second += 1;
        }
        first += 1;
    }
}

/// Whether a token may begin with these bytes.
fn may_start(bytes: &[u8; LOOK]) -> bool {
    let has = |at: usize| {
        let pair = usize::from(bytes[at]) << 8 | usize::from(bytes[at + 1]);
        STARTS[at][pair >> 6] & 1 << (pair & 63) != 0
    };
    has(0) && has(1) && has(2)
}

/// What a recognised token begins with, for a search of one's own: what it finds is asked of [`token_begins`].
pub fn token_starts() -> impl Iterator<Item = &'static str> {
    TOKENS.iter().map(|token| token.0).chain(["eyJ", "-----BEGIN"])
}

/// Whether a recognised token begins at `at`.
pub fn token_begins(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    (at == 0 || !(bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_')) && token_at(bytes, at).is_some()
}

/// What kind of token `value` is as a whole: "a GitHub token", "a JSON Web Token", "a private key".
pub fn provider_token(value: &str) -> Option<&'static str> {
    let value = value.trim();
    if value.starts_with("-----BEGIN") {
        return find_tokens(value).first().filter(|found| found.kind == "a private key").map(|found| found.kind);
    }
    if let Some((kind, length)) = token_at(value.as_bytes(), 0) {
        return (length == value.len()).then_some(kind);
    }
    if is_azure_client_secret(value) {
        return Some("an Azure client secret");
    }
    if value.len() == 88
        && value.ends_with("==")
        && value.as_bytes()[..86].iter().all(|b| Set::Alnum.has(*b) || matches!(b, b'+' | b'/'))
    {
        return Some("an Azure storage key");
    }
    if let Some((id, rest)) = value.split_once(':')
        && (8..=10).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_digit())
        && rest.len() == 35
        && rest.bytes().all(|b| Set::Dash.has(b))
    {
        return Some("a Telegram bot token");
    }
    None
}

/// Azure's client secrets: three characters, a digit, `Q~`, and 31 to 34 more.
fn is_azure_client_secret(value: &str) -> bool {
    let bytes = value.as_bytes();
    (37..=40).contains(&bytes.len())
        && bytes[3].is_ascii_digit()
        && &bytes[4..6] == b"Q~"
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'~' | b'.' | b'-'))
}

/// All recognised tokens inside `text`, from left to right, none overlapping another.
pub fn find_tokens(text: &str) -> Vec<TokenMatch> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut i = 0;
    while let Some(next) = bytes[i..].array_windows().position(may_start) {
        i += next;
        if !(i > 0 && (bytes[i - 1].is_ascii_alphanumeric() || bytes[i - 1] == b'_'))
            && let Some((kind, length)) = token_at(bytes, i)
        {
            found.push(TokenMatch { kind, range: i..i + length });
            i += length;
            continue;
        }
        i += 1;
    }
    found
}

/// The kind and length of the token that begins at `at`.
fn token_at(bytes: &[u8], at: usize) -> Option<(&'static str, usize)> {
    let rest = &bytes[at..];
    if !may_start(rest.first_chunk()?) {
        return None;
    }
    match rest.first()? {
        b'e' => return jwt(rest).map(|length| ("a JSON Web Token", length)),
        b'-' => return private_key(rest).map(|length| ("a private key", length)),
        _ => {}
    }
    for (prefix, set, least, most, kind) in TOKENS {
        let Some(tail) = rest.strip_prefix(prefix.as_bytes()) else { continue };
        let length = tail.iter().take_while(|byte| set.has(**byte)).count();
        if length >= *least && length <= *most {
            return Some((kind, prefix.len() + length));
        }
    }
    None
}

/// `eyJ…` `.` `…` `.` `…`: the first part is base64url of `{"`, the second nearly always too.
fn jwt(bytes: &[u8]) -> Option<usize> {
    if !bytes.starts_with(b"eyJ") {
        return None;
    }
    let part = |from: usize| bytes[from.min(bytes.len())..].iter().take_while(|b| Set::Dash.has(**b)).count();
    let header = part(0);
    if header < 12 || bytes.get(header) != Some(&b'.') {
        return None;
    }
    let payload = part(header + 1);
    if payload < 10 {
        return None;
    }
    let mut length = header + 1 + payload;
    // The signature, and for an encrypted token three parts more.
    while bytes.get(length) == Some(&b'.') {
        let next = part(length + 1);
        if next == 0 {
            break;
        }
        length += 1 + next;
    }
    Some(length)
}

/// `-----BEGIN … PRIVATE KEY-----` to its end line, or to the end of the text.
fn private_key(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(b"-----BEGIN ")?;
    let line = rest.iter().take(60).position(|byte| *byte == b'-')?;
    let label = &rest[..line];
    if !label.ends_with(b"PRIVATE KEY") && !label.ends_with(b"PRIVATE KEY BLOCK") {
        return None;
    }
    let body = &rest[line..];
    let material = body.iter().filter(|byte| byte.is_ascii_alphanumeric()).take(64).count();
    if material < 24 {
        return None;
    }
    let end = body.windows(9).position(|window| window == b"-----END ");
    let length = match end {
        Some(end) => {
            let after = &body[end + 9..];
            let close = after.windows(5).position(|window| window == b"-----").map_or(after.len(), |close| close + 5);
            11 + line + end + 9 + close
        }
        None => bytes.len(),
    };
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` characters without a pattern, so that no value that looks real stands in this file.
    fn noise(n: usize) -> String {
        (0..n).map(|i| char::from(b"aZ3kQ9mB7xR2wT5yL8nC4vJ6"[(i * 7 + i / 24) % 24])).collect()
    }

    #[test]
    fn shapes() {
        let b64 = |json: &str| json.bytes().map(|b| char::from(b'A' + b % 26)).collect::<String>();
        for (value, kind) in [
            (format!("gh{}{}", "p_", noise(36)), "a GitHub token"),
            (format!("glp{}{}", "at-", noise(20)), "a GitLab token"),
            (format!("AK{}{}", "IA", "Q7".repeat(8)), "an AWS access key"),
            (format!("sk_{}{}", "live_", noise(24)), "a Stripe key"),
            (
                format!("ey{}{}.eyJ{}.{}", "J", b64("hbGciOiJIUzI1NiJ9"), b64("somebody and some claims"), noise(43)),
                "a JSON Web Token",
            ),
            (format!("AI{}{}", "za", noise(35)), "a Google API key"),
            (format!("hv{}{}", "s.", noise(24)), "a Vault token"),
            (format!("xox{}{}", "b-", noise(30)), "a Slack token"),
            (
                format!("-----BEGIN RSA {} KEY-----\n{}\n-----END RSA {0} KEY-----", "PRIVATE", noise(64)),
                "a private key",
            ),
            (format!("abc8{}{}", "Q~", noise(34)), "an Azure client secret"),
        ] {
            assert_eq!(provider_token(&value), Some(kind), "{kind}");
            let text = format!("x = '{value}'");
            let found = find_tokens(&text);
            if kind != "an Azure client secret" {
                assert_eq!(found.len(), 1, "{kind}");
                assert_eq!(&text[found[0].range.clone()], value);
            }
        }
        for value in
            ["", "e", "eyJ", "eyJhbGciOi...", "hello", "sk-learn", "-----BEGIN PUBLIC KEY-----", "key-value", "ß"]
        {
            assert_eq!(provider_token(value), None, "{value}");
        }
    }
}
