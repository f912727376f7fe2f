//! Names: of secrets, of environment variables, and of those that belong to Locust.

/// The environment variables that Locust reads itself, one a line: what its argument parser parses and what its
/// modules look up. Written by `crates/sources/tests/locust_variables.py`, which also finds drift.
const LOCUST: &str = include_str!("locust_variables.txt");

/// The environment variables that Locust 2.47 reads itself, sorted.
pub static LOCUST_VARIABLES: std::sync::LazyLock<Vec<&'static str>> =
    std::sync::LazyLock::new(|| LOCUST.lines().filter(|line| !line.starts_with('#')).collect());

/// Whether Locust reads this environment variable as one of its own settings.
pub fn locust_parses(variable: &str) -> bool {
    LOCUST_VARIABLES.binary_search(&variable).is_ok()
}

/// A field's name as a part of a secret's: what such a name cannot have becomes `_`.
pub(crate) fn as_name(field: &str) -> String {
    field.replace(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.', "_")
}

/// Whether this can be the name of a secret: `[A-Za-z_][A-Za-z0-9_.]*`.
pub fn is_secret_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.')
}

/// Whether this can be the name of an environment variable that every shell can set.
pub(crate) fn is_variable_name(name: &str) -> bool {
    is_secret_name(name) && !name.contains('.')
}

/// The variables in which a secret appears when its `env` does not say: `NAME` and `LOCUST_NAME`. A name that begins
/// with `LOCUST_` already stands alone; a dot becomes an underscore.
pub(crate) fn default_variables(secret: &str) -> Vec<String> {
    let name = secret.replace('.', "_");
    if name.starts_with("LOCUST_") {
        vec![name]
    } else {
        let prefixed = format!("LOCUST_{name}");
        vec![name, prefixed]
    }
}

/// The candidate that `word` was probably meant to be.
pub(crate) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    candidates
        .iter()
        .map(|candidate| {
            (strsim::damerau_levenshtein(&word.to_ascii_lowercase(), &candidate.to_ascii_lowercase()), *candidate)
        })
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_has_the_well_known() {
        assert!(LOCUST_VARIABLES.is_sorted());
        for name in ["LOCUST_HOST", "LOCUST_USERS", "LOCUST_WEB_LOGIN", "LOCUST_TLS_KEY", "LOCUST_SKIP_MONKEY_PATCH"] {
            assert!(locust_parses(name), "{name}");
        }
        assert!(!locust_parses("LOCUST_API_KEY"));
    }

    #[test]
    fn default_names() {
        assert_eq!(default_variables("API_KEY"), ["API_KEY", "LOCUST_API_KEY"]);
        assert_eq!(default_variables("LOCUST_API_KEY"), ["LOCUST_API_KEY"]);
        assert_eq!(default_variables("shop.key"), ["shop_key", "LOCUST_shop_key"]);
    }

    #[test]
    fn nearest_is_near() {
        assert_eq!(nearest("sorce", &["source", "hosts"]), Some("source"));
        assert_eq!(nearest("zebra", &["source", "hosts"]), None);
    }
}
