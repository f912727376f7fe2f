//! YAML, with what Kubernetes, Compose and CI make of it.

use super::collector::{Collector, decode_base64};
use super::map::Map;
use super::node::{Node, Style};
use super::tree;

/// Kinds of objects in which values are encrypted, or refer to others.
const ENCRYPTED: &[&str] = &[
    "SealedSecret",
    "ExternalSecret",
    "ClusterExternalSecret",
    "SecretProviderClass",
    "VaultStaticSecret",
    "VaultSecret",
];

/// Reads one document.
pub fn document(collector: &mut Collector<'_>, node: &Node<'_>) {
    let kind = node.get("kind").and_then(Node::text).unwrap_or_default();
    if ENCRYPTED.contains(&kind) {
        return;
    }
    // A file of SOPS keeps its names, and says so at its end.
    if node.get("sops").is_some_and(|sops| sops.get("mac").is_some()) {
        return;
    }
    if kind == "List" {
        for item in node.get("items").map_or(&[][..], Node::items) {
            document(collector, item);
        }
        return;
    }
    if kind == "Secret" {
        for (key, value) in node.get("data").map_or(&[][..], Node::entries) {
            if let Node::Scalar(scalar) = value {
                secret(collector, &key.value, &scalar.value, scalar);
            }
        }
        if let Some(data) = node.get("stringData") {
            tree::visit(collector, data, &["stringData"]);
        }
        return;
    }
    tree::read(collector, node);
}

/// An entry of a Secret, which is written in base64: by itself, or a whole file.
fn secret(collector: &mut Collector<'_>, key: &str, encoded: &str, scalar: &super::node::Scalar<'_>) {
    let kind = crate::walk::kind(camino::Utf8Path::new(key)).filter(|_| key.contains('.'));
    if let (Some(kind), Some(text)) = (kind, decode_base64(encoded)) {
        // All of it stands in one place.
        let mut map = Map::default();
        for at in 0..text.len() {
            map.push(at, scalar.span.start + usize::from(scalar.style == Style::Block));
        }
        collector.nested(kind, key, &text, &map);
        return;
    }
    collector.base64(key, encoded.trim(), scalar.span.clone());
}
