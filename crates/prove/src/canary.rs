//! Canaries for the secrets of a test: each of the shape of the value where that is at hand, else of the shape that the
//! name promises.

use tegmen_secret::SecretBytes;
use tegmen_wire::placeholder::{Canary as Drawn, Caution};

use crate::{ProveError, world::authority::Authority};

/// A canary and what it stands for.
#[derive(Clone, Debug)]
pub struct Canary {
    /// The name of the secret.
    pub name: String,
    /// The made-up value.
    pub value: SecretBytes,
    /// What of it gives it away.
    pub parts: Vec<SecretBytes>,
    /// Why it cannot be looked for everywhere, if that is so.
    pub unprovable: Option<String>,
}

/// A canary that is shorter stands in ordinary outputs by chance.
const SHORTEST: usize = 6;

impl Canary {
    /// A canary for the secret of that name, of the shape of `shape` where that is known.
    ///
    /// # Errors
    /// When there is no randomness to give.
    pub fn new(name: &str, shape: Option<&SecretBytes>, authority: &Authority) -> Result<Self, ProveError> {
        let promised = shape.is_none().then(|| SecretBytes::from(promised(name)));
        let shape = shape.or(promised.as_ref()).cloned().unwrap_or_else(|| SecretBytes::from(String::new()));
        if Caution::of(&shape) == Some(Caution::KeyMaterial) {
            return Self::key_material(name, &shape, authority);
        }
        let Drawn { value, parts } = Drawn::like(&shape)?;
        let longest = parts.iter().map(SecretBytes::len).max().unwrap_or(0);
        let unprovable = (longest < SHORTEST)
            .then(|| format!("it has {longest} characters, which stand in ordinary outputs by chance"));
        Ok(Self { name: name.to_owned(), value, parts, unprovable })
    }

    /// A real key that is nobody's, and its certificate where the shape has one.
    fn key_material(name: &str, shape: &SecretBytes, authority: &Authority) -> Result<Self, ProveError> {
        let (key, certificate) = authority.key_material()?;
        let has = |word: &[u8]| memchr::memmem::find(shape.expose(), word).is_some();
        // The certificate is public: only the key's own lines give it away.
        let secret: String = key.lines().filter(|line| !line.starts_with("-----")).collect::<Vec<_>>().join("\n");
        let text = match (has(b"PRIVATE KEY"), has(b"CERTIFICATE")) {
            (true, true) => format!("{key}{certificate}"),
            (false, true) => certificate,
            _ => key,
        };
        let parts = if has(b"PRIVATE KEY") { vec![SecretBytes::from(secret)] } else { Vec::new() };
        let unprovable = parts.is_empty().then(|| "it is a certificate, which is no secret".to_owned());
        Ok(Self { name: name.to_owned(), value: SecretBytes::from(text), parts, unprovable })
    }
}

/// A text of the shape that a name promises, for secrets whose value is not at hand. Put together from pieces: none of it
/// is anybody's.
fn promised(name: &str) -> String {
    let words: Vec<String> = tegmen_classify::words(name).into_iter().map(|word| word.to_ascii_lowercase()).collect();
    let has = |all: &[&str]| all.iter().any(|word| words.iter().any(|known| known == word));
    let random = "Ab3".repeat(14);
    if has(&["pin", "otp"]) {
        "482913".to_owned()
    } else if has(&["pem", "certificate", "cert"]) || (has(&["private"]) && has(&["key"])) {
        ["-----BEGIN PRIVATE", " KEY-----"].concat()
    } else if has(&["jwt"]) {
        // {"alg":"HS256"} and {"sub":"canary"}
        format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.{random}x")
    } else if has(&["dsn"]) || (has(&["database", "db", "postgres"]) && has(&["url", "uri"])) {
        format!("postgresql://canary:{random}@db.example:5432/canary")
    } else if has(&["redis", "amqp", "mongo", "broker"]) && has(&["url", "uri"]) {
        format!("redis://:{random}@db.example:6379/0")
    } else if tegmen_classify::is_password_name(name) {
        "Qw7-xK2.pL9_vB4mZr8t".to_owned()
    } else {
        random
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_promises_a_shape() {
        let authority = Authority::new().unwrap();
        let text = |name: &str| {
            let canary = Canary::new(name, None, &authority).unwrap();
            canary.value.expose_str().unwrap().to_owned()
        };
        assert!(text("DATABASE_URL").starts_with("postgresql://"));
        assert!(text("SERVICE_JWT").split('.').count() == 3);
        assert!(text("CLIENT_PRIVATE_KEY").starts_with("-----BEGIN"));
        assert!(text("API_KEY").len() == 42);
        assert_ne!(text("API_KEY"), text("API_KEY"));
    }

    #[test]
    fn what_cannot_be_shown_is_said() {
        let authority = Authority::new().unwrap();
        let pin = Canary::new("PIN", Some(&SecretBytes::from("4711".to_owned())), &authority).unwrap();
        assert_eq!(pin.value.len(), 4);
        assert!(pin.unprovable.is_some());
    }
}
