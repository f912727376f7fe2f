//! Streaming redaction: takes values, in any encoding, out of text. No I/O.
//!
//! ```
//! use tegmen_redact::{Patterns, Redactor};
//! use tegmen_secret::SecretBytes;
//!
//! # fn main() -> Result<(), tegmen_redact::Refused> {
//! let mut builder = Patterns::builder();
//! builder.value("API_KEY", &SecretBytes::from("correct-horse/battery".to_owned()))?;
//! let patterns = builder.build();
//! assert_eq!(patterns.redact_str("?key=correct-horse%2Fbattery"), "?key=[API_KEY]");
//!
//! // A stream, cut in any way.
//! let (mut redactor, mut out) = (Redactor::new(patterns), Vec::new());
//! redactor.push(b"key correct-ho", &mut out);
//! assert_eq!(out, b"key ");
//! redactor.push(b"rse/battery.", &mut out);
//! redactor.finish(&mut out);
//! assert_eq!(out, b"key [API_KEY].");
//! # Ok(())
//! # }
//! ```
//!
//! # The law
//! Given a set of [`Patterns`], the matches in a text are *all* occurrences of all patterns. Matches that share a byte
//! are one span; a span is shown as the `[label]` of its leftmost match, the longest of those that begin there. Nothing
//! else changes. So:
//!
//! - whichever way a text is cut into writes, [`Redactor`] gives what [`Patterns::redact_bytes`] gives for the whole;
//! - the output contains no pattern, also none that a label and the text beside it would form ([`mod@display`]);
//! - redacting twice is redacting once.
//!
//! # What is held back
//! Of a stream, the longest suffix that could still be the beginning of a match, and nothing else: prompts and progress
//! lines come out at once. Nothing is ever given out because time has passed. When the stream ends, a beginning of a
//! secret that never became one comes out as it is, because the text ended there; where the writer was cut off
//! (killed in the middle of a write), [`Redactor::finish_cut`] masks the beginning instead, if it is long enough to
//! give something away.
//!
//! # What a terminal does not show
//! The text is searched as it stands and as it is seen: without control sequences, carriage returns and folds at the
//! right edge (`veil`). What the law says of a text holds for both.
//!
//! Of what is not seen, sequences and folds within the match that names a span stay, in front of its label; whatever else
//! the span covers goes. So all that stands between two labels is clear text as it was, with some sequences behind it. A
//! sequence that some form could run into from there (it would hold an escape character or a line break) goes as well,
//! and so does what only looks like the beginning of a sequence where a span comes into it: with the label it could be one.
//!
//! One thing is not kept: a line of base64 is told by its length, and a label changes that. Where the break behind such a
//! line is also one of the value's own, and the value has a sequence in it besides, it can be found in the output only.
//!
//! # Values that come and go
//! A set is immutable and cheap to clone: readers hold one and take no lock. [`Patterns::extend`] makes a larger one at
//! the cost of what is added; what was in the old one stays known.
//!
//! ```
//! use tegmen_redact::{Patterns, Redactor};
//! use tegmen_secret::SecretBytes;
//!
//! # fn main() -> Result<(), tegmen_redact::Refused> {
//! let patterns = Patterns::builder().build();
//! let (mut redactor, mut out) = (Redactor::new(patterns.clone()), Vec::new());
//!
//! // A login has answered. `value_or_record` and `record` are for the thousandth token and the records of a pool.
//! let mut builder = patterns.extend();
//! builder.value_or_record("TOKEN", &SecretBytes::from("tok-8Zr2nYt5LxW0".to_owned()))?;
//! redactor.set_patterns(builder.build());
//!
//! redactor.push(b"Bearer tok-8Zr2nYt5LxW0\n", &mut out);
//! assert_eq!(out, b"Bearer [TOKEN]\n");
//! assert_eq!(redactor.counts()["TOKEN"], 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Weak values
//! Values under six bytes and common words match as whole words only, with a [`Warning`]; empty ones and those under
//! three bytes are [`Refused`], for they would mask everything. See [`mod@policy`].
//!
//! # How it searches
//! Not with an automaton: all encodings of ten thousand values would be millions of states. A filter looks at one
//! position in several ([`mod@filter`]) and finds nothing in clean text, at memory speed; where it strikes, a sorted
//! list of all forms decides ([`mod@index`]).

mod bits;
mod builder;
mod counts;
mod display;
mod filter;
mod forms;
mod growing;
mod index;
mod layer;
mod patterns;
mod policy;
#[cfg(any(test, feature = "reference"))]
pub mod reference;
mod spans;
mod stream;
#[cfg(test)]
mod tests;
mod veil;

pub use builder::PatternsBuilder;
pub use counts::Counts;
pub use growing::{Added, Growing};
pub use patterns::Patterns;
pub use policy::{Refused, Warning, Weakness};
pub use stream::Redactor;

/// Every form in which the redactor knows a value: as it is, and in all its encodings. For those who search for more than
/// the whole of one.
pub fn forms(value: &tegmen_secret::SecretBytes) -> Vec<zeroize::Zeroizing<Vec<u8>>> {
    let value = value.expose().trim_ascii();
    let all = if policy::is_long(value) { forms::all(value, forms::Reach::Full) } else { forms::text(value) };
    all.into_vec()
}
