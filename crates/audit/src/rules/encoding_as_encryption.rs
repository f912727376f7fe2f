//! `encoding-as-encryption`.

use std::collections::HashSet;

use tegmen_classify as classify;
use tegmen_findings::{Confidence, Severity};

use super::shared::calls;
use crate::context::{Candidate, Context};

rule! {
    /// ## What it does
    /// Finds functions named `encrypt…`, `decrypt…`, `obfuscate…` or `protect…` that do nothing but Base64, ROT13,
    /// hexadecimal or reversing. Off unless it is selected.
    ///
    /// ## Why is this bad?
    /// Whoever has the text has the value: decoding takes a moment and no key. What looks protected is then handled as
    /// if it were.
    ///
    /// ## Example
    /// ```python
    /// def encrypt(password):
    ///     return base64.b64encode(password.encode())
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// from tegmen import secret
    ///
    /// PASSWORD = secret("SHOP_PASSWORD")  # nothing to hide in the script
    /// ```
    ///
    /// ## Severity and confidence
    /// Low, and off by default: often it is the target that asks for this encoding, and only the name is wrong.
    ///
    /// ## Fix safety
    /// There is no automatic fix: what to do instead depends on what the value is for.
    ///
    /// ## References
    /// - CWE-261: Weak Encoding for Password <https://cwe.mitre.org/data/definitions/261.html>
    /// - CWE-327: Use of a Broken or Risky Cryptographic Algorithm <https://cwe.mitre.org/data/definitions/327.html>
    /// - OWASP Cryptographic Storage Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Cryptographic_Storage_Cheat_Sheet.html>
    ENCODING_AS_ENCRYPTION, "TGM505", "encoding-as-encryption", Low, "an encoding is used as if it were encryption", off
}

/// Calls that hide nothing.
const ENCODINGS: &[&str] = &["b64encode", "b64decode", "b32encode", "b32decode", "hexlify", "unhexlify", "urlsafe_b64encode"];

/// Calls that do.
const CIPHERS: &[&str] = &["encrypt", "decrypt", "encryptor", "decryptor", "new", "Fernet", "AESGCM", "public_encrypt", "crypt"];

/// Looks at functions whose name promises encryption.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, _)) = context.python() else { return };
    if !context.locust {
        return;
    }
    let mut encoding = HashSet::new();
    let mut ciphering = HashSet::new();
    for (id, func, _) in calls(module) {
        let Some(function) = module.function_at(module.block_of(id)) else { continue };
        let tail = module.tail_str(func).unwrap_or_default();
        if ENCODINGS.contains(&tail) {
            encoding.insert(function);
        } else if CIPHERS.contains(&tail) {
            ciphering.insert(function);
        }
    }
    for (id, function) in module.function_ids() {
        let name = module.symbol(function.name);
        let words = classify::words(name);
        let promises = words
            .iter()
            .any(|word| ["encrypt", "decrypt", "obfuscate", "encipher", "decipher"].contains(&word.as_str()));
        if !promises || !encoding.contains(&id) || ciphering.contains(&id) {
            continue;
        }
        let rule = &ENCODING_AS_ENCRYPTION;
        let mut candidate = Candidate::new(rule, Severity::Low, Confidence::Medium, module.line_span(module.line_of(function.span.start)));
        candidate.name = name.to_owned();
        candidate.message = format!("`{name}` encodes and does not encrypt");
        candidate.block = Some(function.body);
        out.push(candidate);
    }
}
