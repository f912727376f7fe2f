//! Placeholders in XML (XML 1.0): escaped in text and attributes, split where needed in CDATA.

use super::{Clear, Filler, Result, text::Context};
use crate::place::Place;

impl Filler<'_> {
    /// Fills an XML or HTML text.
    pub(super) fn xml(&self, text: &[u8], place: &Place, depth: usize) -> Result<Clear> {
        self.replace(text, place, depth, &mut |context, value| {
            let Ok(value) = std::str::from_utf8(value) else { return Err("it is not text") };
            if value.chars().any(|character| character < ' ' && !matches!(character, '\t' | '\n' | '\r')) {
                return Err("it holds a control character, which XML has no way to write");
            }
            Ok(if in_cdata(&context) { value.replace("]]>", "]]]]><![CDATA[>") } else { escape(value) }.into_bytes())
        })
    }
}

fn in_cdata(context: &Context<'_>) -> bool {
    let last = |needle: &[u8]| memchr::memmem::rfind(context.before, needle);
    last(b"<![CDATA[").is_some_and(|start| last(b"]]>").is_none_or(|end| end < start))
}

fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 16);
    for character in value.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // A parser would turn them into spaces in an attribute, and a carriage return into a line feed in a text.
            '\t' | '\n' | '\r' => out.push_str(&format!("&#{};", character as u32)),
            _ => out.push(character),
        }
    }
    out
}
