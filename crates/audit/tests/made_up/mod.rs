//! Values that look real, made when a test runs, so that no scanner trips over the repository: `⟦kind⟧` or `⟦kind:seed⟧`.

/// Letters and digits without a pattern; the same for the same seed.
fn noise(seed: &str, length: usize, alphabet: &[u8]) -> String {
    let mut state = seed
        .bytes()
        .fold(0x9e37_79b9_7f4a_7c15_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(alphabet[(state >> 33) as usize % alphabet.len()])
        })
        .collect()
}

const ALNUM: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &[u8] = b"0123456789abcdef";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A made-up value: `jwt:a`, `hex32:b`, `alnum24`, `github`, `stripe`, `uuid:c`, `basic`, `pem`, `pass:x`.
pub fn made_up(kind: &str) -> String {
    let (kind, seed) = kind.split_once(':').unwrap_or((kind, "0"));
    let length = |prefix: &str| kind[prefix.len()..].parse().unwrap_or(20);
    match kind {
        "jwt" => format!(
            "ey{}{}.ey{}{}.{}",
            "Jh",
            noise(seed, 30, ALNUM),
            "Jz",
            noise(&format!("{seed}b"), 60, ALNUM),
            noise(&format!("{seed}c"), 43, ALNUM)
        ),
        "github" => format!("gh{}{}", "p_", noise(seed, 36, ALNUM)),
        "stripe" => format!("sk_{}{}", "live_", noise(seed, 24, ALNUM)),
        "aws" => format!("AK{}{}", "IA", noise(seed, 16, UPPER)),
        "vault" => format!("hv{}{}", "s.", noise(seed, 28, ALNUM)),
        "zeros" => format!("sk_{}{}", "live_", "0".repeat(48)),
        "basic" => format!("{}==", noise(seed, 22, BASE64)),
        "pass" => format!("{}!{}", noise(seed, 5, ALNUM), noise(seed, 3, b"123456789")),
        "uuid" => format!(
            "{}-{}-4{}-a{}-{}",
            noise(seed, 8, HEX),
            noise(seed, 4, HEX),
            noise(seed, 3, HEX),
            noise(seed, 3, HEX),
            noise(seed, 12, HEX)
        ),
        "pem" => format!(
            "-----BEGIN RSA {0} KEY-----\n{1}\n{2}\n-----END RSA {0} KEY-----",
            "PRIVATE",
            noise(seed, 64, BASE64),
            noise(&format!("{seed}x"), 64, BASE64)
        ),
        _ if kind.starts_with("hex") => noise(seed, length("hex"), HEX),
        _ if kind.starts_with("alnum") => noise(seed, length("alnum"), ALNUM),
        _ => panic!("no such kind of value: {kind}"),
    }
}

/// A text with its values put in, and the values.
pub fn fill(text: &str) -> (String, Vec<String>) {
    let (mut out, mut values) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('⟦') {
        let (kind, after) = after.split_once('⟧').expect("a closing ⟧");
        let value = made_up(kind);
        out.push_str(before);
        out.push_str(&value);
        values.push(value);
        rest = after;
    }
    out.push_str(rest);
    (out, values)
}
