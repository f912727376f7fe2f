//! XML: elements and attributes, and the properties of JMeter, whose names stand in an attribute.

use super::collector::Collector;
use super::tree::sensitive_name;

/// Reads the text as XML.
pub fn read(collector: &mut Collector<'_>) {
    let text = collector.text();
    let mut at = 0;
    // `<stringProp name="Header.name">Authorization</stringProp>` says what the next value is.
    let mut header = "";
    while let Some(open) = memchr::memchr(b'<', &text.as_bytes()[at..]).map(|next| next + at) {
        let rest = &text[open..];
        if rest.starts_with("<!--") {
            at = rest.find("-->").map_or(text.len(), |end| open + end + 3);
            continue;
        }
        let Some(close) = rest.find('>').map(|end| open + end) else { return };
        at = close + 1;
        let tag = &text[open + 1..close];
        if tag.starts_with(['/', '!', '?']) {
            continue;
        }
        let element = tag.split([' ', '\t', '\n', '/']).next().unwrap_or_default();
        let attributes = attributes(text, open + 1 + element.len()..close);
        let attribute =
            |name: &str| attributes.iter().find(|(known, _)| *known == name).map(|(_, span)| &text[span.clone()]);
        let given = attribute("name").or_else(|| attribute("key"));
        for (name, span) in &attributes {
            let named = *name == "value" && given.is_some();
            let name = if named { given.unwrap_or_default() } else { name };
            collector.value(name, &text[span.clone()], span.clone());
        }
        // `<elementProp name="password" elementType="HTTPArgument">` says it before the value.
        if attribute("elementType") == Some("HTTPArgument") {
            header = given.unwrap_or_default();
        }
        if tag.ends_with('/') {
            continue;
        }
        let end = text[at..].find('<').map_or(text.len(), |end| at + end);
        let value = text[at..end].trim();
        if value.is_empty() {
            continue;
        }
        let start = value.as_ptr() as usize - text.as_ptr() as usize;
        let span = start..start + value.len();
        let name = given.unwrap_or_else(|| element.rsplit(':').next().unwrap_or(element));
        match name {
            "Header.name" | "Argument.name" => header = value,
            "Header.value" | "Argument.value" => drop(collector.value(header, value, span)),
            _ => drop(collector.value(&sensitive_name(&[name]), value, span)),
        }
        at = end;
    }
}

/// The attributes of a tag: names, and where their values stand.
fn attributes(text: &str, range: std::ops::Range<usize>) -> Vec<(&str, std::ops::Range<usize>)> {
    let mut found = Vec::new();
    let mut at = range.start;
    while let Some(equals) = text[at..range.end].find('=').map(|next| at + next) {
        let name = text[at..equals].trim();
        let after = text[equals + 1..range.end].trim_start();
        let Some(mark) = after.chars().next().filter(|mark| matches!(mark, '"' | '\'')) else { break };
        let start = after.as_ptr() as usize - text.as_ptr() as usize + 1;
        let Some(length) = text[start..range.end].find(mark) else { break };
        found.push((name.rsplit([' ', '\n', '\t', ':']).next().unwrap_or(name), start..start + length));
        at = start + length + 1;
    }
    found
}
