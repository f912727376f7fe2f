//! Text in XML and HTML. Writers agree on `&amp;` and differ in how they write quotes and what else they escape.

use super::escape;
use super::{Bytes, Forms};

/// How a writer writes the double and the single quote; empty: as it is.
struct Style {
    double: &'static str,
    single: &'static str,
    also: &'static [(char, &'static str)],
}

const fn style(double: &'static str, single: &'static str) -> Style {
    Style { double, single, also: &[] }
}

const STYLES: &[Style] = &[
    // Python's html.escape and React; text nodes and quoteattr; MarkupSafe (Jinja, Flask); libxml2; lodash.
    style("&quot;", "&#x27;"),
    style("", ""),
    style("&#34;", "&#39;"),
    style("&quot;", ""),
    style("&quot;", "&#39;"),
    style("&quot;", "&apos;"),
    // Go's html/template; attributes with line breaks; XML 1.0 canonical form.
    Style { double: "&#34;", single: "&#39;", also: &[('+', "&#43;")] },
    Style { double: "&quot;", single: "", also: &[('\n', "&#10;"), ('\r', "&#13;"), ('\t', "&#9;")] },
    Style { double: "&quot;", single: "", also: &[('\n', "&#xA;"), ('\r', "&#xD;"), ('\t', "&#x9;")] },
];

/// All styles, the usual ones twice (markup in markup), and characters outside ASCII as numbers.
pub(super) fn forms(value: &str, forms: &mut Forms) {
    for style in STYLES {
        forms.add(encode(value, style, false));
        forms.add(encode(value, style, true));
    }
    for style in &STYLES[..4] {
        if let Ok(once) = std::str::from_utf8(&encode(value, style, false)) {
            forms.add(encode(once, &STYLES[0], false));
            forms.add(encode(once, &STYLES[1], false));
        }
    }
}

/// The two styles of HTML pages: for values that are wrapped in something else first.
pub(super) fn html(value: &str, forms: &mut Forms) {
    forms.add(encode(value, &STYLES[0], false));
    forms.add(encode(value, &STYLES[2], false));
}

fn encode(value: &str, style: &Style, ascii: bool) -> Bytes {
    escape::chars(value, |char, out| {
        let escaped = match char {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => style.double,
            '\'' => style.single,
            _ => style.also.iter().find(|(also, _)| *also == char).map_or("", |(_, escaped)| escaped),
        };
        if escaped.is_empty() && ascii && !char.is_ascii() {
            out.extend_from_slice(format!("&#{};", u32::from(char)).as_bytes());
            return true;
        }
        out.extend_from_slice(escaped.as_bytes());
        !escaped.is_empty()
    })
}
