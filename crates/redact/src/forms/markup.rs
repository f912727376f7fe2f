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
        forms.add(encode(value, style, Beyond::AsItIs));
        forms.add(encode(value, style, Beyond::Decimal));
    }
    for style in &STYLES[..5] {
        for beyond in [Beyond::Lower, Beyond::Upper, Beyond::Named] {
            forms.add(encode(value, style, beyond));
        }
    }
    for style in &STYLES[..4] {
        if let Ok(once) = std::str::from_utf8(&encode(value, style, Beyond::AsItIs)) {
            forms.add(encode(once, &STYLES[0], Beyond::AsItIs));
            forms.add(encode(once, &STYLES[1], Beyond::AsItIs));
        }
    }
}

/// How characters outside ASCII are written: as they are, as a number, or by the names that HTML 4 gives Latin-1.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beyond {
    AsItIs,
    Decimal,
    Lower,
    Upper,
    Named,
}

/// The names of U+00A0 to U+00FF (HTML 4.01, section 24.2).
const NAMES: [&str; 96] = [
    "nbsp", "iexcl", "cent", "pound", "curren", "yen", "brvbar", "sect", "uml", "copy", "ordf", "laquo", "not", "shy",
    "reg", "macr", "deg", "plusmn", "sup2", "sup3", "acute", "micro", "para", "middot", "cedil", "sup1", "ordm",
    "raquo", "frac14", "frac12", "frac34", "iquest", "Agrave", "Aacute", "Acirc", "Atilde", "Auml", "Aring", "AElig",
    "Ccedil", "Egrave", "Eacute", "Ecirc", "Euml", "Igrave", "Iacute", "Icirc", "Iuml", "ETH", "Ntilde", "Ograve",
    "Oacute", "Ocirc", "Otilde", "Ouml", "times", "Oslash", "Ugrave", "Uacute", "Ucirc", "Uuml", "Yacute", "THORN",
    "szlig", "agrave", "aacute", "acirc", "atilde", "auml", "aring", "aelig", "ccedil", "egrave", "eacute", "ecirc",
    "euml", "igrave", "iacute", "icirc", "iuml", "eth", "ntilde", "ograve", "oacute", "ocirc", "otilde", "ouml",
    "divide", "oslash", "ugrave", "uacute", "ucirc", "uuml", "yacute", "thorn", "yuml",
];

/// The two styles of HTML pages: for values that are wrapped in something else first.
pub(super) fn html(value: &str, forms: &mut Forms) {
    forms.add(encode(value, &STYLES[0], Beyond::AsItIs));
    forms.add(encode(value, &STYLES[2], Beyond::AsItIs));
}

fn encode(value: &str, style: &Style, beyond: Beyond) -> Bytes {
    escape::chars(value, |char, out| {
        let escaped = match char {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => style.double,
            '\'' => style.single,
            _ => style.also.iter().find(|(also, _)| *also == char).map_or("", |(_, escaped)| escaped),
        };
        if escaped.is_empty() && beyond != Beyond::AsItIs && !char.is_ascii() {
            let number = u32::from(char);
            let entity = match beyond {
                Beyond::Lower => format!("&#x{number:x};"),
                Beyond::Upper => format!("&#x{number:X};"),
                Beyond::Named => match number.checked_sub(0xa0).and_then(|place| NAMES.get(place as usize)) {
                    Some(name) => format!("&{name};"),
                    None => return false,
                },
                Beyond::Decimal | Beyond::AsItIs => format!("&#{number};"),
            };
            out.extend_from_slice(entity.as_bytes());
            return true;
        }
        out.extend_from_slice(escaped.as_bytes());
        !escaped.is_empty()
    })
}
