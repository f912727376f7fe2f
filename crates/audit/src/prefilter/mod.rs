//! A quick look at text, so that files with nothing to find are never parsed.
//!
//! [`may_have_findings`] asks whether any word stands in a file that a finding needs. [`promising_lines`] looks closer, for the history:
//! it cuts Python into logical lines ([`statements`]) and asks the same judge that the rules ask about every string that stands together
//! with a sensitive name ([`look`]), so that of a hundred versions of a file only those are parsed that have such a line new.

mod look;
mod statements;
mod words;

use look::Look;
pub use look::Seen;

/// Whether a file may have anything to find.
pub fn may_have_findings(text: &[u8]) -> bool {
    words::has_any(text)
}

/// Gives the logical lines that may have a literal secret in them, or change what one on another line is taken for; those that earlier
/// versions of the text have had are not looked at again.
pub fn promising_lines(text: &str, seen: &mut Seen, give: &mut dyn FnMut(&str)) {
    let words = words::find(text);
    Look::new(text, &words).promising(seen, &mut |range| give(&text[range]));
}

/// Whether a text has a word in it that sensitive names are made of.
pub fn has_sensitive_word(text: &[u8]) -> bool {
    words::has_sensitive_word(text)
}
