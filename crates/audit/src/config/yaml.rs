//! YAML with places: several documents, anchors, templates.

use std::borrow::Cow;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::map::Map;
use super::node::{DEPTH, Node, Scalar, Style};

/// Larger than this it is data, and searched as text.
const MAX: usize = 8 << 20;

/// The documents of a text; `None` if it is no YAML, not even without the templates in it.
pub fn read(text: &str) -> Option<Vec<Node<'_>>> {
    if text.len() > MAX {
        return None;
    }
    if let Some(found) = parse(text, text) {
        return Some(found);
    }
    let plain = without_templates(text)?;
    parse(text, &plain)
}

/// The documents of `plain`, which is `text` with other characters in places.
fn parse<'t>(text: &'t str, plain: &str) -> Option<Vec<Node<'t>>> {
    let places = Places::new(text);
    let parser = Parser::new_from_str(plain);
    let mut documents = Vec::new();
    // What is open: the table or list, and for a table the key that waits for its value.
    let mut open: Vec<(Node<'t>, Option<Scalar<'t>>)> = Vec::new();
    for event in parser {
        let (event, span) = event.ok()?;
        let node = match event {
            Event::Scalar(value, style, _, tag) => {
                let secret = tag.is_some_and(|tag| tag.suffix.contains("vault") || tag.suffix.contains("encrypted"));
                if secret { Node::Nothing } else { Node::Scalar(scalar(text, &places, &value, style, span)) }
            }
            Event::Alias(_) => Node::Nothing,
            Event::SequenceStart(..) | Event::MappingStart(..) if open.len() > DEPTH => return None,
            Event::SequenceStart(..) => {
                open.push((Node::List(Vec::new()), None));
                continue;
            }
            Event::MappingStart(..) => {
                open.push((Node::Table(Vec::new()), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop()?.0,
            _ => continue,
        };
        match open.last_mut() {
            None => documents.push(node),
            Some((Node::List(items), _)) => items.push(node),
            Some((Node::Table(entries), key)) => match key.take() {
                Some(key) => entries.push((key, node)),
                None => {
                    *key = Some(match node {
                        Node::Scalar(scalar) => scalar,
                        _ => Scalar { value: "".into(), span: 0..0, style: Style::Plain },
                    });
                }
            },
            Some(_) => return None,
        }
    }
    Some(documents)
}

fn scalar<'t>(text: &'t str, places: &Places, value: &str, style: ScalarStyle, span: Span) -> Scalar<'t> {
    let mut range = places.byte(span.start.index())..places.byte(span.end.index());
    // Without its anchor and tag.
    while let Some(rest) = text.get(range.clone()).filter(|raw| raw.starts_with(['&', '!']))
        && let Some(end) = rest.find(char::is_whitespace)
    {
        range.start += end + rest[end..].len() - rest[end..].trim_start().len();
    }
    let raw = text.get(range.clone()).unwrap_or_default();
    let (span, style) = match style {
        ScalarStyle::Plain => (range.start..range.start + raw.trim_end().len(), Style::Plain),
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
            let whole = raw.len() >= 2 && raw.starts_with(['"', '\'']);
            (if whole { range.start + 1..range.end - 1 } else { range }, Style::Quoted)
        }
        ScalarStyle::Literal | ScalarStyle::Folded => (block(text, range), Style::Block),
    };
    // Templates were taken out for the parser: what counts is what stands there.
    let stands = text.get(span.clone()).unwrap_or_default();
    let same = style != Style::Block && value.len() == stands.len();
    let value = if same || stands.contains("{{") { Cow::Borrowed(stands) } else { Cow::Owned(value.to_owned()) };
    Scalar { value, span, style }
}

/// The lines of a block, whole: from the line after its header to its last.
fn block(text: &str, range: Range<usize>) -> Range<usize> {
    let line = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let header = text[range.clone()].trim_start().starts_with(['|', '>']);
    let start = if header || !text[line..range.start].trim().is_empty() {
        text[range.clone()].find('\n').map_or(range.end, |at| range.start + at + 1)
    } else {
        line
    };
    start..range.end.max(start)
}

/// The text of a block without its indentation, and where it stands. `None` if its lines are not indented alike.
pub fn dedented(text: &str, span: Range<usize>) -> Option<(String, Map)> {
    let raw = text.get(span.clone())?;
    let indent = raw.lines().find(|line| !line.trim().is_empty()).map(|line| line.len() - line.trim_start().len())?;
    let mut out = String::with_capacity(raw.len());
    let mut map = Map::default();
    let mut at = span.start;
    for line in raw.split_inclusive('\n') {
        let cut = indent.min(line.len() - line.trim_start_matches(' ').len());
        map.push(out.len(), at + cut);
        out.push_str(&line[cut..]);
        at += line.len();
    }
    Some((out, map))
}

/// Where characters stand, in bytes.
struct Places(Option<Vec<u32>>, usize);

impl Places {
    fn new(text: &str) -> Self {
        let starts = (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at as u32).collect());
        Self(starts, text.len())
    }

    fn byte(&self, character: usize) -> usize {
        match &self.0 {
            Some(starts) => starts.get(character).map_or(self.1, |at| *at as usize),
            None => character.min(self.1),
        }
    }
}

/// The text with every template (`{{ … }}`, `{% … %}`) made harmless, character by character: lines of nothing else become blank.
fn without_templates(text: &str) -> Option<String> {
    if !text.contains("{{") && !text.contains("{%") {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut inside: Option<&str> = None;
    for line in text.split_inclusive('\n') {
        let mut rest = line;
        let mut built = String::with_capacity(line.len());
        let mut other = false;
        loop {
            if let Some(close) = inside {
                let end = rest.find(close).map(|at| at + close.len());
                let covered = &rest[..end.unwrap_or(rest.len())];
                built.extend(covered.chars().map(|c| if matches!(c, '\n' | '\r') { c } else { 'x' }));
                rest = &rest[covered.len()..];
                if end.is_none() {
                    break;
                }
                inside = None;
            }
            let next = ["{{", "{%"].iter().filter_map(|open| rest.find(open)).min();
            let before = &rest[..next.unwrap_or(rest.len())];
            other |= !before.trim().is_empty();
            built.push_str(before);
            let Some(at) = next else { break };
            inside = Some(if rest[at..].starts_with("{{") { "}}" } else { "%}" });
            rest = &rest[at..];
        }
        if other {
            out.push_str(&built);
        } else {
            out.extend(line.chars().map(|c| if matches!(c, '\n' | '\r') { c } else { ' ' }));
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at<'n, 't>(node: &'n Node<'t>, path: &str) -> &'n Scalar<'t> {
        path.split('.').fold(node, |node, key| node.get(key).unwrap()).scalar().unwrap()
    }

    #[test]
    fn values_and_places() {
        let text = "# ä\na: &n b  # c\n'q': \"d\\te\"\nx:\n  y: &k |\n    one\n    two\n  z: *k\n---\nsecond: é\nlist: [u, v]\n";
        let documents = read(text).unwrap();
        let first = &documents[0];
        assert_eq!((&*at(first, "a").value, &text[at(first, "a").span.clone()]), ("b", "b"));
        assert_eq!((&*at(first, "q").value, &text[at(first, "q").span.clone()]), ("d\te", "d\\te"));
        let block = at(first, "x.y");
        assert_eq!(block.value, "one\ntwo\n");
        assert_eq!(text[block.span.clone()].trim_end(), "    one\n    two");
        assert_eq!(dedented(text, block.span.clone()).unwrap().0.trim_end(), "one\ntwo");
        assert_eq!(&text[at(&documents[1], "second").span.clone()], "é");
    }

    #[test]
    fn templates_are_no_obstacle() {
        let text = "{{- if .Values.on }}\na: {{ .Values.p | quote }}\nb: plain-{{ .x }}\n{{- end }}\nc:\n  {{- toYaml . | nindent 2 }}\nd: e\n";
        let documents = read(text).unwrap();
        assert_eq!(at(&documents[0], "a").value, "{{ .Values.p | quote }}");
        assert_eq!(at(&documents[0], "b").value, "plain-{{ .x }}");
        assert_eq!(at(&documents[0], "d").value, "e");
        assert!(read("a: [1, 2\nb: }").is_none());
        assert!(read(&"[".repeat(10_000)).is_none());
    }
}
