//! Names: environment variables, dict keys, headers, identifiers, in any case style.

use crate::hints::Hints;

/// Words that make a name sensitive wherever they stand.
#[rustfmt::skip]
const STRONG: &[&str] = &[
    "password", "passwords", "passwd", "passwds", "pwd", "passphrase", "passcode", "passwort", "kennwort", "senha",
    "contrasena", "contraseña", "wachtwoord", "haslo", "sifre", "mdp", "secret", "secrets", "token", "tokens",
    "credential", "credentials", "creds", "cred", "jwt", "apikey", "apikeys", "authkey", "appkey", "accesskey",
    "secretkey", "privatekey", "subscriptionkey", "authorization", "sessionid", "sessid", "phpsessid", "jsessionid",
    "bearer", "psk", "sas", "pw", "psw", "pswd", "passw", "upwd", "passord", "mima", "heslo", "parol", "parola", "salasana",
    "losenord", "lösenord", "adgangskode", "jelszo", "jelszó", "kodeord", "motdepasse", "пароль", "токен", "密码", "密碼", "令牌",
    "パスワード", "トークン", "비밀번호", "토큰",
];

/// Endings of run-together words: `dbpassword`, `authtoken`, `clientsecret`.
const ENDINGS: &[&str] =
    &["password", "passwd", "token", "tokens", "secret", "apikey", "passphrase", "userpwd", "dbpwd"];

/// What may stand before a final `key` or `keys` so that it is one to keep.
#[rustfmt::skip]
const KEYS: &[&str] = &[
    "api", "access", "secret", "secure", "private", "auth", "authorization", "authentication", "subscription", "account",
    "signing", "sign", "signature", "encryption", "encrypt", "decryption", "aes", "rsa", "hmac", "master", "shared",
    "storage", "service", "license", "licence", "function", "functions", "client", "app", "application", "admin",
    "internal", "integration", "ssh", "deploy", "webhook", "jwt", "token", "security", "partner", "merchant",
    "vendor", "consumer", "fernet", "crypto", "google", "openai", "anthropic", "gemini", "groq", "stripe", "sendgrid",
    "mailgun", "twilio", "azure", "maps", "ocp", "apim", "host", "write", "rapidapi", "datadog", "dd", "newrelic", "ingestion", "ingest",
];

/// What may stand before a final `KEY` of an environment variable so that it is the key of a table, an object or a keyboard.
#[rustfmt::skip]
const PLAIN_KEYS: &[&str] = &[
    "public", "pub", "primary", "foreign", "cache", "partition", "sort", "hot", "routing", "project", "redis", "object", "index", "row", "hash",
    "group", "message", "lookup", "dict", "config", "feature", "flag", "translation", "search", "item", "product", "order", "event", "topic",
    "metric", "bucket", "arrow", "enter", "escape", "shift", "control", "ctrl", "alt", "delete", "tab", "up", "down", "left", "right", "home",
    "end", "page", "map", "json", "data", "idempotency", "correlation", "state", "field", "column", "unique", "natural", "composite", "candidate",
    "site", "registry", "publishable", "no", "has", "is", "any", "press", "bind", "menu", "function", "tag", "label", "environment", "env", "locale",
];

/// Words after which (at the end of the name) the name is about a secret, and holds none.
#[rustfmt::skip]
const TAILS: &[(&str, &str)] = &[
    ("url", "the address of something"), ("urls", "the address of something"), ("uri", "the address of something"),
    ("endpoint", "the address of something"), ("endpoints", "the address of something"),
    ("host", "the address of something"), ("domain", "the address of something"),
    ("route", "the address of something"), ("link", "the address of something"), ("page", "the address of something"),
    ("service", "the address of something"), ("server", "the address of something"), ("path", "a path"),
    ("file", "a path"), ("files", "a path"), ("filename", "a path"), ("filepath", "a path"), ("dir", "a path"),
    ("directory", "a path"), ("folder", "a path"), ("location", "a path"), ("csv", "a path"), ("json", "a path"),
    ("sock", "a socket"), ("socket", "a socket"), ("name", "a name"), ("names", "a name"), ("arn", "a name"),
    ("alias", "a name"), ("type", "a kind"), ("types", "a kind"), ("kind", "a kind"), ("scheme", "a kind"),
    ("algorithm", "a kind"), ("alg", "a kind"), ("format", "a kind"), ("mode", "a kind"), ("method", "a kind"),
    ("strategy", "a kind"), ("provider", "a kind"), ("backend", "a kind"), ("class", "a kind"),
    ("id", "an identifier"), ("ids", "an identifier"), ("uuid", "an identifier"), ("ref", "a reference"),
    ("reference", "a reference"), ("version", "a version"), ("index", "a number"), ("idx", "a number"),
    ("count", "a number"), ("counter", "a number"), ("counts", "a number"), ("num", "a number"),
    ("number", "a number"), ("limit", "a number"), ("limits", "a number"), ("length", "a number"),
    ("len", "a number"), ("size", "a number"), ("budget", "a number"), ("usage", "a number"), ("used", "a number"),
    ("total", "a number"), ("rate", "a number"), ("expiry", "a time"), ("expires", "a time"), ("expire", "a time"),
    ("expired", "a time"), ("expiration", "a time"), ("exp", "a time"), ("ttl", "a time"), ("timeout", "a time"),
    ("lifetime", "a time"), ("age", "a time"), ("interval", "a time"), ("time", "a time"), ("timestamp", "a time"),
    ("at", "a time"), ("in", "a time"), ("date", "a time"), ("duration", "a time"), ("seconds", "a time"),
    ("days", "a time"), ("hours", "a time"), ("minutes", "a time"), ("delay", "a time"), ("lock", "a lock"),
    ("locks", "a lock"), ("mutex", "a lock"), ("semaphore", "a lock"), ("queue", "a container"),
    ("cache", "a container"), ("pool", "a container"), ("store", "a container"), ("iterator", "a container"),
    ("cycle", "a container"), ("field", "a field's name"), ("fields", "a field's name"), ("label", "a field's name"),
    ("placeholder", "a field's name"), ("selector", "a field's name"), ("xpath", "a field's name"),
    ("input", "a field's name"), ("column", "a field's name"), ("param", "a field's name"),
    ("header", "a field's name"), ("prefix", "a field's name"), ("suffix", "a field's name"), ("regex", "a pattern"),
    ("pattern", "a pattern"), ("policy", "a rule"), ("rules", "a rule"), ("scope", "a scope"), ("scopes", "a scope"),
    ("audience", "a scope"), ("issuer", "an identifier"), ("reset", "an operation"), ("change", "an operation"),
    ("update", "an operation"), ("recovery", "an operation"), ("manager", "an object"), ("handler", "an object"),
    ("helper", "an object"), ("client", "an object"), ("factory", "an object"), ("generator", "an object"),
    ("parser", "an object"), ("validator", "an object"), ("fetcher", "an object"), ("getter", "an object"),
    ("loader", "an object"), ("source", "an object"), ("func", "an object"), ("function", "an object"),
    ("fn", "an object"), ("error", "a state"), ("errors", "a state"), ("valid", "a state"), ("invalid", "a state"),
    ("enabled", "a state"), ("disabled", "a state"), ("required", "a state"), ("status", "a state"),
    ("state", "a state"), ("found", "a state"), ("missing", "a state"), ("exists", "a state"), ("present", "a state"),
    ("set", "a state"), ("message", "a text"), ("msg", "a text"), ("hint", "a text"), ("text", "a text"),
    ("description", "a text"), ("template", "a text"), ("warning", "a text"), ("env", "a name"), ("var", "a name"),
    ("payload", "a container"), ("response", "a container"), ("resp", "a container"), ("res", "a container"),
    ("request", "a container"), ("result", "a container"), ("data", "a container"), ("task", "an object"),
    ("user", "an object"), ("users", "an object"), ("test", "an object"), ("tests", "an object"),
    ("region", "a place"), ("namespace", "a place"), ("mount", "a place"), ("engine", "a place"),
    ("vault", "a place"), ("uid", "an identifier"), ("gid", "an identifier"), ("guid", "an identifier"),
    ("spec", "a kind"), ("prevention", "a rule"), ("requirement", "a rule"), ("requirements", "a rule"),
    ("format", "a kind"), ("formats", "a kind"), ("algorithms", "a kind"), ("kinds", "a kind"),
    ("accessor", "an identifier"), ("metadata", "a text"),
];

/// Words anywhere in a name that make it one about a secret.
#[rustfmt::skip]
const ANYWHERE: &[(&str, &str)] = &[
    ("path", "a path"), ("total", "a number"), ("used", "a number"), ("usage", "a number"), ("per", "a number"),
    ("count", "a number"), ("counts", "a number"), ("remaining", "a number"), ("generated", "a number"),
    ("throughput", "a number"), ("consumed", "a number"), ("latency", "a time"), ("max", "a number"), ("min", "a number"), ("num", "a number"), ("avg", "a number"), ("prompt", "a number"),
    ("completion", "a number"), ("csrf", "issued by the target for one session"),
    ("xsrf", "issued by the target for one session"), ("csrfmiddleware", "issued by the target for one session"),
    ("antiforgery", "issued by the target for one session"), ("verification", "issued by the target for one session"),
    ("crumb", "issued by the target for one session"), ("public", "the public half"),
    ("publishable", "the public half"), ("pub", "the public half"), ("site", "the public half"),
    ("recaptcha", "issued by the target for one session"), ("captcha", "issued by the target for one session"),
    ("forgot", "an operation"), ("forgotten", "an operation"), ("reset", "an operation"), ("recover", "an operation"),
    ("revoke", "an operation"), ("has", "a state"), ("is", "a state"), ("use", "a state"), ("enable", "a state"),
    ("disable", "a state"), ("require", "a state"), ("requires", "a state"), ("show", "a state"),
    ("should", "a state"), ("need", "a state"), ("needs", "a state"), ("skip", "a state"), ("allow", "a state"),
    ("no", "a state"), ("continuation", "a position"), ("page", "a position"), ("next", "a position"),
    ("pagination", "a position"), ("sync", "a position"), ("cancellation", "an object"), ("stop", "a state"),
    ("eos", "a state"), ("special", "a state"), ("tokenizer", "an object"), ("get", "an operation"),
    ("fetch", "an operation"), ("generate", "an operation"), ("create", "an operation"), ("validate", "an operation"),
    ("check", "an operation"), ("hide", "a state"), ("toggle", "a state"),
];

/// The words of a name, in lower case: split at separators, at a change from lower to upper case, and at digits, which are
/// left out.
pub fn words(name: &str) -> Vec<String> {
    if name.is_ascii() { ascii_words(&name[..name.len().min(200)]) } else { any_words(name) }
}

fn any_words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::with_capacity(4);
    let mut current = String::new();
    let chars: Vec<char> = name.chars().take(200).collect();
    for (i, &c) in chars.iter().enumerate() {
        if !c.is_alphabetic() {
            flush(&mut current, &mut words);
            continue;
        }
        let before = i.checked_sub(1).and_then(|j| chars.get(j));
        let after = chars.get(i + 1);
        let hump = c.is_uppercase()
            && (before.is_some_and(|b| b.is_lowercase())
                || (before.is_some_and(|b| b.is_uppercase()) && after.is_some_and(|a| a.is_lowercase())));
        if hump {
            flush(&mut current, &mut words);
        }
        current.extend(c.to_lowercase());
    }
    flush(&mut current, &mut words);
    words
}

/// The same of a name of plain letters, as nearly all are: no character has to be decoded, and each word is copied once.
fn ascii_words(name: &str) -> Vec<String> {
    let bytes = name.as_bytes();
    let mut words = Vec::with_capacity(4);
    let mut start = 0;
    for (i, byte) in bytes.iter().enumerate() {
        let hump = byte.is_ascii_uppercase()
            && i.checked_sub(1).is_some_and(|before| {
                bytes[before].is_ascii_lowercase()
                    || bytes[before].is_ascii_uppercase() && bytes.get(i + 1).is_some_and(u8::is_ascii_lowercase)
            });
        if !byte.is_ascii_alphabetic() || hump {
            if start < i {
                words.push(name[start..i].to_ascii_lowercase());
            }
            start = if hump { i } else { i + 1 };
        }
    }
    if start < bytes.len() {
        words.push(name[start..].to_ascii_lowercase());
    }
    words
}

fn flush(current: &mut String, words: &mut Vec<String>) {
    if !current.is_empty() {
        words.push(std::mem::take(current));
    }
}

/// What a name says about what it holds.
enum Verdict {
    Sensitive,
    About(&'static str),
    Unrelated,
}

/// What every sensitive name contains one of, in any case, so that most names cost one scan.
#[rustfmt::skip]
static HINTS: Hints = Hints::new(&[
    b"pass", b"pwd", b"secret", b"token", b"key", b"cred", b"jwt", b"auth", b"sess", b"cookie", b"bearer",
    b"pat", b"psk", b"sas", b"senha", b"contras", b"kennwort", b"wachtwoord", b"haslo", b"sifre", b"mdp",
    b"sid", b"internal", b"pin", b"pw", b"psw", b"mima", b"heslo", b"parol", b"salasana", b"losenord", b"adgangs", b"jelsz", b"kodeord",
    b"motdepasse",
]);

/// The same in other scripts.
#[rustfmt::skip]
const FOREIGN: &[&str] = &[
    "пароль", "токен", "密码", "密碼", "令牌", "パスワード", "トークン", "비밀번호", "토큰", "lösenord",
];

fn may_matter(name: &str) -> bool {
    HINTS.are_in(name) || !name.is_ascii() && FOREIGN.iter().any(|word| name.to_lowercase().contains(word))
}

fn verdict(name: &str) -> Verdict {
    if name.len() > 200
        || !may_matter(name)
        || matches!(name, "PWD" | "OLDPWD" | "SecretId" | "VAULT_CLIENT_KEY" | "PGSSLKEY")
    {
        return Verdict::Unrelated;
    }
    let words = words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // `SHOP_KEY`: for an environment variable, a key of anything but a table or an object is one to keep.
    let variable = !name.bytes().any(|b| b.is_ascii_lowercase() || b == b'-')
        && matches!(words[..], [.., before, "key"] if before.len() > 1 && !PLAIN_KEYS.contains(&before));
    if !variable && !contains_sensitive(&words) {
        return Verdict::Unrelated;
    }
    // Vault's SecretID is the password of an AppRole, in spite of its name. A session's id is its password too.
    if let [.., "secret" | "session", "id"] = words[..] {
        return Verdict::Sensitive;
    }
    let last = words.last().copied().unwrap_or_default();
    if words.len() > 1 {
        if let Some((_, reason)) = TAILS.iter().find(|(tail, _)| *tail == last) {
            return Verdict::About(reason);
        }
        // A site key is public; the password of a site is not.
        let applies = |word: &str| words.contains(&word) && (word != "site" || matches!(last, "key" | "keys"));
        if let Some((_, reason)) = ANYWHERE.iter().find(|(word, _)| applies(word)) {
            return Verdict::About(reason);
        }
        if matches!(words[..], ["grant", ..] | ["forgot", ..]) {
            return Verdict::About("a kind");
        }
        if matches!(
            (last, words.first().copied()),
            ("tokens", Some("n" | "nb" | "input" | "output" | "cached" | "reasoning" | "usage"))
        ) {
            return Verdict::About("a number");
        }
    }
    if ["csrftoken", "xsrftoken", "csrfmiddlewaretoken", "requestverificationtoken"].contains(&last) {
        return Verdict::About("issued by the target for one session");
    }
    Verdict::Sensitive
}

fn contains_sensitive(words: &[&str]) -> bool {
    for (i, word) in words.iter().enumerate() {
        if STRONG.contains(word)
            && (word.len() > 3 || matches!(*word, "pwd" | "jwt" | "mdp" | "pw") || i + 1 == words.len())
        {
            return true;
        }
        if ENDINGS.iter().any(|ending| word.ends_with(ending)) {
            return true;
        }
        let before = i.checked_sub(1).map(|j| words[j]);
        match *word {
            "key" | "keys" if before.is_some_and(|before| KEYS.contains(&before)) => return true,
            // Headers of the kind `X-Company-Key`.
            "key"
                if i > 1
                    && words[0] == "x"
                    && !matches!(words[i - 1], "idempotency" | "cache" | "public" | "request") =>
            {
                return true;
            }
            "pass"
                if i + 1 == words.len()
                    && !matches!(before, Some("by" | "first" | "second" | "single" | "boarding")) =>
            {
                return true;
            }
            "word" if before == Some("pass") => return true,
            "passe" if before == Some("de") => return true,
            "dbpass" | "userpass" | "adminpass" | "mypass" | "sshpass" => return true,
            "auth"
                if i + 1 == words.len()
                    && matches!(before, Some("basic" | "http" | "proxy" | "x" | "bearer" | "registry")) =>
            {
                return true;
            }
            "cookie" | "cookies"
                if i + 1 == words.len() && (i == 0 || matches!(before, Some("session" | "auth" | "login" | "set"))) =>
            {
                return true;
            }
            "id" if before == Some("session") => return true,
            "pat"
                if matches!(
                    before,
                    Some("github" | "gh" | "gitlab" | "azure" | "ado" | "devops" | "jira" | "bitbucket")
                ) =>
            {
                return true;
            }
            "sid" if i + 1 == words.len() && (before == Some("connect") || before == Some("session")) => return true,
            _ => {}
        }
    }
    false
}

/// Whether what carries this name is to be kept: `API_KEY`, `clientSecret`, `X-Api-Key`, `DB_PASS`.
///
/// `tegmen run` takes such variables as secrets, the audit looks at literals with such names.
pub fn is_sensitive_name(name: &str) -> bool {
    matches!(verdict(name), Verdict::Sensitive)
}

/// Why a name that contains a sensitive word is left out: `TOKEN_URL` is "the address of something". `None` for names that
/// are sensitive, and for those that contain no such word.
pub fn why_not(name: &str) -> Option<&'static str> {
    match verdict(name) {
        Verdict::About(reason) => Some(reason),
        Verdict::Sensitive | Verdict::Unrelated => None,
    }
}

/// Whether a variable of this name may hold a URL with credentials in it: `DATABASE_URL`, `REDIS_URI`, `SENTRY_DSN`,
/// `AZURE_CONNECTION_STRING`, `BROKER_URL`. Look at its value ([`crate::url_credentials`]) before judging.
pub fn may_hold_credentials_url(name: &str) -> bool {
    let words = words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [.., "dsn"]
        | [.., "connection", "string"]
        | [.., "conn", "str" | "string"]
        | [.., "connstr"]
        | [.., "connectionstring"] => true,
        [.., what, "url" | "uri"] => matches!(
            what,
            "database"
                | "db"
                | "postgres"
                | "postgresql"
                | "pg"
                | "mysql"
                | "mongo"
                | "mongodb"
                | "redis"
                | "amqp"
                | "rabbitmq"
                | "broker"
                | "kafka"
                | "mqtt"
                | "sql"
                | "sqlalchemy"
                | "celery"
                | "cache"
                | "webhook"
                | "proxy"
                | "backend"
                | "connection"
                | "conn"
                | "smtp"
                | "ldap"
                | "clickhouse"
                | "elastic"
                | "elasticsearch"
                | "influx"
                | "influxdb"
        ),
        [.., "http" | "https" | "all", "proxy"] => true,
        _ => false,
    }
}

/// Whether a password, rather than a token or a key, goes by this name. Weak values are dummies for keys, and real for passwords.
pub fn is_password_name(name: &str) -> bool {
    is_sensitive_name(name)
        && words(name).iter().any(|word| {
            matches!(
                word.as_str(),
                "pass"
                    | "pw"
                    | "pwd"
                    | "passwd"
                    | "passwds"
                    | "passphrase"
                    | "passcode"
                    | "passwort"
                    | "kennwort"
                    | "senha"
                    | "contrasena"
                    | "contraseña"
                    | "wachtwoord"
                    | "haslo"
                    | "sifre"
                    | "mdp"
                    | "passwords"
                    | "psw"
                    | "pswd"
                    | "passw"
                    | "passe"
                    | "upwd"
                    | "passord"
                    | "mima"
                    | "heslo"
                    | "parol"
                    | "parola"
                    | "salasana"
                    | "losenord"
                    | "lösenord"
                    | "adgangskode"
                    | "jelszo"
                    | "jelszó"
                    | "kodeord"
                    | "motdepasse"
                    | "пароль"
                    | "密码"
                    | "密碼"
                    | "パスワード"
                    | "비밀번호"
            ) || word.ends_with("password")
                || word.ends_with("pass")
        })
}

/// Whether an HTTP header of this name carries something to be kept: what [`is_sensitive_name`] says, and `Cookie`,
/// and headers of the kind `X-…-Internal` that companies let their own services in with.
pub fn is_sensitive_header(name: &str) -> bool {
    if is_sensitive_name(name) {
        return true;
    }
    // By what the names below begin with, most cost no more than this.
    let may_be = match name.bytes().find(u8::is_ascii_alphabetic) {
        Some(b'x' | b'X') => true,
        Some(b'a' | b'A' | b'c' | b'C' | b's' | b'S') => may_matter(name),
        _ => false,
    };
    if !may_be {
        return false;
    }
    let words = words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["cookie"] | ["set", "cookie"] | ["x", "auth" | "session"] | ["apikey"] => true,
        ["x", .., "key"] => {
            why_not(name).is_none() && !words.iter().any(|word| matches!(*word, "idempotency" | "cache" | "public"))
        }
        ["x", "honeycomb", "team"] => true,
        ["x", _, .., "internal"] => true,
        _ => false,
    }
}

/// Whether a name is `Auth`: what is in a field of a header that goes by it is to be kept, and elsewhere it is anything.
pub fn is_auth_field(name: &str) -> bool {
    name.eq_ignore_ascii_case("auth")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_plain_letters_as_of_any() {
        for name in [
            "",
            "_",
            "a",
            "A",
            "API_KEY",
            "apiKey",
            "X-Api-Key",
            "HTTPServer",
            "HTTPServerURL",
            "aB",
            "AB",
            "ABc",
            "aBC",
            "a1B2c",
            "__init__",
            "x9",
            "9x",
            "Key1Key",
            "A_b_C",
            "keyID",
            "iOS",
            "sessionIDs",
            "a.b[c]d",
        ] {
            assert_eq!(ascii_words(name), any_words(name), "{name}");
        }
        assert_eq!(words("ÜberKey"), ["über", "key"]);
    }

    #[test]
    fn sensitive_in_any_case_style() {
        for name in [
            "API_KEY",
            "apiKey",
            "X-Api-Key",
            "x-api-key",
            "clientSecret",
            "CLIENT_SECRET",
            "DB_PASS",
            "pass_word",
            "DB_PASSWORD",
            "SITE_PASSWORD",
            "ACCESS_TOKEN",
            "accessToken",
            "password",
            "passwd",
            "pwd",
            "Authorization",
            "GITHUB_TOKEN",
            "AWS_SECRET_ACCESS_KEY",
            "SECRET_KEY",
            "Ocp-Apim-Subscription-Key",
            "x-functions-key",
            "VAULT_SECRET_ID",
            "TEST_PASS",
            "authtoken",
            "dbpassword",
            "password1",
            "TOKEN_1",
            "refresh_token",
            "id_token",
            "private_key",
            "MQTT_PASSWORD",
            "X-Vault-Token",
            "PHPSESSID",
            "session_id",
            "user_password",
            "USER_TOKENS",
            "LOCUST_API_KEY",
            "X-Acme-Client-Key",
            "senha",
            "JWT",
            "jwtToken",
            "OPENAI_API_KEY",
            "LOCUST_PASSWORD",
            "SHOP_KEY",
            "apikey",
            "APIKEY",
            "bearer_token",
            "KEYCLOAK_CLIENT_SECRET",
            "GITLAB_PAT",
            "TGT_PASSPHRASE",
        ] {
            assert!(is_sensitive_name(name), "{name}");
            assert_eq!(why_not(name), None, "{name}");
        }
    }

    #[test]
    fn names_that_only_contain_the_word() {
        for name in [
            "TOKEN_URL",
            "MAX_TOKENS",
            "max_tokens",
            "token_lock",
            "grant_type",
            "PASSWORD_RESET_PATH",
            "PUBLIC_KEY",
            "PRIVATE_KEY_PATH",
            "SSL_KEY_FILE",
            "KEY_PATH",
            "secretName",
            "SECRET_NAME",
            "SSH_AUTH_SOCK",
            "LOCUST_WEB_LOGIN",
            "CSRF_TOKEN",
            "csrftoken",
            "csrfmiddlewaretoken",
            "X-CSRFToken",
            "token_type",
            "tokenEndpoint",
            "secret_page",
            "forgot_password",
            "token_expires_at",
            "AWS_ACCESS_KEY_ID",
            "client_id",
            "primary_key",
            "CACHE_KEY",
            "PROJECT_KEY",
            "cache_key",
            "key",
            "keyboard",
            "bypass",
            "compass",
            "passenger",
            "tokenize",
            "PWD",
            "OLDPWD",
            "next_page_token",
            "TOKEN_REFRESH_INTERVAL",
            "is_token_valid",
            "token_count",
            "author",
            "PATH",
            "monkey",
            "session",
            "auth_url",
            "SecretId",
            "pass_rate",
            "completion_tokens",
            "password_field",
            "HOME",
            "secret_arn",
            "AUTHOR_NAME",
            "LOCUST_HOST",
            "KEYCLOAK_URL",
            "idempotency-key",
            "partition_key",
            "pattern",
            "patch",
            "patient",
            "sasl_mechanism",
            "pw_uid",
            "PasswordReusePrevention",
            "CustomerMasterKeySpec",
            "VAULT_CLIENT_KEY",
        ] {
            assert!(!is_sensitive_name(name), "{name}");
        }
        assert_eq!(why_not("TOKEN_URL"), Some("the address of something"));
        assert_eq!(why_not("MAX_TOKENS"), Some("a number"));
        assert_eq!(why_not("HOME"), None);
    }

    #[test]
    fn urls_that_carry_credentials() {
        for name in
            ["DATABASE_URL", "REDIS_URI", "SENTRY_DSN", "AzureConnectionString", "HTTPS_PROXY", "CELERY_BROKER_URL"]
        {
            assert!(may_hold_credentials_url(name), "{name}");
        }
        assert!(!may_hold_credentials_url("BASE_URL"));
        assert!(!may_hold_credentials_url("TOKEN_URL"));
    }

    #[test]
    fn headers() {
        for name in ["Authorization", "Cookie", "X-Acme-Key", "X-Acme-Internal", "X-Api-Key", "apikey", "x-auth-token"]
        {
            assert!(is_sensitive_header(name), "{name}");
        }
        for name in
            ["Content-Type", "X-Requested-With", "X-Idempotency-Key", "X-CSRF-Token", "X-Request-ID", "Accept", "ETag"]
        {
            assert!(!is_sensitive_header(name), "{name}");
        }
    }
}
