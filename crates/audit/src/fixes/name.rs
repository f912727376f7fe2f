//! What a secret is to be called, from what it goes by in the script.

use tegmen_classify as classify;

use crate::literal::{Judged, Kind, Site};

/// The longest name.
const LONGEST: usize = 48;

/// The name of the secret that a literal is.
pub fn of(judged: &Judged) -> String {
    let literal = &judged.literal;
    let name = literal.name.as_str();
    let lower = name.to_lowercase();
    match () {
        () if lower.ends_with("authorization") || lower == "auth" => match judged.kind {
            Kind::Basic => "BASIC_CREDENTIALS".to_owned(),
            _ => "API_TOKEN".to_owned(),
        },
        () if judged.kind == Kind::PrivateKey && constant(name).split('_').count() < 2 => "PRIVATE_KEY".to_owned(),
        () if judged.kind == Kind::Cookie || lower == "cookie" => "SESSION_COOKIE".to_owned(),
        () if judged.kind == Kind::Url && literal.site != Site::Embedded => in_url(judged),
        () if name.is_empty() || looks_like_a_value(name) => by_shape(judged),
        () => {
            let constant = constant(name.trim_start_matches("X-").trim_start_matches("x-"));
            match constant.as_str() {
                "" => by_shape(judged),
                "PASS" | "PWD" | "PASSWD" | "PASSWORT" => "PASSWORD".to_owned(),
                "KEY" | "APIKEY" => "API_KEY".to_owned(),
                "AUTH" | "BEARER" => "API_TOKEN".to_owned(),
                // Each of a list is one.
                many if judged.kind == Kind::List
                    && ["PASSWORDS", "TOKENS", "KEYS", "SECRETS"].iter().any(|end| many.ends_with(end)) =>
                {
                    many.trim_end_matches('S').to_owned()
                }
                _ => constant,
            }
        }
    }
}

/// A name in capitals: `apiKey` is `API_KEY`. Empty if nothing of it can be one.
pub fn constant(name: &str) -> String {
    let words: Vec<String> = classify::words(name)
        .into_iter()
        .map(|word| word.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase())
        .filter(|word| !word.is_empty())
        .collect();
    let mut joined = words.join("_");
    joined.truncate(LONGEST);
    let joined = joined.trim_matches('_');
    let joined = joined.strip_prefix("LOCUST_").unwrap_or(joined);
    if joined.starts_with(|c: char| c.is_ascii_digit()) { format!("SECRET_{joined}") } else { joined.to_owned() }
}

/// A name that is found in a script may be a value itself.
fn looks_like_a_value(name: &str) -> bool {
    name.len() > 64 || !classify::find_tokens(name).is_empty() || name.len() >= 20 && classify::looks_random(name)
}

fn in_url(judged: &Judged) -> String {
    // `a Slack webhook`
    if judged.shape.is_some() {
        return by_shape(judged);
    }
    let value = &judged.literal.value;
    let parameter = classify::url_parameters(value)
        .into_iter()
        .find(|parameter| value.get(parameter.value.clone()) == Some(judged.secret.as_str()))
        .and_then(|parameter| Some(constant(value.get(parameter.name)?)));
    match parameter {
        Some(name) if !name.is_empty() => name,
        _ => match constant(&judged.literal.name).as_str() {
            "" | "URL" | "HOST" | "BASE_URL" => "URL_PASSWORD".to_owned(),
            name => format!("{}_PASSWORD", name.trim_end_matches("_URL")),
        },
    }
}

/// `a GitHub token` is `GITHUB_TOKEN`.
fn by_shape(judged: &Judged) -> String {
    match judged.shape {
        Some("a JSON Web Token") => "API_TOKEN".to_owned(),
        Some(shape) => {
            let words = shape.trim_start_matches("an ").trim_start_matches("a ").split(' ');
            let words: Vec<String> =
                words.map(|word| word.chars().filter(char::is_ascii_alphanumeric).collect::<String>()).collect();
            words.join("_").to_ascii_uppercase()
        }
        None => match judged.kind {
            Kind::Password | Kind::List => "PASSWORD",
            Kind::Basic => "BASIC_CREDENTIALS",
            Kind::Key => "API_KEY",
            Kind::PrivateKey => "PRIVATE_KEY",
            Kind::Manager => "VAULT_TOKEN",
            Kind::Token => "API_TOKEN",
            _ => "SECRET",
        }
        .to_owned(),
    }
}
