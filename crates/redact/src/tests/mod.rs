//! Tests that need to see inside.

mod encodings;
mod law;
mod policy;
mod stream;

use tegmen_secret::SecretBytes;

use crate::Patterns;

/// Patterns of values, labelled A, B and so on. Values that the policy refuses are left out.
fn patterns(values: &[&[u8]]) -> Patterns {
    let mut builder = Patterns::builder();
    for (number, value) in values.iter().enumerate() {
        let label = char::from(b'A' + (number % 26) as u8).to_string();
        let _ = builder.value(&label, &SecretBytes::new(value.to_vec()));
    }
    builder.build()
}

fn text(patterns: &Patterns, text: &str) -> String {
    patterns.redact_str(text).into_owned()
}
