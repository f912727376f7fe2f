//! A manifest with further secrets in it. What is there stays as it is, comments and blanks included.

use std::path::Path;

use toml_edit::{DocumentMut, InlineTable, Item, Table, value};

use super::{Manifest, ManifestError};
use crate::Source;

/// A secret that a manifest is to get.
#[derive(Clone, Debug)]
pub struct NewSecret {
    /// Its name.
    pub name: String,
    /// Where its value comes from.
    pub source: Source,
    /// Whether Python code gets the value itself.
    pub reveal: bool,
}

/// The text of a manifest, to be called `path`, with further secrets at its end. A name that it has already stays as it is.
///
/// # Errors
/// When the text is no manifest, or has its secrets in a form that cannot be added to.
pub fn with_secrets(path: &Path, text: &str, secrets: &[NewSecret]) -> Result<String, ManifestError> {
    Manifest::parse(path, text)?;
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let unfit = |why: String| ManifestError::unwritable(path, &why);
    let mut document: DocumentMut = text.parse().map_err(|_| unfit("it is not TOML".to_owned()))?;
    let mut table = Table::new();
    table.set_implicit(true);
    let item = document.entry("secrets").or_insert(Item::Table(table));
    let inline = item.is_inline_table();
    let Some(known) = item.as_table_like_mut() else {
        return Err(unfit("`secrets` is no table".to_owned()));
    };
    let names: Vec<String> = known.iter().map(|(name, _)| name.to_owned()).collect();
    for secret in secrets.iter().filter(|secret| !names.contains(&secret.name)) {
        let source = value(secret.source.to_string());
        if inline {
            let mut entry = InlineTable::new();
            entry.extend([("source", secret.source.to_string())]);
            if secret.reveal {
                entry.extend([("reveal", true)]);
            }
            known.insert(&secret.name, value(entry));
        } else {
            let mut entry = Table::new();
            entry.insert("source", source);
            if secret.reveal {
                entry.insert("reveal", value(true));
            }
            known.insert(&secret.name, Item::Table(entry));
        }
    }
    let mut out = document.to_string();
    if newline == "\r\n" {
        out = out.replace("\r\n", "\n").replace('\n', "\r\n");
    }
    // What was written must be what was meant.
    Manifest::parse(path, &out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, names: &[(&str, bool)]) -> String {
        let secrets: Vec<NewSecret> = names
            .iter()
            .map(|(name, reveal)| NewSecret {
                name: (*name).to_owned(),
                source: Source::Store { name: (*name).to_owned() },
                reveal: *reveal,
            })
            .collect();
        with_secrets(Path::new("tegmen.toml"), text, &secrets).unwrap()
    }

    #[test]
    fn an_empty_one_gets_its_first_secrets() {
        let expected = "[secrets.A]\nsource = \"store:A\"\n\n[secrets.B]\nsource = \"store:B\"\nreveal = true\n";
        assert_eq!(with("", &[("A", false), ("B", true)]), expected);
    }

    #[test]
    fn what_is_there_stays() {
        let text = "# ours\n[vault]\naddress = \"https://v.example.com\"   # the one\n\n[secrets.OLD]\nsource='env:OLD'\n\
                    hosts = [\n  \"a.example.com\", # first\n]\n# the end\n";
        let out = with(text, &[("OLD", false), ("NEW", false)]);
        let (before, after) = out.split_once("\n[secrets.NEW]\n").unwrap();
        assert!(text.starts_with(before.trim_end_matches('\n')), "{out}");
        assert!(after.starts_with("source = \"store:NEW\"\n"), "{out}");
        assert!(out.contains("# the end"), "{out}");
        assert_eq!(with(&out, &[("NEW", false)]), out);
    }

    #[test]
    fn inline_tables_and_windows_line_ends() {
        let out = with("secrets = { A = { source = \"env:A\" } }\r\n", &[("B", false)]);
        assert_eq!(out, "secrets = { A = { source = \"env:A\" } , B = { source = \"store:B\" } }\r\n");
    }
}
