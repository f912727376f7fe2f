//! What a server answers, read into types that hold texts as secrets.

use std::collections::BTreeMap;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tegmen_secret::SecretBytes;
use zeroize::Zeroizing;

/// Status and body of an answer. The body is wiped after use.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Zeroizing<Vec<u8>>,
    /// What was sent and is not to be shown, should the server repeat it.
    pub(crate) sent: Vec<SecretBytes>,
}

/// How much of what a server says is shown: so many texts of so many characters.
const TEXTS: usize = 3;
const CHARACTERS: usize = 200;
/// What is shorter than this says nothing where it is repeated, and would take words apart.
const SHORTEST: usize = 4;

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Reads the body. `None` when it is not of this form; what the parser says could quote the body.
    pub(crate) fn read<'a, T: Deserialize<'a>>(&'a self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The `errors` of the answer in one line each, without control characters, cut short.
    pub(crate) fn errors(&self) -> Vec<String> {
        #[derive(Deserialize)]
        struct Errors {
            #[serde(default)]
            errors: Vec<String>,
        }
        let Some(Errors { errors }) = self.read() else { return Vec::new() };
        errors
            .iter()
            .flat_map(|error| error.lines())
            .map(|line| line.trim().trim_start_matches("* "))
            .filter(|line| !line.is_empty() && !line.ends_with("occurred:"))
            .take(TEXTS)
            // First what was sent, then the end: a cut must not leave half of it. It may have control characters, and they may
            // be in it that it had not.
            .map(|line| {
                let line: String = self.without_sent(line).chars().filter(|c| !c.is_control()).collect();
                self.without_sent(&line).chars().take(CHARACTERS).collect()
            })
            .collect()
    }

    /// Nor as a gateway shows what it cannot read.
    fn without_sent(&self, line: &str) -> String {
        let sent = self.sent.iter().filter_map(|sent| sent.expose_str().ok()).filter(|sent| sent.len() >= SHORTEST);
        sent.fold(line.to_owned(), |line, sent| {
            let encoded = [STANDARD_NO_PAD.encode(sent), URL_SAFE_NO_PAD.encode(sent)].map(Zeroizing::new);
            encoded.iter().fold(line.replace(sent, "…"), |line, encoded| line.replace(encoded.as_str(), "…"))
        })
    }

    /// Whether a 403 comes from the policies of a valid token. Both servers put what their policies say into a list ("1
    /// error occurred"); of a token that they do not know they say "permission denied" alone, or "invalid token" with it.
    pub(crate) fn is_denied_by_policy(&self) -> bool {
        let listed = self.body.windows(b"error occurred".len()).any(|window| window == b"error occurred");
        self.status == 403 && listed && !self.says("invalid token") && !self.says("bad token")
    }

    pub(crate) fn says(&self, part: &str) -> bool {
        self.errors().iter().any(|error| error.to_ascii_lowercase().contains(part))
    }
}

/// A value of a JSON document: a text as it is; a number, a list and so on as the server wrote it.
#[derive(Clone)]
pub(crate) enum Field {
    Text(SecretBytes),
    Json(SecretBytes),
    Null,
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A piece of the body, which is wiped: no number loses a digit, and nothing is copied on the way.
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        Ok(match raw.as_bytes().first() {
            Some(b'"') => {
                let text: String =
                    serde_json::from_str(raw).map_err(|_| serde::de::Error::custom("a text that is none"))?;
                Self::Text(SecretBytes::from(text))
            }
            Some(b'n') => Self::Null,
            _ => Self::Json(SecretBytes::new(raw.as_bytes().to_vec())),
        })
    }
}

impl Field {
    /// The whole number that it is, such as a time.
    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Self::Json(json) => json.expose_str().ok()?.parse().ok(),
            _ => None,
        }
    }
}

/// An answer of the form `{"data": …}`.
#[derive(Deserialize)]
pub(crate) struct Data<T> {
    pub(crate) data: T,
}

pub(crate) type Fields = BTreeMap<String, Field>;

/// A text that is secret, such as a token. Empty where the document has null or nothing.
pub(crate) struct SecretText(pub(crate) SecretBytes);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Field::deserialize(deserializer)? {
            Field::Text(text) => Self(text),
            Field::Json(_) | Field::Null => Self::default(),
        })
    }
}

impl Default for SecretText {
    fn default() -> Self {
        Self(SecretBytes::new(Vec::new()))
    }
}

/// What a request sends that nobody is to read: its token, and all texts of its body but names.
pub(crate) fn sent(token: Option<&SecretBytes>, body: Option<&Zeroizing<Vec<u8>>>) -> Vec<SecretBytes> {
    const NAMES: [&str; 4] = ["increment", "lease_id", "name", "role"];
    let texts = body.and_then(|body| serde_json::from_slice::<BTreeMap<String, SecretText>>(body).ok());
    let texts = texts.unwrap_or_default().into_iter().filter(|(name, _)| !NAMES.contains(&name.as_str()));
    token.cloned().into_iter().chain(texts.map(|(_, text)| text.0)).collect()
}

/// A JSON object of texts, in memory that is wiped.
pub(crate) fn object(fields: &[(&str, &str)]) -> Zeroizing<Vec<u8>> {
    // Room for every byte to be escaped, so that the vector does not grow and leave pieces behind.
    let room: usize = fields.iter().map(|(name, value)| 6 * (name.len() + value.len()) + 8).sum();
    let mut body = Zeroizing::new(Vec::with_capacity(room + 2));
    body.push(b'{');
    for (index, (name, value)) in fields.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        // Writing into a vector cannot fail.
        let _ = serde_json::to_writer(&mut *body, name);
        body.push(b':');
        let _ = serde_json::to_writer(&mut *body, value);
    }
    body.push(b'}');
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Answer {
        Answer { status: 400, body: Zeroizing::new(body.as_bytes().to_vec()), sent: Vec::new() }
    }

    #[test]
    fn errors_are_cut_short() {
        let long = "x".repeat(1000);
        let shown =
            answer(&format!(r#"{{"errors":["1 error occurred:\n\t* permission denied\n\n","{long}","a\u0007b"]}}"#));
        assert_eq!(shown.errors(), ["permission denied", &"x".repeat(200), "ab"]);
        assert!(answer("<html>").errors().is_empty());
        assert!(answer(r#"{"errors":[]}"#).errors().is_empty());
    }

    #[test]
    fn what_was_sent_is_not_shown_when_it_comes_back() {
        let body = object(&[("role", "locust"), ("password", "hunter2\"x"), ("pin", "123")]);
        let mut answer = answer(r#"{"errors":["locust: no hunter2\"x, 123, or s.token"]}"#);
        answer.sent = sent(Some(&SecretBytes::from("s.token".to_owned())), Some(&body));
        assert_eq!(answer.errors(), ["locust: no …, 123, or …"]);
        answer.body = Zeroizing::new(br#"{"errors":["s.to\u0007ken, cy50b2tlbg==, aHVudGVyMiJ4"]}"#.to_vec());
        assert_eq!(answer.errors(), ["…, …==, …"]);
    }

    #[test]
    fn objects_are_escaped() {
        assert_eq!(object(&[("a", "x\"y\n"), ("b", "")]).as_slice(), br#"{"a":"x\"y\n","b":""}"#);
    }

    #[test]
    fn fields_of_every_kind() {
        let body = br#"{"data":{"t":"x\n","n":1.10,"f":-1.5,"b":true,"z":null,"l":[1, "a"],"o":{"a":1}}}"#;
        let read: Data<Fields> = serde_json::from_slice(body).unwrap();
        let kinds: Vec<_> = read
            .data
            .iter()
            .map(|(name, field)| match field {
                Field::Text(text) => format!("{name} text {:?}", text.expose_str().unwrap()),
                Field::Json(json) => format!("{name} json {}", json.expose_str().unwrap()),
                Field::Null => format!("{name} null"),
            })
            .collect();
        assert_eq!(
            kinds,
            [
                "b json true",
                "f json -1.5",
                "l json [1, \"a\"]",
                "n json 1.10",
                "o json {\"a\":1}",
                "t text \"x\\n\"",
                "z null"
            ]
        );
    }
}
