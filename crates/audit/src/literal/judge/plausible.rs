//! Which values may be a password, a token or a number to enter with, and which tell where one is, or what it is called.

use tegmen_classify as classify;

use crate::literal::Site;

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

/// Names of fields, selectors, paths, URLs, references: what tells where a secret is, and is none.
pub(super) fn is_elsewhere(value: &str) -> bool {
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
pub(super) fn is_pin_number(value: &str) -> bool {
    let step = |pair: &[u8], by: u8| pair[1] == pair[0].wrapping_add(by);
    let sample = [0, 1, 255].into_iter().any(|by| value.as_bytes().windows(2).all(|pair| step(pair, by)));
    (4..=8).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit()) && !sample
}

/// Whether a name is that of the user and password of a schema registry: `basic.auth.user.info`.
pub fn is_user_info(name: &str) -> bool {
    name.len() < 80 && name.ends_with("auth.user.info")
}

/// Whether a name says of a key no more than that it is one. The value has to say the rest.
pub fn is_plain_key(name: &str) -> bool {
    name.eq_ignore_ascii_case("key")
}

/// Whether a value is a key as devices and stores have it: at least 24 bytes in base64, filled up with `=`.
pub(super) fn is_encoded_key(value: &str) -> bool {
    let bare = value.trim_end_matches('=');
    value.len() >= 40
        && value.len().is_multiple_of(4)
        && (1..=2).contains(&(value.len() - bare.len()))
        && bare.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
        && classify::looks_random(bare)
        && bare.bytes().any(|b| b.is_ascii_uppercase())
        && bare.bytes().any(|b| b.is_ascii_lowercase())
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
pub(super) fn is_password(value: &str) -> bool {
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
                | "passed"
                | "passing"
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
pub(super) fn is_token(name: &str, value: &str, site: Site) -> bool {
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
pub(super) fn is_header_name(value: &str) -> bool {
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
pub(super) fn is_code_name(value: &str) -> bool {
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
pub(super) fn is_wordy(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b'-' | b'.'))
        || value.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}

pub(super) fn is_uuid(value: &str) -> bool {
    value.len() == 36
        && value
            .bytes()
            .enumerate()
            .all(|(i, b)| if matches!(i, 8 | 13 | 18 | 23) { b == b'-' } else { b.is_ascii_hexdigit() })
}
