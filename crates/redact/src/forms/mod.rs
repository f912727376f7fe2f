//! The forms of a value: how it looks in each encoding that carries it into an output.
//!
//! A form is in only if it differs from all others of the value. For a value of letters and digits nearly all text
//! escapes are the value itself, and some ten forms remain.

mod base64;
mod cookie;
mod escape;
mod json;
mod lines;
mod markup;
mod python;
mod shell;
mod url;

use zeroize::Zeroizing;

/// Bytes of a form, wiped when dropped.
pub(crate) type Bytes = Zeroizing<Vec<u8>>;

/// The forms of one value, none twice.
#[derive(Default)]
pub(crate) struct Forms(Vec<Bytes>);

impl Forms {
    fn add(&mut self, form: impl Into<Bytes>) {
        let form = form.into();
        if !form.is_empty() && !self.0.contains(&form) {
            // The escapers make room for the worst case; there may be millions of these.
            let is_roomy = form.capacity() > form.len() + 16;
            self.0.push(if is_roomy { Zeroizing::new(form.as_slice().to_vec()) } else { form });
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Bytes> {
        self.0
    }
}

/// How much is made of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Everything.
    Full,
    /// Without what is rare and long: base64 twice, hex with something between the bytes.
    Lean,
}

/// Every form of a value that is long enough to be looked for in the middle of a word.
pub(crate) fn all(value: &[u8], reach: Reach) -> Forms {
    let mut forms = text(value);
    binary(value, &mut forms);
    if reach == Reach::Full {
        base64::twice(value, &mut forms);
        for separator in [b':', b' '] {
            for digits in [escape::LOWER, escape::UPPER] {
                forms.add(spaced_hex(value, digits, separator));
            }
        }
        if let Ok(text) = std::str::from_utf8(value) {
            // What tokens carry (RFC 7519).
            let mut inner = Forms::default();
            json::plain(text, &mut inner);
            for json in inner.into_vec().iter().filter(|json| json.as_slice() != value) {
                base64::forms(json, &mut forms);
            }
        }
    }
    if let Some(latin1) = latin1(value) {
        // Python's requests sends user and password as latin-1, and so does http.client with header values.
        forms.add(latin1.clone());
        url::forms(&latin1, &mut forms);
        binary(&latin1, &mut forms);
    }
    lines::forms(value, &mut forms);
    forms
}

/// The text as it is.
pub(crate) fn one(text: &[u8]) -> Forms {
    let mut forms = Forms::default();
    forms.add(text.to_vec());
    forms
}

/// A long token as it is, in a URL and in JSON.
pub(crate) fn of_long_token(value: &[u8]) -> Forms {
    let mut forms = one(value);
    url::common(value, &mut forms);
    if let Ok(text) = std::str::from_utf8(value) {
        json::plain(text, &mut forms);
    }
    forms
}

/// The value as it is and escaped: the forms in which it is still a word.
pub(crate) fn text(value: &[u8]) -> Forms {
    let mut forms = Forms::default();
    forms.add(value.to_vec());
    if value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(byte)) {
        // No escape touches these: what follows would make the same form a hundred times.
        url::every_byte(value, &mut forms);
        return forms;
    }
    url::forms(value, &mut forms);
    python::bytes_forms(value, &mut forms);
    shell::forms(value, &mut forms);
    if let Ok(value) = std::str::from_utf8(value) {
        json::forms(value, &mut forms);
        markup::forms(value, &mut forms);
        cookie::forms(value, &mut forms);
        python::text_forms(value, &mut forms);
        nested(value, &mut forms);
    }
    forms
}

/// One encoding within another, where that occurs in practice. JSON in JSON and URL in URL are with their own.
fn nested(value: &str, forms: &mut Forms) {
    let mut inner = Forms::default();
    json::plain(value, &mut inner);
    for json in inner.into_vec().iter().filter(|json| json.as_slice() != value.as_bytes()) {
        url::common(json, forms);
        if let Ok(json) = std::str::from_utf8(json) {
            python::text_forms(json, forms);
            markup::html(json, forms);
        }
    }
    let mut inner = Forms::default();
    python::text_forms(value, &mut inner);
    for repr in inner.into_vec().iter().filter(|repr| repr.as_slice() != value.as_bytes()) {
        if let Ok(repr) = std::str::from_utf8(repr) {
            json::plain(repr, forms);
            python::text_forms(repr, forms);
        }
    }
}

/// The forms in which the value is a part of something else's bytes.
fn binary(value: &[u8], forms: &mut Forms) {
    base64::forms(value, forms);
    for digits in [b"0123456789abcdef", b"0123456789ABCDEF"] {
        let mut hex = Zeroizing::new(Vec::with_capacity(value.len() * 2));
        for byte in value {
            hex.extend([digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]);
        }
        forms.add(hex);
    }
    if let Ok(text) = std::str::from_utf8(value) {
        utf16(text, forms);
    }
}

/// Hexadecimal digits with something between the bytes: Python's `hex(":")`, fingerprints, dumps.
fn spaced_hex(value: &[u8], digits: &[u8; 16], separator: u8) -> Bytes {
    let mut hex = Zeroizing::new(Vec::with_capacity(value.len() * 3));
    for byte in value {
        hex.extend([digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)], separator]);
    }
    hex.pop();
    hex
}

/// UTF-16 in both byte orders. The zero byte at the outer edge is left off: of ASCII both orders are then one form.
fn utf16(text: &str, forms: &mut Forms) {
    let mut little = Zeroizing::new(Vec::with_capacity(text.len() * 2));
    let mut big = Zeroizing::new(Vec::with_capacity(text.len() * 2));
    for unit in text.encode_utf16() {
        little.extend(unit.to_le_bytes());
        big.extend(unit.to_be_bytes());
    }
    if little.last() == Some(&0) {
        little.pop();
    }
    if big.first() == Some(&0) {
        big.remove(0);
    }
    forms.add(little);
    forms.add(big);
}

/// The value in latin-1, where that is another one than in UTF-8.
fn latin1(value: &[u8]) -> Option<Bytes> {
    let text = std::str::from_utf8(value).ok().filter(|text| !text.is_ascii())?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    for char in text.chars() {
        bytes.push(u8::try_from(u32::from(char)).ok()?);
    }
    Some(bytes)
}
