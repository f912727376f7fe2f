//! Values that stand in for a secret and are none.

use crate::prefix::auth_scheme;
use crate::{known_prefix, words};

/// Whole values (in lower case) that nobody has to protect.
#[rustfmt::skip]
const WHOLE: &[&str] = &[
    "none", "null", "nil", "undefined", "true", "false", "n/a", "na", "unset", "notset", "not_set", "not-set",
    "not set", "missing", "not_found", "not-found", "notfound", "not found", "not_available", "not_defined", "none_found", "unknown", "empty", "default", "foo", "bar", "baz", "foobar", "foo bar", "qux", "string",
    "str", "todo", "fixme", "tbd", "dummy", "fake", "sample", "example", "placeholder", "redacted", "masked",
    "hidden", "removed", "changeit", "changethis", "changeme", "change_me", "change-me", "change me", "replaceme",
    "replace_me", "replace-me", "not-provided", "not_provided", "value", "blah", "lorem", "optional", "required", "error",
    "abc", "xyz", "invalid", "no", "yes", "off", "on", "...", "…", "-", "--", "_",
];

/// Parts (in lower case) that give a stand-in away.
#[rustfmt::skip]
const PARTS: &[&str] = &[
    "changeme", "change_me", "change-me", "change_this", "change-this", "changethis", "change-in-prod", "replace_",
    "replace-me", "replaceme", "replace-with", "replace with", "your_", "your-", "your ", "<your", "yourtoken",
    "yourpassword", "yourapikey", "yoursecret", "placeholder", "redacted", "insert_", "insert-", "insert ", "_here",
    "-here", " here", "put_your", "add_your", "enter_", "enter your", "fill_in", "fill in", "dummy", "example",
    "xxxx", "****", "....", "…", "____", "not_a_real", "not-a-real", "notreal", "to_be_", "to-be-", "fake-", "fake_",
    "faketoken", "fakekey", "sample-", "sample_", "goes_here", "goes-here",
];

/// Words that values of keys and tokens are made of when nobody meant them: `test-api-key-123`.
#[rustfmt::skip]
const FILLER: &[&str] = &[
    "test", "tests", "testing", "demo", "fake", "dummy", "sample", "example", "my", "your", "our", "the", "a", "an",
    "some", "any", "api", "key", "apikey", "token", "tokens", "secret", "secrets", "access", "auth", "authorization",
    "bearer", "user", "valid", "invalid", "wrong", "bad", "good", "load", "loadtest", "perf", "performance", "locust",
    "mock", "stub", "foo", "bar", "baz", "abc", "abcd", "abcdef", "xyz", "x", "xx", "xxx", "jwt", "here", "is", "for",
    "value", "placeholder", "none", "null", "undefined", "not", "set", "super", "id", "refresh", "client", "app",
    "service", "session", "password", "pass", "local", "dev", "development", "default", "string", "unknown",
    "mytoken", "testtoken", "testkey", "expired", "anonymous", "guest", "hello", "world", "something", "anything",
    "random", "login", "internal", "new", "old", "change", "me", "this", "in", "production", "real", "qwerty", "asdf",
    "asd", "basic", "and", "it", "cookie", "csrf", "header", "hash", "code", "public", "private", "benchmark",
    "bench", "stress", "smoke",
];

/// Whether `value` stands in for a secret: `changeme`, `your-…`, `<token>`, `{{x}}`, `$X`, `${X}`, `xxxx`, `ACCESS_TOKEN`,
/// a known prefix and zeros, `Bearer foo`, nothing at all.
///
/// Weak values that may well be somebody's password (`test`, `123456`, `secret`) are none: see [`is_dummy_token`].
pub fn is_dummy(value: &str) -> bool {
    let value = value.trim_start();
    let value = value[known_prefix(value).unwrap_or(0)..].trim();
    if value.is_empty() || is_template(value) || is_one_pattern(value) || is_address(value) {
        return true;
    }
    // Long values are looked at as a whole only where they consist of words: chance puts "xxxx" into a real one.
    let lower = value.to_lowercase();
    if WHOLE.contains(&lower.as_str()) {
        return true;
    }
    if lower.len() <= 80 && PARTS.iter().any(|part| lower.contains(part)) {
        return true;
    }
    is_name_of_itself(value)
}

/// Whether `value`, standing where a key or a token should, is a stand-in: what [`is_dummy`] says, and values made of
/// filler words (`test-api-key-123`, `Bearer mytoken`), too short or too simple to be issued by anything.
pub fn is_dummy_token(value: &str) -> bool {
    if is_dummy(value) {
        return true;
    }
    let value = value.trim();
    let value = value[auth_scheme(value).unwrap_or(0)..].trim();
    let core = &value[known_prefix(value).unwrap_or(0)..];
    let digits = core.bytes().filter(u8::is_ascii_digit).count();
    if core.len() < 5 || (digits == core.len() && digits < 8) || is_counting(core) {
        return true;
    }
    let words = words(core);
    let filler = words.iter().all(|word| FILLER.contains(&word.as_str()));
    // Words and a few digits: `test-token-1`. Many digits among them are hardly filler.
    if filler && !words.is_empty() && digits <= 6 {
        return true;
    }
    // `test_ingest_key_12345`: it says that it is for tests and what it stands for, and ends in digits that count.
    let says = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let tail: String = core.chars().skip_while(|c| !c.is_ascii_digit()).collect();
    says(&["test", "testing", "fake", "dummy", "sample", "mock", "demo", "loadtest", "example"])
        && says(&["key", "token", "apikey", "secret"])
        && core.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
        && words.iter().all(|word| word.len() > 2)
        && tail.bytes().all(|b| b.is_ascii_digit())
        && (digits <= 3 || "1234567890".starts_with(tail.as_str()))
}

/// Templates, references and commands that bring the value from elsewhere.
fn is_template(value: &str) -> bool {
    let bytes = value.as_bytes();
    if value == "{}" {
        return true;
    }
    let wrapped = |open: &str, close: &str| {
        value.len() > open.len() + close.len() && value.starts_with(open) && value.ends_with(close)
    };
    if wrapped("<", ">")
        || wrapped("{", "}")
        || wrapped("[", "]")
        || wrapped("%", "%")
        || wrapped("__", "__")
        || wrapped("((", "))")
        || wrapped("@", "@")
    {
        return !value.contains('"') && value.len() < 120;
    }
    if value.contains("${")
        || value.contains("{{")
        || value.contains("$(")
        || value.contains("%(")
        || value.contains("<%")
    {
        return true;
    }
    if matches!(value, "%s" | "%r" | "%d") {
        return true;
    }
    // `$AUTH_TOKEN`: the whole of it a shell name.
    bytes[0] == b'$'
        && bytes.len() > 2
        && (bytes[1].is_ascii_alphabetic() || bytes[1] == b'_')
        && bytes[1..].iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_')
}

/// The address of an account or a contract of Ethereum, which everybody may know: `USDC_TOKEN = "0x…"`. A private key has 64 digits.
fn is_address(value: &str) -> bool {
    value.len() == 42 && value.starts_with("0x") && value[2..].bytes().all(|b| b.is_ascii_hexdigit())
}

/// One character, or one short group, again and again: `00000000`, `xxxx-xxxx`, `abababab`.
fn is_one_pattern(value: &str) -> bool {
    let bytes: Vec<u8> = value.bytes().filter(|b| !matches!(b, b'-' | b'_' | b'.' | b' ' | b':')).collect();
    let Some(first) = bytes.first() else { return true };
    bytes.len() >= 3 && bytes.iter().all(|byte| byte == first) && !first.is_ascii_digit()
        || bytes.len() >= 8 && bytes.iter().all(|byte| byte == first)
}

/// `123456…`, `abcdefgh…`: each character one more than the one before.
fn is_counting(value: &str) -> bool {
    let bytes = value.as_bytes();
    if bytes.len() < 6 {
        return false;
    }
    let steps = bytes
        .windows(2)
        .filter(|pair| pair[1] == pair[0].wrapping_add(1) || matches!((pair[0], pair[1]), (b'9', b'0' | b'a')))
        .count();
    steps + 2 >= bytes.len()
}

/// `ACCESS_TOKEN`: the value is a name in capitals, with at least one underscore.
fn is_name_of_itself(value: &str) -> bool {
    value.contains('_') && value.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') && crate::is_sensitive_name(value)
}

/// Shannon's entropy of the bytes of `value`, in bits a byte.
pub fn entropy(value: &str) -> f64 {
    let mut counts = [0u32; 256];
    for byte in value.bytes() {
        counts[byte as usize] += 1;
    }
    let total = value.len() as f64;
    counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / total).map(|p| -p * p.log2()).sum()
}

/// Whether `value` looks made by a machine: no blanks, at least 16 bytes, letters and digits mixed, and hardly any repetition.
pub fn looks_random(value: &str) -> bool {
    if value.len() < 16 || value.bytes().any(|b| b.is_ascii_whitespace()) {
        return false;
    }
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let letters = value.bytes().filter(u8::is_ascii_alphabetic).count();
    digits >= 2 && letters >= 2 && entropy(value) >= if value.len() >= 32 { 3.2 } else { 3.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins() {
        for value in [
            "",
            " ",
            "changeme",
            "CHANGE_ME",
            "your-api-key",
            "YOUR_TOKEN_HERE",
            "<token>",
            "{{password}}",
            "$AUTH_TOKEN",
            "${API_KEY}",
            "xxxxxxxx",
            "ACCESS_TOKEN",
            "foo",
            "Bearer foo",
            "Bearer <token>",
            "example-token",
            "****",
            "undefined",
            "None",
            "%s",
            "{token}",
            "Bearer {}",
            "Bearer ",
            "not-set",
            "NOT_FOUND",
            "REPLACE_ME",
            "dummy-token",
            "Bearer {{token}}",
            "xxxx-xxxx-xxxx",
            "redacted",
        ] {
            assert!(is_dummy(value), "{value:?}");
        }
        assert!(is_dummy(&format!("0x{}", "a1b2C3d4e5".repeat(4))));
        assert!(!is_dummy(&format!("0x{}", "a1b2C3d4".repeat(8))));
        let zeros = format!("sk_{}{}", "live_", "0".repeat(48));
        assert!(is_dummy(&zeros));
    }

    #[test]
    fn weak_but_real() {
        for value in [
            "test",
            "123456",
            "secret",
            "hunter2",
            "password",
            "Passw0rd!",
            "admin",
            "education",
            "P@$$w0rd",
            "$ecret1",
            "000000",
        ] {
            assert!(!is_dummy(value), "{value:?}");
        }
    }

    #[test]
    fn filler_tokens() {
        for value in [
            "test-token",
            "Bearer test",
            "my-api-key-123",
            "Bearer mytoken",
            "Bearer abc123",
            "token",
            "12345",
            "1234567890abcdef",
            "test_key_1",
            "test_ingest_key_12345",
            "loadtest-shop-token",
        ] {
            assert!(is_dummy_token(value), "{value:?}");
        }
        for value in
            ["Bearer 7fK2pQ9xLm", "k3y-9f8a7b6c5d", "aGVsbG8gd29ybGQh", "Token 83921ac7719e", "test_key_93b1f77a2c"]
        {
            assert!(!is_dummy_token(value), "{value:?}");
        }
    }

    #[test]
    fn random() {
        assert!(looks_random("aZ3kQ9mB7xR2wT5y"));
        assert!(!looks_random("application/json"));
        assert!(!looks_random("aaaaaaaaaaaaaaaa11"));
        assert!(entropy("") == 0.0);
    }
}
