//! What a server answers, read into types that hold texts as secrets.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use tegmen_secret::SecretBytes;
use zeroize::Zeroizing;

/// Status and body of an answer. The body is wiped after use.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// How much of what a server says is shown: so many texts of so many characters.
const TEXTS: usize = 3;
const CHARACTERS: usize = 200;

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
            .map(|line| line.chars().filter(|c| !c.is_control()).take(CHARACTERS).collect())
            .collect()
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

/// A value of a JSON document. Only texts are kept.
pub(crate) enum Field {
    Text(SecretBytes),
    Other(&'static str),
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Field;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_str<E>(self, text: &str) -> Result<Field, E> {
                Ok(Field::Text(SecretBytes::new(text.as_bytes().to_vec())))
            }
            fn visit_string<E>(self, text: String) -> Result<Field, E> {
                Ok(Field::Text(SecretBytes::from(text)))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Field, E> {
                Ok(Field::Other("true or false"))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Field, E> {
                Ok(Field::Other("a number"))
            }
            fn visit_u64<E>(self, _: u64) -> Result<Field, E> {
                Ok(Field::Other("a number"))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Field, E> {
                Ok(Field::Other("a number"))
            }
            fn visit_unit<E>(self) -> Result<Field, E> {
                Ok(Field::Other("null"))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Field, A::Error> {
                while sequence.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Field::Other("a list"))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Field::Other("an object"))
            }
        }
        deserializer.deserialize_any(Any)
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
            Field::Other(_) => Self::default(),
        })
    }
}

impl Default for SecretText {
    fn default() -> Self {
        Self(SecretBytes::new(Vec::new()))
    }
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
        Answer { status: 400, body: Zeroizing::new(body.as_bytes().to_vec()) }
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
    fn objects_are_escaped() {
        assert_eq!(object(&[("a", "x\"y\n"), ("b", "")]).as_slice(), br#"{"a":"x\"y\n","b":""}"#);
    }

    #[test]
    fn fields_of_every_kind() {
        let body = br#"{"data":{"t":"x","n":1,"f":-1.5,"b":true,"z":null,"l":[1],"o":{"a":1}}}"#;
        let read: Data<Fields> = serde_json::from_slice(body).unwrap();
        let kinds: Vec<_> = read
            .data
            .iter()
            .map(|(name, field)| match field {
                Field::Text(_) => format!("{name} text"),
                Field::Other(what) => format!("{name} {what}"),
            })
            .collect();
        assert_eq!(
            kinds,
            ["b true or false", "f a number", "l a list", "n a number", "o an object", "t text", "z null"]
        );
    }
}
