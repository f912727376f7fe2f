//! Which literals are secrets, and which only look like it.

use tegmen_classify as classify;
use tegmen_findings::{Confidence, Severity};

use super::{Judged, Kind, Literal, Site};

/// Passwords that are hardly worth the name: real on a test system, and not much of a loss.
const WEAK: &[&str] = &[
    "test",
    "testing",
    "password",
    "passw0rd",
    "pass",
    "admin",
    "root",
    "secret",
    "guest",
    "user",
    "demo",
    "postgres",
    "123456",
    "12345678",
    "123456789",
    "1234",
    "12345",
    "123",
    "123123",
    "qwerty",
    "letmein",
    "locust",
    "pwd",
    "password1",
    "password123",
    "test123",
    "admin123",
    "000000",
    "111111",
    "abc123",
    "pass123",
    "secret123",
    "testpassword",
    "testpass",
    "test1234",
    "testpassword123",
    "p@ssw0rd",
    "dev",
    "local",
];

/// What may stand before `pin` in the name of such a number. Chips and maps have pins of other names.
const PINS: &[&str] = &[
    "user",
    "login",
    "card",
    "account",
    "customer",
    "client",
    "member",
    "security",
    "secret",
    "access",
    "transaction",
    "payment",
    "wallet",
    "sim",
    "atm",
    "upi",
    "debit",
    "credit",
    "admin",
    "agent",
    "employee",
    "my",
    "new",
    "old",
    "current",
    "confirm",
    "auth",
    "bank",
    "test",
    "valid",
];

/// What a negative test sends so that it is refused.
#[rustfmt::skip]
const REFUSED: &[&str] = &[
    "wrong", "invalid", "incorrect", "nonexist", "not-valid", "badpass", "bad_pass", "bad-pass", "doesnotexist",
    // The same in other languages.
    "not_exist", "not-exist", "notexist", "falsch", "errad", "errone", "incorret", "equivocad", "sbagliat", "mauvais", "ongeldig",
];

/// Parts of the sample token that every tutorial shows, and of AWS's sample keys.
const SAMPLES: &[&str] =
    &["eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lI", "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c", "EXAMPLE"];

/// Cookies whose value opens a session.
const SESSIONS: &[&str] = &[
    "sess", "sid", "auth", "token", "jwt", "remember", "login", "aspnet", "identity", "ticket", "sso", "oauth",
    "laravel", "passport",
];

/// Cookies that only count visitors or guard forms.
const TRACKERS: &[&str] = &[
    "_ga",
    "_gid",
    "_gcl",
    "_fbp",
    "_hj",
    "csrf",
    "xsrf",
    "ajs_",
    "optimizely",
    "mp_",
    "intercom-id",
    "amplitude",
    "_clck",
    "_clsk",
    "awsalb",
];

/// Whether a setting holds the headers with which OpenTelemetry sends to its collector: `OTEL_EXPORTER_OTLP_HEADERS`.
pub fn is_telemetry_headers(name: &str) -> bool {
    name.len() >= 20
        && name.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("otel_"))
        && name.get(name.len() - 8..).is_some_and(|end| end.eq_ignore_ascii_case("_headers"))
}

/// `api-key=…,x-tenant=shop`: the first header that lets in.
fn by_telemetry(literal: &Literal, value: &str) -> Option<Judged> {
    let secret = value.split(',').find_map(|pair| {
        let (name, secret) = pair.split_once('=')?;
        let (name, secret) = (name.trim(), secret.trim());
        // Blanks are written as in a URL: `Authorization=Basic%20…`.
        let bare = ["Basic%20", "Bearer%20", "Basic ", "Bearer "].iter().find_map(|scheme| {
            secret
                .get(..scheme.len())
                .filter(|start| start.eq_ignore_ascii_case(scheme))
                .map(|_| &secret[scheme.len()..])
        });
        let named = classify::is_sensitive_header(name) && secret.len() >= 8;
        let secret = bare.unwrap_or(secret);
        let stands_for = secret.contains("{}") || secret.contains('$') || classify::is_dummy_token(secret);
        (!stands_for && (named || classify::looks_random(secret) && !is_uuid(secret))).then_some(secret)
    })?;
    judged(literal, Kind::Telemetry, Severity::High, Confidence::High, None, secret)
}

/// Judges a literal. `open` says that something unknown goes into its value.
pub fn judge(literal: Literal, open: bool) -> Option<Judged> {
    let value = literal.value.trim();
    if value.is_empty() || value.len() > 200_000 {
        return None;
    }
    if is_telemetry_headers(&literal.name) {
        return by_telemetry(&literal, value);
    }
    // Of a URL that is signed, the signature is what counts, and the id of the key in it nobody's secret.
    if let Some(signature) = ["X-Amz-Signature=", "X-Goog-Signature="].iter().find_map(|name| {
        let start = value.find(name)? + name.len();
        let length = value[start..].bytes().take_while(u8::is_ascii_hexdigit).count();
        (length >= 32).then(|| value[start..start + length].to_owned())
    }) {
        return judged(&literal, Kind::Url, Severity::High, Confidence::High, Some("a signature"), &signature);
    }
    if let Some(judged) = by_shape(&literal, value) {
        return Some(judged);
    }
    if let Some(judged) = by_url(&literal, value, open) {
        return Some(judged);
    }
    if literal.site == Site::EnvironmentName {
        // No shape that anybody publishes, but no name either.
        let mixed = value.bytes().any(|b| b.is_ascii_lowercase()) && value.bytes().any(|b| b.is_ascii_uppercase());
        return if mixed && value.len() >= 32 && classify::looks_random(value) {
            judged(&literal, Kind::EnvironmentName, Severity::High, Confidence::Medium, None, value)
        } else {
            None
        };
    }
    // `f"session={…}; sid=…"`: what is written out of a cookie may open a session by itself.
    if open && literal.site == Site::Header && literal.name.eq_ignore_ascii_case("cookie") {
        return by_cookies(&literal, value);
    }
    if open || literal.site == Site::Bare {
        return None;
    }
    by_name(&literal, value)
}

fn judged(
    literal: &Literal,
    kind: Kind,
    severity: Severity,
    confidence: Confidence,
    shape: Option<&'static str>,
    secret: &str,
) -> Option<Judged> {
    let kind = match (literal.site, kind) {
        (_, Kind::PrivateKey | Kind::Telemetry) => kind,
        (Site::Dead, _) => Kind::Dead,
        (Site::Fallback, _) => Kind::Fallback,
        (Site::EnvironmentName, _) => Kind::EnvironmentName,
        (Site::Entry | Site::Row, Kind::Password | Kind::Token | Kind::Key) => Kind::List,
        _ => kind,
    };
    let (severity, confidence) = match kind {
        Kind::Dead => (
            severity.min(if shape.is_some() { Severity::High } else { Severity::Medium }),
            confidence.min(Confidence::Medium),
        ),
        _ => (severity, confidence),
    };
    Some(Judged { literal: literal.clone(), kind, severity, confidence, shape, secret: secret.to_owned() })
}

/// Shapes that providers publish, whatever the name.
fn by_shape(literal: &Literal, value: &str) -> Option<Judged> {
    if value.len() < 16 || SAMPLES.iter().any(|sample| value.contains(sample)) {
        return None;
    }
    let whole = classify::provider_token(value);
    // Who signed a URL is no secret.
    let named = |found: &classify::TokenMatch| {
        found.kind == "an AWS access key" && value[..found.range.start].ends_with("X-Amz-Credential=")
    };
    let (kind_name, secret) = match classify::find_tokens(value)
        .into_iter()
        .find(|found| !named(found) && !is_hollow(&value[found.range.clone()]))
    {
        Some(found) => (found.kind, &value[found.range]),
        None if whole.is_some_and(|_| !is_hollow(value)) => (whole?, value),
        None => return None,
    };
    let kind = match kind_name {
        "a private key" => Kind::PrivateKey,
        "a Vault token" => Kind::Manager,
        "a JSON Web Token" | "a Slack token" | "a GitHub token" | "a GitLab token" | "a Google OAuth token" => {
            Kind::Token
        }
        _ => Kind::Key,
    };
    // A value that a provider hands to browsers, or that belongs to a test account.
    let mild = matches!(kind_name, "a Google API key" | "a Stripe test key");
    let severity = if mild { Severity::Medium } else { Severity::High };
    // A token that forms and pages carry for one session says little when it has a name that says so.
    if classify::why_not(&literal.name) == Some("issued by the target for one session") {
        return None;
    }
    judged(literal, kind, severity, Confidence::High, Some(kind_name), secret)
}

/// A token of hardly any entropy is a stand-in: a prefix and zeros.
fn is_hollow(token: &str) -> bool {
    classify::is_dummy(token) || classify::entropy(token) < 2.6
}

/// Credentials in a URL, and sensitive parameters of its query.
fn by_url(literal: &Literal, value: &str, open: bool) -> Option<Judged> {
    if let Some((kind, path)) = classify::webhook(value)
        && !value.contains("{}")
        && !is_hollow(&value[path.clone()])
    {
        return judged(literal, Kind::Url, Severity::High, Confidence::High, Some(kind), &value[path]);
    }
    if let Some(found) = classify::url_credentials(value) {
        let password = &value[found.password];
        // `scheme://[user:password@]host` is a syntax, and no URL.
        if !password.contains("{}") && !value[found.user.clone()].starts_with('[') {
            let host = &value[found.host];
            let local = host.starts_with("localhost")
                || host.starts_with("127.")
                || WEAK.contains(&password.to_lowercase().as_str());
            let severity = if local { Severity::Medium } else { Severity::High };
            return judged(literal, Kind::Url, severity, Confidence::High, None, password);
        }
    }
    // `user:password@host:port/db`, to be put behind a scheme.
    let words = classify::words(&literal.name);
    let connection = words.iter().any(|word| matches!(word.as_str(), "conn" | "connection" | "dsn" | "connstr"));
    if connection && !value.contains("://") && value.contains('@') && !value.contains(char::is_whitespace) {
        let whole = format!("x://{value}");
        if let Some(found) = classify::url_credentials(&whole)
            && !found.user.is_empty()
            && !whole[found.password.clone()].contains("{}")
        {
            return judged(literal, Kind::Url, Severity::High, Confidence::Medium, None, &whole[found.password]);
        }
    }
    let parameters = classify::url_parameters(value);
    let found = parameters.iter().find(|parameter| {
        let name = &value[parameter.name.clone()];
        let secret = &value[parameter.value.clone()];
        !secret.contains("{}")
            && !secret.contains("%s")
            && !secret.contains("%(")
            && is_worth(name, secret, literal.site)
    });
    if let Some(parameter) = found {
        let secret = value[parameter.value.clone()].to_owned();
        return judged(literal, Kind::Url, Severity::High, Confidence::Medium, None, &secret);
    }
    let _ = open;
    None
}

fn is_worth(name: &str, secret: &str, site: Site) -> bool {
    if classify::is_password_name(name) { is_password(secret) } else { is_token(name, secret, site) }
}

/// What the name says.
fn by_name(literal: &Literal, value: &str) -> Option<Judged> {
    let name = literal.name.as_str();
    if literal.site == Site::Cookie {
        return by_cookies(literal, &format!("{name}={value}"));
    }
    let lower_name = name.to_lowercase();
    if matches!(lower_name.as_str(), "cookie" | "cookies" | "set-cookie") {
        return by_cookies(literal, value);
    }
    if literal.site == Site::Pair {
        let ok = value.len() > 1 && is_password(value) || value.len() > 3 && !classify::is_dummy(value);
        return if ok { judged(literal, Kind::Basic, strength(value), Confidence::High, None, value) } else { None };
    }
    if is_pin(name) {
        return is_pin_number(value)
            .then(|| judged(literal, Kind::Pin, Severity::Medium, Confidence::Medium, None, value))
            .flatten();
    }
    let sensitive = if literal.site == Site::Header {
        classify::is_sensitive_header(name)
    } else {
        classify::is_sensitive_name(name)
    };
    if !sensitive || is_elsewhere(value) {
        return None;
    }
    if lower_name.ends_with("authorization") || classify::auth_scheme(value).is_some() {
        return by_authorization(literal, value);
    }
    if classify::is_password_name(name) {
        if !is_password(value) {
            return None;
        }
        let lower = value.to_lowercase();
        let weak = WEAK.contains(&lower.as_str());
        if weak && matches!(literal.site, Site::Dead | Site::Entry)
            || weak
                && literal.site == Site::Fallback
                && matches!(
                    lower.as_str(),
                    "test" | "testing" | "demo" | "guest" | "user" | "dev" | "local" | "pass" | "pwd"
                )
        {
            return None;
        }
        let confidence = if literal.site == Site::Config { Confidence::Medium } else { Confidence::High };
        return judged(literal, Kind::Password, strength(value), confidence, None, value);
    }
    let words = classify::words(name);
    if !is_token(name, value, literal.site) {
        // A client's secret is often chosen like a password, and as weak.
        let client = words.ends_with(&["client".to_owned(), "secret".to_owned()]) || lower_name == "clientsecret";
        let plausible = client
            && matches!(literal.site, Site::Key | Site::Variable | Site::Argument)
            && value.len() >= 4
            && is_password(value)
            && !classify::is_sensitive_name(value)
            && !value.contains(char::is_whitespace);
        return if plausible || is_signing_phrase(literal, &words, value) {
            judged(literal, Kind::Key, Severity::Medium, Confidence::Medium, None, value)
        } else {
            None
        };
    }
    let kind = match () {
        () if lower_name == "x-vault-token" || lower_name == "vault_token" => Kind::Manager,
        () if words.iter().any(|word| word.contains("key") || word.contains("secret") || word == "internal") => {
            Kind::Key
        }
        () => Kind::Token,
    };
    let confidence = if classify::looks_random(value) { Confidence::High } else { Confidence::Medium };
    judged(literal, kind, Severity::High, confidence, None, value)
}

/// `SECRET = "shop-super-secret-signing-key"`: what people type where a key is to be signed with. A secret's name in a manager is
/// shorter, or has a slash in it.
fn is_signing_phrase(literal: &Literal, name: &[String], value: &str) -> bool {
    let words = classify::words(value);
    matches!(literal.site, Site::Variable | Site::Key | Site::Argument)
        && matches!(name, [.., last] if last == "secret")
        && value.len() >= 20
        && words.len() >= 4
        && words.iter().any(|word| word == "secret")
        && words.iter().any(|word| matches!(word.as_str(), "key" | "sign" | "signing" | "jwt" | "phrase"))
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        && !value.bytes().any(|b| b.is_ascii_uppercase())
        && !classify::is_dummy_token(value)
}

fn strength(value: &str) -> Severity {
    if WEAK.contains(&value.to_lowercase().as_str()) || value.len() < 4 { Severity::Medium } else { Severity::High }
}

/// `Authorization: Bearer …`, `Basic …`, or a bare token.
fn by_authorization(literal: &Literal, value: &str) -> Option<Judged> {
    let scheme = classify::auth_scheme(value).unwrap_or(0);
    let secret = value[scheme..].trim();
    if value[..scheme].to_lowercase().starts_with("basic") {
        let plausible = secret.len() >= 8
            && secret
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'-' | b'_' | b':'));
        return if plausible && !classify::is_dummy_token(secret) {
            judged(literal, Kind::Basic, Severity::High, Confidence::High, None, secret)
        } else {
            None
        };
    }
    if classify::is_dummy_token(value)
        || secret.contains(' ')
        || secret.len() < 8
        || is_wordy(secret)
        || is_header_name(secret)
        || is_code_name(secret)
    {
        return None;
    }
    let confidence = if classify::looks_random(secret) { Confidence::High } else { Confidence::Medium };
    judged(literal, Kind::Token, Severity::High, confidence, None, secret)
}

/// A `Cookie` header: worth it if one of its cookies opens a session.
fn by_cookies(literal: &Literal, value: &str) -> Option<Judged> {
    opening(value)?;
    judged(literal, Kind::Cookie, Severity::High, Confidence::High, None, literal.value.trim())
}

/// The value of the first cookie of a header that opens a session.
fn opening(header: &str) -> Option<&str> {
    header.split(';').find_map(|pair| {
        let (name, secret) = pair.split_once('=')?;
        let name = name.trim().to_lowercase();
        let secret = secret.trim();
        let opens = SESSIONS.iter().any(|session| name.contains(session))
            && !TRACKERS.iter().any(|tracker| name.contains(tracker))
            && !classify::is_dummy_token(secret)
            && !secret.contains("{}")
            && (classify::looks_random(secret) || secret.len() >= 12 && secret.bytes().any(|b| b.is_ascii_digit()));
        opens.then_some(secret)
    })
}

/// What makes two places of a secret one: of the cookies of a recording the session, since others change from request to request.
pub fn identity(judged: &Judged) -> &str {
    match judged.kind {
        Kind::Cookie => opening(&judged.secret).unwrap_or(&judged.secret),
        _ => &judged.secret,
    }
}

/// Names of fields, selectors, paths, URLs, references: what tells where a secret is, and is none.
fn is_elsewhere(value: &str) -> bool {
    // `#password-field` is a selector, `#Summer2024` is not.
    let selector = value.strip_prefix('#').is_some_and(|rest| {
        rest.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'-' | b'_' | b'.' | b'#'))
            || rest.to_lowercase().contains("pass")
    });
    let start = [
        "/",
        "./",
        "../",
        "http://",
        "https://",
        "$.",
        "//",
        "input[",
        "arn:",
        "projects/",
        "vault:",
        "env:",
        "file:",
        "secret/",
        "{{",
        "op://",
        "sm://",
        "@Microsoft.KeyVault",
        "urn:",
        "xpath=",
        "css=",
        "id=",
        "name=",
    ];
    // `@file.json` is where it is, `@dm1n!` is what it is.
    let file = value.strip_prefix('@').is_some_and(is_wordy);
    // Base64 begins with a slash now and then; what it goes on with is no path.
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let random = value.len() >= 32
        && digits > 2
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
        && classify::looks_random(value);
    selector
        || file
        || start.iter().any(|start| value.starts_with(start)) && !value.contains("://:") && !random
        || value.contains("[name=")
        || value.contains("(?P<")
        || is_selector(value)
        || is_path(value)
}

/// `input#password`, `form.login`: an element of a page.
fn is_selector(value: &str) -> bool {
    let Some(at) = value.find(['#', '.', '[', ':']) else { return false };
    let plain =
        |b: u8| b.is_ascii_lowercase() || matches!(b, b'-' | b'_' | b'.' | b'#' | b'[' | b']' | b'=' | b'"' | b'\'');
    matches!(
        &value[..at],
        "input" | "form" | "button" | "div" | "span" | "label" | "select" | "textarea" | "a" | "p" | "li" | "td"
    ) && value.bytes().all(plain)
}

/// `tests/config/ssh-key`, `realms/{realm}/users`: words between slashes. What base64 has between slashes is none.
fn is_path(value: &str) -> bool {
    let word = |part: &str| {
        let part = part.trim_matches(['{', '}', '<', '>']);
        part.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b'-' | b'.'))
            || part.len() <= 3 && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    value.contains('/')
        && !value.contains(char::is_whitespace)
        && value.split('/').all(word)
        && value.split('/').filter(|part| part.len() > 2).count() > 1
}

/// Whether a name is that of a number that somebody types in place of a password: `pin`, `card_pin`, `mpin`.
pub fn is_pin(name: &str) -> bool {
    let end = name.len().checked_sub(3).and_then(|start| name.get(start..));
    if !end.is_some_and(|end| end.eq_ignore_ascii_case("pin")) {
        return false;
    }
    let words = classify::words(name);
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [word] => matches!(word, "pin" | "mpin" | "tpin" | "upin" | "userpin" | "cardpin"),
        [.., before, "pin"] => PINS.contains(&before),
        _ => false,
    }
}

/// Whether a value may be such a number: not one that everybody takes for a sample.
fn is_pin_number(value: &str) -> bool {
    let step = |pair: &[u8], by: u8| pair[1] == pair[0].wrapping_add(by);
    let sample = [0, 1, 255].into_iter().any(|by| value.as_bytes().windows(2).all(|pair| step(pair, by)));
    (4..=8).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit()) && !sample
}

/// Whether somebody made a password of words like these: `load_test_password`, rather than naming a field.
fn is_chosen(value: &str) -> bool {
    classify::words(value).iter().any(|word| {
        matches!(
            word.as_str(),
            "test"
                | "load"
                | "loadtest"
                | "perf"
                | "locust"
                | "secure"
                | "strong"
                | "demo"
                | "secret"
                | "super"
                | "stress"
        )
    })
}

/// Whether a value may be somebody's password.
fn is_password(value: &str) -> bool {
    let value = value.trim();
    let lower = value.to_lowercase();
    let text = value.len() > 24 && value.split_whitespace().count() > 3;
    let field = lower.contains('_')
        && is_wordy(value)
        && !is_chosen(value)
        && (classify::is_sensitive_name(value) || classify::why_not(value).is_some())
        || lower.ends_with("_password") && !is_chosen(value)
        || lower.starts_with("id_pass")
        || lower.ends_with("passwordfield")
        || lower.ends_with("-password") && value.starts_with('-');
    !(classify::is_dummy(value)
        || value.len() < 2
        || text
        || field
        || value.len() > 200
        || value.contains("{}")
        || is_elsewhere(value) && value.len() > 3 && value.starts_with(['/', '#', '.', 'h', 'i'])
        || is_selector(value)
        || value.contains('.') && value.contains('_') && is_code_name(value)
        || REFUSED.iter().any(|part| lower.contains(part))
        // What a test of security sends.
        || ["' or ", "\" or ", "or 1=1", "'--", "<script", "; drop ", "' and "].iter().any(|part| lower.contains(part))
        || matches!(
            lower.as_str(),
            "basic"
                | "bearer"
                | "client_credentials"
                | "refresh_token"
                | "plain"
                | "text"
                | "credentials"
                | "password_grant"
                | "new_password"
                | "anonymous"
                | "anonymous@"
        ))
}

/// Whether a value may be a token or key that somebody issued.
fn is_token(name: &str, value: &str, site: Site) -> bool {
    let value = value.trim();
    if value.contains(char::is_whitespace)
        || value.contains("{}")
        // A path of Windows, a key of its registry, a pattern.
        || value.contains(['\\', '[', '(', '<', '|', '"'])
        || is_header_name(value)
        || value.len() < 6
        || classify::is_dummy_token(value)
        || is_elsewhere(value)
    {
        return false;
    }
    if REFUSED.iter().any(|part| value.to_lowercase().contains(part))
        || value.eq_ignore_ascii_case(name)
        || is_code_name(value)
    {
        return false;
    }
    // `SHOP_KEY = "shop_key"`: only as the name of an environment variable is it one of a secret.
    if is_wordy(value) && !classify::is_sensitive_name(&name.to_lowercase()) {
        return false;
    }
    let words = classify::words(name);
    // A session's or request's id is often just a uuid that the script makes up.
    if is_uuid(value) && words.iter().any(|word| word.contains("session")) {
        return false;
    }
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let letters = value.bytes().filter(u8::is_ascii_alphabetic).count();
    if classify::looks_random(value) || digits >= 2 && letters >= 2 && value.len() >= 8 || digits >= 10 {
        return true;
    }
    if value.len() >= 20 && classify::entropy(value) > 3.6 && !is_wordy(value) && !is_field_path(value) {
        return true;
    }
    // Words: real for secrets that people choose, hardly for tokens that machines issue.
    let chosen = words.iter().any(|word| word.contains("secret") || word.contains("key") || word == "internal");
    chosen
        && value.len() >= 8
        && (!classify::is_sensitive_name(value) || has_digit_in_word(value))
        && !(is_wordy(value) && site == Site::Argument)
        && (!is_camel_case(value) || words.iter().any(|word| word.contains("secret")))
}

/// `Access-Control-Allow-Credentials`: words with capitals, joined by hyphens.
fn is_header_name(value: &str) -> bool {
    value.contains('-')
        && value.split('-').all(|part| {
            part.bytes().all(|b| b.is_ascii_alphabetic())
                && part.as_bytes().first().is_some_and(u8::is_ascii_uppercase)
                && (part.len() < 4 || part[1..].bytes().all(|b| b.is_ascii_lowercase()))
        })
}

/// Letters with a capital somewhere behind a small one, `modifiedComponents`: the name of a field.
fn is_camel_case(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_alphabetic())
        && value.as_bytes().windows(2).any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
        && classify::words(value).iter().all(|word| word.len() > 2)
}

/// The name of a module, class or event: `shop.v2._account_token`, `V1TokenCreatedEvent`. Long words, hardly a digit.
fn is_code_name(value: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.as_bytes()[0].is_ascii_digit()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let words = classify::words(value);
    let letters: usize = words.iter().map(String::len).sum();
    value.bytes().filter(u8::is_ascii_digit).count() <= 2
        && value.split('.').all(part)
        && words.len() > 2
        && letters >= 4 * words.len()
        && (value.contains('.')
            || value.bytes().any(|b| b.is_ascii_uppercase()) && value.bytes().any(|b| b.is_ascii_lowercase()))
        && !has_digit_in_word(value)
}

/// `s3rver`: a digit in the place of a letter, as people put it into passwords and nobody into names.
fn has_digit_in_word(value: &str) -> bool {
    value
        .as_bytes()
        .windows(3)
        .any(|three| three[0].is_ascii_alphabetic() && three[1].is_ascii_digit() && three[2].is_ascii_lowercase())
}

/// Names of fields, one inside the other: `DistributionList.NextMarker`.
fn is_field_path(value: &str) -> bool {
    value.split('.').all(|part| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphabetic())
            && classify::words(part).iter().all(|word| word.len() > 2)
    })
}

/// Lower-case words joined by `_`, `-` or `.`: an identifier.
fn is_wordy(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b'-' | b'.'))
        || value.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}

fn is_uuid(value: &str) -> bool {
    value.len() == 36
        && value
            .bytes()
            .enumerate()
            .all(|(i, b)| if matches!(i, 8 | 13 | 18 | 23) { b == b'-' } else { b.is_ascii_hexdigit() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, value: &str, site: Site) -> Option<Kind> {
        let literal =
            Literal { name: name.into(), value: value.into(), spans: Vec::new(), site, block: None, list: None };
        judge(literal, false).map(|judged| judged.kind)
    }

    #[test]
    fn secrets() {
        assert_eq!(kind("password", "hunter2!", Site::Key), Some(Kind::Password));
        assert_eq!(kind("TEST_PASS", "Test1234!", Site::Variable), Some(Kind::Password));
        assert_eq!(kind("password", "test", Site::Key), Some(Kind::Password));
        assert_eq!(kind("Authorization", "Bearer 7f3a9c2d1e5b8a60", Site::Header), Some(Kind::Token));
        assert_eq!(kind("Authorization", "Basic YWRtaW46aHVudGVyMg==", Site::Header), Some(Kind::Basic));
        assert_eq!(kind("X-Acme-Key", "mobile-9f2k1", Site::Header), Some(Kind::Key));
        assert_eq!(kind("client_secret", "d0c4e7a1-52b3-4f6e-9a8b-77c1f2e3d4a5", Site::Key), Some(Kind::Key));
        assert_eq!(kind("DB_PASSWORD", "s3cr3tDB", Site::Fallback), Some(Kind::Fallback));
        assert_eq!(kind("DATABASE_URL", "postgresql://app:s3cr3t@db/shop", Site::Variable), Some(Kind::Url));
        let connection = ["perf:", "s3cr3tDB", "@10.1.2.3:3306/shop"].concat();
        assert_eq!(kind("conn_string", &connection, Site::Variable), Some(Kind::Url));
        assert_eq!(kind("password", "#Summer2024x", Site::Key), Some(Kind::Password));
        assert_eq!(kind("password", "load_test_password", Site::Key), Some(Kind::Password));
        assert_eq!(kind("client_secret", "devops", Site::Key), Some(Kind::Key));
        assert_eq!(kind("password", "@Shop2031", Site::Key), Some(Kind::Password));
        assert_eq!(kind("JWT_SECRET", "s3rver-side-signing-passphrase", Site::Variable), Some(Kind::Key));
        assert_eq!(kind("Cookie", "lang=en; sessionid=8f3b2c9d7e6a5f41", Site::Header), Some(Kind::Cookie));
    }

    #[test]
    fn none() {
        for (name, value, site) in [
            ("password", "", Site::Key),
            ("password", "changeme", Site::Key),
            ("password", "<password>", Site::Key),
            ("password", "{{password}}", Site::Key),
            ("password", "#password", Site::Variable),
            ("password", "wrong-password", Site::Key),
            ("grant_type", "password", Site::Key),
            ("token", "access_token", Site::Variable),
            ("token_url", "https://idp.example.com/token", Site::Variable),
            ("Authorization", "Bearer foo", Site::Header),
            ("Authorization", "Bearer ", Site::Header),
            ("Authorization", "Bearer $AUTH_TOKEN", Site::Header),
            ("ACCESS_TOKEN", "ACCESS_TOKEN", Site::Variable),
            ("Cookie", "_ga=GA1.2.1234567890.1234567890; csrftoken=8f3b2c9d7e6a5f41", Site::Header),
            ("private_key", "/etc/ssl/client.key", Site::Variable),
            ("X-CSRF-Token", "8f3b2c9d7e6a5f418f3b2c9d7e6a5f41", Site::Header),
            ("etag", "8f3b2c9d7e6a5f418f3b2c9d7e6a5f41", Site::Variable),
            ("client_id", "d0c4e7a1-52b3-4f6e-9a8b-77c1f2e3d4a5", Site::Key),
            ("X-Api-Key", "test-api-key", Site::Header),
            ("secretName", "my-secret-7f3a", Site::Key),
            ("MODIFIED_COMPONENTS_KEY", "modifiedComponents", Site::Variable),
            ("STATS_KEY", "_hypothesis_stats", Site::Variable),
            ("ACL_CREDENTIALS", "Access-Control-Allow-Credentials", Site::Variable),
            ("token", "[-!#$%&'*+.^_`|~0-9a-zA-Z]+", Site::Variable),
            ("output_token", "DistributionList.NextMarker", Site::Key),
            ("PROXY_AUTHORIZATION", "Proxy-Authorization", Site::Variable),
            ("password", "#password-field", Site::Variable),
            ("password", "x' OR '1'='1", Site::Key),
            ("client_secret", "your-client-secret", Site::Key),
            ("proxy", "scheme://[user:passwd@]proxy.server:port", Site::Variable),
            ("password", "input#password", Site::Key),
            ("password", "id=password", Site::Key),
            ("AUTHN_PASSWORD", "urn:oasis:names:ac:classes:Password", Site::Variable),
            ("PRIVATE_SSH_KEY", "tests/config_files/ssh-key", Site::Variable),
            ("URL_USER_CREDENTIALS", "admin/realms/{realm-name}/users/{id}/credentials", Site::Variable),
            ("v1.issuing_token.created", "V1IssuingTokenCreatedEvent", Site::Entry),
            ("CompanyAuthorization", "shop.params.v2._account_update_params", Site::Key),
            ("account_token", "shop.v2.core._account_token", Site::Entry),
            ("password", "anonymous@", Site::Default),
            ("REGISTRY_KEY", "Software\\Acme\\Client\\{version}", Site::Variable),
        ] {
            assert_eq!(kind(name, value, site), None, "{name}={value}");
        }
    }
}
