//! Notebooks: their cells as one module of Python, and what stands in their outputs.

use super::collector::Collector;
use super::json;
use super::map::Map;
use super::node::{Node, Scalar};
use super::{Label, Part};

/// Reads a notebook.
pub fn read(collector: &mut Collector<'_>, notebook: &Node<'_>) {
    let mut code = String::new();
    let mut map = Map::default();
    let mut starts = Vec::new();
    // Version 3 kept its cells in worksheets.
    let sheets = notebook.get("worksheets").map_or(&[][..], Node::items).iter().filter_map(|sheet| sheet.get("cells"));
    let cells = notebook.get("cells").into_iter().chain(sheets).flat_map(Node::items);
    for (number, cell) in cells.enumerate() {
        let lines: Vec<&Scalar<'_>> = match cell.get("source").or_else(|| cell.get("input")) {
            Some(Node::List(items)) => items.iter().filter_map(Node::scalar).collect(),
            Some(Node::Scalar(scalar)) => vec![scalar],
            _ => Vec::new(),
        };
        if cell.get("cell_type").and_then(Node::text) != Some("code") {
            lines.iter().for_each(|line| collector.shapes(line.span.clone()));
            continue;
        }
        starts.push((code.len() as u32, number as u32 + 1));
        for line in lines {
            add(collector.text(), line, &mut code, &mut map);
        }
        if !code.ends_with('\n') {
            code.push('\n');
        }
        if let Some(outputs) = cell.get("outputs") {
            output(collector, outputs, 0);
        }
    }
    if !starts.is_empty() {
        collector.part(Part { text: code, map, label: Label::Cells(starts) });
    }
}

/// Adds a string of the source, with its commands of IPython put out of the way of the parser.
fn add(text: &str, line: &Scalar<'_>, code: &mut String, map: &mut Map) {
    let raw = text.get(line.span.clone()).unwrap_or_default();
    let (decoded, places) = json::decode(raw, line.span.start);
    let begin = code.len();
    places.onto(begin, map);
    let mut magic = false;
    for part in decoded.split_inclusive('\n') {
        let trimmed = part.trim_start();
        // `%%bash` is about the whole cell.
        magic |= trimmed.starts_with("%%") && !trimmed.starts_with("%%time") && !trimmed.starts_with("%%capture");
        let line_magic = trimmed.strip_prefix('%').is_some_and(|rest| rest.starts_with(|c: char| c.is_alphabetic()));
        if magic || line_magic || trimmed.starts_with(['!', '?']) || trimmed.starts_with("%%") {
            // One character for each byte, so that places stay.
            code.extend(part.bytes().enumerate().map(|(at, byte)| match byte {
                b'\n' => '\n',
                _ if at == 0 => '#',
                _ => ' ',
            }));
        } else {
            code.push_str(part);
        }
    }
}

/// What a cell printed: tokens that say what they are, and URLs and pairs with credentials.
fn output(collector: &mut Collector<'_>, node: &Node<'_>, depth: usize) {
    if depth > 8 {
        return;
    }
    match node {
        Node::Scalar(scalar) if scalar.value.len() < 200_000 => collector.shapes(scalar.span.clone()),
        Node::Scalar(_) | Node::Nothing => {}
        Node::List(items) => items.iter().for_each(|item| output(collector, item, depth + 1)),
        Node::Table(entries) => {
            for (key, value) in entries.iter().filter(|(key, _)| !key.value.starts_with("image/")) {
                if matches!(&*key.value, "name" | "output_type" | "metadata") {
                    continue;
                }
                output(collector, value, depth + 1);
            }
        }
    }
}
