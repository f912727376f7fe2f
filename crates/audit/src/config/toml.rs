//! TOML with places.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::node::{DEPTH, Node, Scalar, Style};

/// The table of a text; `None` if it is no TOML.
pub fn read(text: &str) -> Option<Node<'_>> {
    let table = DeTable::parse(text).ok()?;
    Some(from_table(text, table.into_inner(), 0))
}

fn from_table<'t>(text: &'t str, table: DeTable<'t>, depth: usize) -> Node<'t> {
    let entries = table.into_iter().map(|(key, value)| {
        let span = key.span();
        let key = Scalar { value: key.into_inner(), span, style: Style::Plain };
        (key, from_value(text, value, depth + 1))
    });
    Node::Table(entries.collect())
}

fn from_value<'t>(text: &'t str, value: Spanned<DeValue<'t>>, depth: usize) -> Node<'t> {
    let span = value.span();
    if depth > DEPTH {
        return Node::Nothing;
    }
    match value.into_inner() {
        DeValue::String(value) => {
            // Without its quotes, one or three.
            let raw = &text[span.clone()];
            let quotes = match raw.as_bytes() {
                [b'"', b'"', b'"', ..] | [b'\'', b'\'', b'\'', ..] if raw.len() >= 6 => 3,
                [b'"' | b'\'', _, ..] => 1,
                _ => 0,
            };
            let span = span.start + quotes..span.end - quotes;
            Node::Scalar(Scalar { value, span, style: Style::Quoted })
        }
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
            Node::Scalar(Scalar { value: text[span.clone()].into(), span, style: Style::Plain })
        }
        DeValue::Array(items) => Node::List(items.into_iter().map(|item| from_value(text, item, depth + 1)).collect()),
        DeValue::Table(table) => from_table(text, table, depth),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_places() {
        let text = "[a.b]\nc = \"d\\n\"\ne = '''f'''\ng = [1, {h = 'i'}]\n";
        let node = read(text).unwrap();
        let b = node.get("a").unwrap().get("b").unwrap();
        assert_eq!(&text[b.get("c").unwrap().scalar().unwrap().span.clone()], "d\\n");
        assert_eq!(&text[b.get("e").unwrap().scalar().unwrap().span.clone()], "f");
        assert_eq!(b.get("g").unwrap().items()[1].get("h").unwrap().text(), Some("i"));
        assert!(read("a = ").is_none());
    }
}
