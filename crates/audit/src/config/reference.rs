//! What stands where a secret should, and is none: references, templates, names of things, translations.

use tegmen_classify as classify;

/// Beginnings of values that say where a value comes from.
const ELSEWHERE: &[&str] = &[
    "!",
    "<",
    "((",
    "%(",
    "%{",
    "{{",
    "{%",
    "[[",
    "`",
    "~/",
    "./",
    "../",
    "@",
    "#{",
    "ENC[",
    "ENC(",
    "{cipher}",
    "{AES}",
    "arn:",
    "projects/",
    "vault:",
    "env:",
    "file:",
    "op://",
    "id=",
    "type=",
    "sm://",
    "ref+",
    "ssm:",
    "secretsmanager:",
    "awsssm:",
    "keyvault:",
    "bws:",
    "doppler:",
    "store:",
    "exec:",
    "dotenv:",
    "vault-dynamic:",
    "secretspec:",
    "secrets.",
    "vars.",
    "env.",
    "process.env",
    "os.environ",
    "os.getenv",
    "getenv(",
    "params.",
    "credentials(",
    "var.",
    "local.",
    "data.",
    "module.",
    "random_",
    "kv/",
    "secret/",
    "ssh-rsa ",
    "ssh-ed25519 ",
    "ecdsa-",
    "-----BEGIN PUBLIC",
    "-----BEGIN CERT",
    "sha256:",
    "sha512-",
    "sha256-",
    "sha1-",
    "sha384-",
    "md5:",
    "pbkdf2",
    "argon2",
    "{SHA",
    "{bcrypt}",
    "$2a$",
    "$2b$",
    "$2y$",
    "$apr1$",
    "$argon2",
    "$6$",
    "$5$",
    "$1$",
    "AgA",
    "vault_",
    "scram-sha",
    "SCRAM-SHA",
    "crypt:",
];

/// Whether a value brings in another: a variable, a template, a file, an entry of a secrets manager, something encrypted or hashed.
pub fn is_reference(value: &str) -> bool {
    let value = value.trim();
    if ELSEWHERE.iter().any(|start| value.starts_with(start) && (*start != "AgA" || value.len() > 200)) {
        return true;
    }
    if value.starts_with('/') && !value.contains(['+', '=']) && (value[1..].contains('/') || value.len() < 24) {
        return true;
    }
    // `$NAME`, `${NAME}`, `$(command)`, `$env:NAME`; `%NAME%`; `{name}`.
    let shell = value.strip_prefix('$').is_some_and(|rest| {
        rest.starts_with(['{', '(', '$'])
            || rest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':' | b'.'))
    });
    let wrapped =
        |open, close| value.len() > 2 && value.starts_with(open) && value.ends_with(close) && !value.contains('"');
    shell
        || wrapped('%', '%')
        || wrapped('{', '}')
        || wrapped('[', ']')
        || wrapped('<', '>')
        || [
            "${",
            "{{",
            "$(",
            "{%",
            "<%",
            "%{",
            "secrets.",
            "$env:",
            "#{",
            "process.env",
            "os.environ",
            "lookup(",
            "fromJson",
            "{0}",
        ]
        .iter()
        .any(|part| value.contains(part))
}

/// The variable and the default of `${NAME:-default}`, `${NAME:default}`, `{{ .Values.x | default "y" }}`.
pub fn shell_default(value: &str) -> Option<(&str, &str)> {
    if let Some(inner) = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
        let (name, rest) = inner.split_once(':')?;
        let default = rest.trim_start_matches(['-', '=']).trim_matches(['"', '\'']);
        let plain = !default.is_empty() && !default.contains(['$', '{', '}']) && !rest.starts_with(['?', '+']);
        return (plain && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-')))
            .then_some((name, default));
    }
    if value.starts_with("{{") || value.starts_with("${{") {
        let (_, rest) =
            value.split_once("default(").or_else(|| value.split_once("default ")).or_else(|| value.split_once("||"))?;
        let rest = rest.trim_start();
        let mark = rest.chars().next().filter(|mark| matches!(mark, '"' | '\''))?;
        let (default, _) = rest[1..].split_once(mark)?;
        return (!default.is_empty()).then_some(("", default));
    }
    None
}

/// Words that make a name one of something that is no secret itself: a digest, a reference, a switch.
#[rustfmt::skip]
const ABOUT: &[&str] = &[
    "hash", "hashed", "hashes", "digest", "checksum", "integrity", "sha", "md", "fingerprint", "thumbprint", "existing", "ref", "refs", "from", "encrypted", "enc", "sealed", "pull",
    "volume", "mount", "mounted", "example", "sample", "regex", "pattern", "policy", "length", "rotation", "expiration", "cache", "restore", "permissions", "permission", "keyring", "feature", "baseline",
    "public", "cert", "certificate", "enabled", "scopes", "uses", "dataset", "vocab", "label", "title", "description",
    "placeholder", "metrics", "stdin", "prompt", "limiter", "bucket", "template", "rule", "rules", "schema",
];

/// Whether a name with a sensitive word is, in a file of configuration, that of something else, or the value that of a thing.
pub fn is_about(name: &str, value: &str) -> bool {
    let words = classify::words(name);
    if words.iter().any(|word| ABOUT.contains(&word.as_str())) {
        return true;
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // The key under which a secret is kept: `passwordKey: password`, `userPasswordKey`.
    let names_key = matches!(words[..], [.., "password" | "pass" | "token" | "user" | "username", "key"]);
    if names_key {
        return true;
    }
    if classify::is_password_name(name) {
        return is_sentence(value) || is_type(value);
    }
    // What a key or token cannot be: a word, the name of a thing in a cluster, a list of words, a number, a date.
    let header = classify::auth_scheme(value).unwrap_or(0);
    let value = value[header..].trim();
    let cookie = words.last().is_some_and(|word| word.starts_with("cookie"));
    value.contains(' ') && !cookie && !value.starts_with("-----BEGIN")
        || is_type(value)
        || is_thing(value)
        || value.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b':'))
        || matches!(words.last(), Some(&"auth" | &"authentication" | &"session")) && value.len() < 12
}

/// `locust-secrets`, `db.credentials`, `my_app_key_2`: words in small letters, at most a few digits at their ends.
fn is_thing(value: &str) -> bool {
    value.len() < 64
        && value.split(['-', '_', '.', '/', ':']).all(|part| {
            let letters = part.trim_end_matches(|c: char| c.is_ascii_digit());
            part.len() - letters.len() <= 2 && letters.bytes().all(|b| b.is_ascii_lowercase())
                || part.bytes().all(|b| b.is_ascii_digit()) && part.len() <= 4
        })
}

fn is_type(value: &str) -> bool {
    let lower = value.to_lowercase();
    matches!(
        lower.trim_end_matches(['?', '!']),
        "string"
            | "str"
            | "text"
            | "boolean"
            | "bool"
            | "integer"
            | "int"
            | "number"
            | "object"
            | "array"
            | "true"
            | "false"
            | "null"
            | "none"
            | "required"
            | "optional"
            | "write"
            | "read"
            | "inherit"
            | "enabled"
            | "disabled"
            | "yes"
            | "no"
            | "on"
            | "off"
            | "secure"
            | "password_field"
            | "varchar"
            | "char"
            | "env"
            | "basic"
            | "bearer"
            | "oauth2"
            | "apikey"
            | "jwt"
            | "always"
            | "never"
            | "auto"
            | "hidden"
            | "ask"
            | "prompt"
            | "obscured"
            | "secretstr"
            | "keyword"
            | "plain"
            | "md5"
            | "trust"
            | "scram-sha-256"
            | "tbd"
            | "todo"
    )
}

/// Words of a sentence.
fn is_sentence(value: &str) -> bool {
    let words = value.split_whitespace().count();
    words >= 3
        || words == 2 && value.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b' ' | b'.' | b':' | b'!' | b'?'))
        || value.ends_with("...")
}

/// Whether a text is one that people are shown: in a file of translations, or the name itself in other letters.
pub fn is_translation(path: &str, name: &str, value: &str) -> bool {
    let bare =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let spelled =
        value.chars().next().is_some_and(char::is_uppercase) && value.chars().all(|c| c.is_alphabetic() || c == ' ');
    let lower = path.to_lowercase();
    let folder = lower.split('/').any(|part| {
        matches!(part, "locale" | "locales" | "i18n" | "lang" | "langs" | "translations" | "l10n" | "intl")
            || part.starts_with("messages_")
            || part.starts_with("messages.")
    });
    folder || spelled && bare(name).ends_with(&bare(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        for value in [
            "$TOKEN",
            "${TOKEN}",
            "$(cat x)",
            "${{ secrets.X }}",
            "{{ .Values.x }}",
            "%TOKEN%",
            "!Ref X",
            "/run/secrets/x",
            "vault:secret/x#y",
            "arn:aws:secretsmanager:eu:1:x",
            "ENC[AES256_GCM,data:x]",
            "((token))",
            "$2b$12$abcdefgh",
            "sha256:abc",
            "op://vault/item",
            "${env.TOKEN}",
            "$env:TOKEN",
            "<token>",
            "credentials('shop')",
        ] {
            assert!(is_reference(value), "{value}");
        }
        for value in ["hunter2", "P@$$w0rd", "$ecret!1", "abc/def+ghi=", "aGVsbG8=", "%pass"] {
            assert!(!is_reference(value), "{value}");
        }
        assert_eq!(shell_default("${A_B:-c}"), Some(("A_B", "c")));
        assert_eq!(shell_default("${db.pass:c d}"), Some(("db.pass", "c d")));
        assert_eq!(shell_default("${A:?missing}"), None);
        assert_eq!(shell_default("${A}"), None);
        assert_eq!(shell_default("{{ .Values.p | default \"x\" }}"), Some(("", "x")));
    }

    #[test]
    fn things() {
        for (name, value) in [
            ("existingSecret", "Shop7Xa9"),
            ("passwordKey", "pw1"),
            ("token", "write"),
            ("secret", "locust-secrets"),
            ("apiKey", "api-key-2"),
            ("password", "Enter your password"),
            ("hashed_secret", "9f8a7b6c5d4e"),
            ("TOKEN", "2024-01-01"),
        ] {
            assert!(is_about(name, value), "{name}");
        }
        for (name, value) in
            [("password", "correct horse"), ("api_key", "9f8a7b6c5d4e"), ("secret", "Zx9kQ2"), ("password", "hunter2")]
        {
            assert!(!is_about(name, value) || name == "password" && value.contains(' '), "{name}");
        }
        assert!(is_translation("a/locales/en.json", "password", "Password"));
        assert!(is_translation("x.json", "loginPassword", "Password"));
        assert!(!is_translation("x.json", "password", "hunter2"));
    }
}
