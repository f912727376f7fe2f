//! What of a value's shape its placeholder keeps: a JSON document its structure, a JWT its three parts, a URL all but
//! its credentials, anything else a known prefix and the length.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;
use tegmen_secret::SecretBytes;
use zeroize::{Zeroize, Zeroizing};

use super::{Exhausted, Maker, Placeholder, TOKEN_LEN, Token, canary::Dice};

/// What is written in the place of a part of a value.
enum Ink<'a> {
    /// A token that stands for it: what comes out is a placeholder.
    Tokens(&'a mut Maker),
    /// Characters of the same kinds: what comes out is a canary.
    Alike(Dice),
}

/// What a part has to be escaped for.
#[derive(Clone, Copy)]
enum Within {
    Text,
    Json,
    Url,
}

/// The placeholder.
pub(super) fn make(maker: &mut Maker, value: &SecretBytes) -> Result<Placeholder, Exhausted> {
    shaped(&mut Ink::Tokens(maker), value)
}

/// A canary; its tokens are what was drawn.
pub(super) fn draw(dice: Dice, value: &SecretBytes) -> Placeholder {
    // Only tokens can be exhausted.
    shaped(&mut Ink::Alike(dice), value).unwrap_or(Placeholder { text: String::new(), tokens: Vec::new() })
}

/// The shapes in the order in which they are tried.
fn shaped(ink: &mut Ink<'_>, value: &SecretBytes) -> Result<Placeholder, Exhausted> {
    if let Ok(text) = value.expose_str() {
        for shape in [json, jwt, url] {
            if let Some(placeholder) = shape(ink, text)? {
                return Ok(placeholder);
            }
        }
        let prefix = tegmen_classify::known_prefix(text).unwrap_or(0);
        if prefix < text.len() {
            let mut builder = Builder::new(ink);
            builder.literal(&text[..prefix]);
            builder.token(&text.as_bytes()[prefix..], true, Within::Text)?;
            return Ok(builder.placeholder);
        }
    }
    let mut builder = Builder::new(ink);
    builder.token(value.expose(), true, Within::Text)?;
    Ok(builder.placeholder)
}

struct Builder<'a, 'm> {
    ink: &'a mut Ink<'m>,
    placeholder: Placeholder,
}

impl<'a, 'm> Builder<'a, 'm> {
    fn new(ink: &'a mut Ink<'m>) -> Self {
        Self { ink, placeholder: Placeholder { text: String::new(), tokens: Vec::new() } }
    }

    fn literal(&mut self, text: &str) {
        self.placeholder.text.push_str(text);
    }

    /// A token for `part`, filled up to its length where that is longer; or characters like those of the part.
    fn token(&mut self, part: &[u8], is_sensitive: bool, within: Within) -> Result<(), Exhausted> {
        let offset = self.placeholder.text.len();
        let (text, filler) = match self.ink {
            Ink::Tokens(maker) => (maker.token()?, part.len().saturating_sub(TOKEN_LEN)),
            Ink::Alike(dice) => (dice.alike(&String::from_utf8_lossy(part)), 0),
        };
        match within {
            Within::Text => self.placeholder.text.push_str(&text),
            // Without the quotes, which stand around it already.
            Within::Json => {
                let quoted = Value::from(text.as_str()).to_string();
                self.placeholder.text.push_str(&quoted[1..quoted.len() - 1]);
            }
            Within::Url => self.placeholder.text.extend(utf8_percent_encode(&text, NON_ALPHANUMERIC)),
        }
        self.placeholder.text.extend(std::iter::repeat_n('x', filler));
        let part = SecretBytes::new(part.to_vec());
        self.placeholder.tokens.push(Token { text, offset, filler, part, is_sensitive });
        Ok(())
    }
}

/// A JSON object or array: every string leaf becomes a token, names and the rest stay.
fn json(ink: &mut Ink<'_>, text: &str) -> Result<Option<Placeholder>, Exhausted> {
    if !text.trim_start().starts_with(['{', '[']) {
        return Ok(None);
    }
    let Ok(mut document) = serde_json::from_str::<Value>(text) else { return Ok(None) };
    let mut builder = Builder::new(ink);
    let result = json_value(&mut builder, "", &document);
    wipe(&mut document);
    result?;
    Ok(Some(builder.placeholder).filter(|placeholder| !placeholder.tokens.is_empty()))
}

fn json_value(builder: &mut Builder<'_, '_>, name: &str, value: &Value) -> Result<(), Exhausted> {
    match value {
        Value::String(leaf) if !leaf.is_empty() => {
            builder.literal("\"");
            let is_sensitive = tegmen_classify::is_sensitive_name(name) || looks_secret(leaf);
            builder.token(leaf.as_bytes(), is_sensitive, Within::Json)?;
            builder.literal("\"");
        }
        Value::Array(items) => {
            builder.literal("[");
            for (index, item) in items.iter().enumerate() {
                builder.literal(if index == 0 { "" } else { ", " });
                json_value(builder, name, item)?;
            }
            builder.literal("]");
        }
        Value::Object(fields) => {
            builder.literal("{");
            for (index, (name, field)) in fields.iter().enumerate() {
                builder.literal(if index == 0 { "" } else { ", " });
                builder.literal(&Value::from(name.as_str()).to_string());
                builder.literal(": ");
                json_value(builder, name, field)?;
            }
            builder.literal("}");
        }
        scalar => builder.literal(&scalar.to_string()),
    }
    Ok(())
}

fn looks_secret(leaf: &str) -> bool {
    tegmen_classify::provider_token(leaf).is_some() || tegmen_classify::looks_random(leaf)
}

/// Wipes the copies of the leaves that the parser made.
fn wipe(value: &mut Value) {
    match value {
        Value::String(leaf) => leaf.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        _ => {}
    }
}

/// A JSON Web Token (RFC 7519): header as it is, the claims' numbers as they are and their texts hidden, and a token
/// in place of the signature.
fn jwt(ink: &mut Ink<'_>, text: &str) -> Result<Option<Placeholder>, Exhausted> {
    let parts: Vec<&str> = text.split('.').collect();
    let [header, payload, signature] = parts[..] else { return Ok(None) };
    let (Some(head), Some(mut claims)) = (decoded(header), decoded(payload)) else { return Ok(None) };
    if head.get("alg").is_none() || signature.is_empty() {
        return Ok(None);
    }
    hide(&mut claims);
    let mut builder = Builder::new(ink);
    builder.literal(header);
    builder.literal(".");
    builder.literal(&URL_SAFE_NO_PAD.encode(claims.to_string()));
    builder.literal(".");
    builder.token(signature.as_bytes(), true, Within::Text)?;
    // base64url has no text of 4n + 1 characters: fill up, so that the signature stays decodable.
    if matches!(builder.ink, Ink::Tokens(_))
        && let Some(last) = builder.placeholder.tokens.last_mut()
        && (TOKEN_LEN + last.filler) % 4 == 1
    {
        last.filler += 1;
        builder.placeholder.text.push('x');
    }
    Ok(Some(builder.placeholder))
}

fn decoded(part: &str) -> Option<Value> {
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(part).ok()?);
    serde_json::from_slice::<Value>(&bytes).ok().filter(Value::is_object)
}

fn hide(value: &mut Value) {
    match value {
        Value::String(leaf) => {
            leaf.zeroize();
            leaf.push_str("hidden");
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::Object(fields) => fields.values_mut().for_each(hide),
        _ => {}
    }
}

/// A URL or DSN: user and password become tokens. Without them, as in a webhook's URL, the long parts of the path and
/// the values of the query do.
fn url(ink: &mut Ink<'_>, text: &str) -> Result<Option<Placeholder>, Exhausted> {
    let Some((scheme, rest)) = text.split_once("://") else { return Ok(None) };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c));
    if !is_scheme || text.bytes().any(|c| c.is_ascii_whitespace() || c.is_ascii_control()) {
        return Ok(None);
    }
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // A password in a DSN may hold what a URL would have percent-encoded: there the last '@' ends the credentials.
    let searched = match scheme {
        "http" | "https" => authority_end,
        _ => rest.find('?').unwrap_or(rest.len()),
    };
    let userinfo_end = rest[..searched].rfind('@');
    let mut builder = Builder::new(ink);
    builder.literal(&text[..scheme.len() + 3]);
    let tail = match userinfo_end {
        Some(at) => {
            let (user, password) = rest[..at].split_once(':').map_or((&rest[..at], None), |(u, p)| (u, Some(p)));
            // Alone it is a token (`https://TOKEN@host`); before a password it is a name, and yet part of the pair.
            credential(&mut builder, user, password.is_none())?;
            if let Some(password) = password {
                builder.literal(":");
                credential(&mut builder, password, true)?;
            }
            &rest[at..]
        }
        None => rest,
    };
    let authority = tail.find(['/', '?', '#']).unwrap_or(tail.len());
    builder.literal(&tail[..authority]);
    path_and_query(&mut builder, &tail[authority..], userinfo_end.is_some())?;
    Ok(Some(builder.placeholder).filter(|placeholder| !placeholder.tokens.is_empty()))
}

fn credential(builder: &mut Builder<'_, '_>, text: &str, is_sensitive: bool) -> Result<(), Exhausted> {
    if text.is_empty() {
        return Ok(());
    }
    let decoded = Zeroizing::new(percent_decode_str(text).collect::<Vec<u8>>());
    builder.token(&decoded, is_sensitive, Within::Url)
}

/// With credentials before the host, only what is named like a secret in the query is hidden; without, everything that
/// may be one.
fn path_and_query(builder: &mut Builder<'_, '_>, text: &str, has_credentials: bool) -> Result<(), Exhausted> {
    let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
    for (index, segment) in path.split('/').enumerate() {
        builder.literal(if index == 0 { "" } else { "/" });
        if !has_credentials && segment.len() >= 8 && segment.bytes().any(|c| c.is_ascii_digit()) {
            credential(builder, segment, true)?;
        } else {
            builder.literal(segment);
        }
    }
    let Some(query) = query else { return Ok(()) };
    for (index, pair) in query.split('&').enumerate() {
        builder.literal(if index == 0 { "?" } else { "&" });
        match pair.split_once('=') {
            Some((name, value))
                if tegmen_classify::is_sensitive_name(name) || (!has_credentials && value.len() >= 16) =>
            {
                builder.literal(name);
                builder.literal("=");
                credential(builder, value, true)?;
            }
            _ => builder.literal(pair),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placeholder::Tag;

    fn made(value: &str) -> Placeholder {
        Maker::new(Tag::random().unwrap()).make(&SecretBytes::from(value.to_owned())).unwrap()
    }

    fn parts(placeholder: &Placeholder) -> Vec<&str> {
        placeholder.tokens.iter().map(|token| token.part.expose_str().unwrap()).collect()
    }

    #[test]
    fn json_keeps_its_structure() {
        let placeholder = made(r#"{"user": "ann\"e", "n": 3, "deep": [{"pass": "hunter2"}], "on": true}"#);
        let document: Value = serde_json::from_str(&placeholder.text).unwrap();
        assert_eq!(document["n"], 3);
        assert_eq!(document["on"], true);
        assert_eq!(parts(&placeholder).len(), 2);
        assert!(parts(&placeholder).contains(&"ann\"e"));
        assert!(document["deep"][0]["pass"].as_str().unwrap().len() >= TOKEN_LEN);
        assert!(!placeholder.text.contains("hunter2"));
    }

    #[test]
    fn a_dsn_keeps_all_but_its_credentials() {
        let placeholder = made("postgresql://loader:p%40ss/w@rd@db.example.com:5432/shop?sslmode=require");
        let url = url::Url::parse(&placeholder.text).unwrap();
        assert_eq!((url.host_str(), url.port(), url.path()), (Some("db.example.com"), Some(5432), "/shop"));
        assert_eq!(url.query(), Some("sslmode=require"));
        assert_eq!(parts(&placeholder), ["loader", "p@ss/w@rd"]);
    }

    #[test]
    fn a_webhook_hides_its_path() {
        let placeholder = made("https://hooks.example.com/services/T0AB12CD3/B0XY98ZW7/a1b2c3d4e5f6");
        assert!(placeholder.text.starts_with("https://hooks.example.com/services/"));
        assert_eq!(parts(&placeholder), ["T0AB12CD3", "B0XY98ZW7", "a1b2c3d4e5f6"]);
    }

    #[test]
    fn an_address_without_credentials_is_one_token() {
        let placeholder = made("https://shop.example.com/orders");
        assert_eq!(parts(&placeholder), ["https://shop.example.com/orders"]);
    }

    #[test]
    fn a_jwt_has_three_decodable_parts() {
        let claims = URL_SAFE_NO_PAD.encode(r#"{"sub":"anne","exp":1999999999}"#);
        let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        for signature in ["abc", "0123456789012345678901234567890123", &"s".repeat(43)] {
            let placeholder = made(&format!("{head}.{claims}.{signature}"));
            let pieces: Vec<&str> = placeholder.text.split('.').collect();
            assert_eq!(decoded(pieces[0]).unwrap()["alg"], "HS256");
            assert_eq!(decoded(pieces[1]).unwrap()["exp"], 1999999999);
            assert_eq!(decoded(pieces[1]).unwrap()["sub"], "hidden");
            assert!(URL_SAFE_NO_PAD.decode(pieces[2]).is_ok() || pieces[2].len() % 4 != 1);
        }
    }
}
