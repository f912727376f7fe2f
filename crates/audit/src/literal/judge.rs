//! Which literals are secrets, and which only look like it.

mod plausible;

use memchr::memmem;
use plausible::{
    is_code_name, is_elsewhere, is_encoded_key, is_header_name, is_password, is_pin_number, is_token, is_uuid, is_wordy,
};
pub use plausible::{is_pin, is_plain_key, is_user_info};
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
        let start = memmem::find(value.as_bytes(), name.as_bytes())? + name.len();
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
    if value.len() < 16 || SAMPLES.iter().any(|sample| memmem::find(value.as_bytes(), sample.as_bytes()).is_some()) {
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
    // `"basic.auth.user.info": "key:secret"` of a schema registry.
    if is_user_info(name) {
        let (_, secret) = value.split_once(':')?;
        let ok = is_password(secret) && secret.len() > 3;
        return ok.then(|| judged(literal, Kind::Basic, strength(secret), Confidence::High, None, secret)).flatten();
    }
    if is_plain_key(name) && literal.site == Site::Key {
        return is_encoded_key(value)
            .then(|| judged(literal, Kind::Key, Severity::High, Confidence::Medium, None, value))
            .flatten();
    }
    if classify::is_mnemonic_name(name) {
        return classify::is_mnemonic(value)
            .then(|| {
                judged(literal, Kind::Key, Severity::High, Confidence::High, Some("a wallet's recovery phrase"), value)
            })
            .flatten();
    }
    if is_pin(name) {
        return is_pin_number(value)
            .then(|| judged(literal, Kind::Pin, Severity::Medium, Confidence::Medium, None, value))
            .flatten();
    }
    let sensitive = if literal.site == Site::Header {
        // `("auth", "oauth2_pkce")` may be no header.
        classify::is_sensitive_header(name) || classify::is_auth_field(name) && classify::looks_random(value)
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
