//! A manifest with further secrets in it. What is there stays as it is, comments and blanks included.

use std::path::Path;

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, value};

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

/// Where a secret of a manifest may go, as it was observed.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The secret.
    pub name: String,
    /// The hosts, as the manifest has them.
    pub hosts: Vec<String>,
    /// The places; empty where the manifest has no word for one of them.
    pub places: Vec<String>,
}

/// The text of a manifest in which secrets have `hosts` and `places`. What is written there already stays as it is.
///
/// # Errors
/// When the text is no manifest, or the new one would be none.
pub fn with_bounds(path: &Path, text: &str, bounds: &[Bound]) -> Result<String, ManifestError> {
    Manifest::parse(path, text)?;
    let unfit = |why: &str| ManifestError::unwritable(path, why);
    let mut document: DocumentMut = text.parse().map_err(|_| unfit("it is not TOML"))?;
    for bound in bounds {
        let secret = document.get_mut("secrets").and_then(|secrets| secrets.get_mut(&bound.name));
        let Some(table) = secret.and_then(Item::as_table_like_mut) else { continue };
        for (key, texts) in [("hosts", &bound.hosts), ("places", &bound.places)] {
            if !texts.is_empty() && !table.contains_key(key) {
                table.insert(key, value(texts.iter().map(String::as_str).collect::<Array>()));
            }
        }
    }
    let out = document.to_string();
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
    fn bounds_are_added_and_what_is_written_stays() {
        let text = "[secrets.A]\nsource = \"env:A\" # from outside\n\n[secrets.B]\nsource = \"env:B\"\nhosts = [\"b.example.com\"]\n";
        let bound = |name: &str| Bound {
            name: name.to_owned(),
            hosts: vec!["shop.example.com".to_owned(), "http://localhost:8080".to_owned()],
            places: vec!["header:authorization".to_owned()],
        };
        let out = with_bounds(Path::new("tegmen.toml"), text, &[bound("A"), bound("B"), bound("NONE")]).unwrap();
        let expected = "[secrets.A]\nsource = \"env:A\" # from outside\nhosts = [\"shop.example.com\", \"http://localhost:8080\"]\n\
                        places = [\"header:authorization\"]\n\n[secrets.B]\nsource = \"env:B\"\nhosts = [\"b.example.com\"]\n\
                        places = [\"header:authorization\"]\n";
        assert_eq!(out, expected);
    }

    #[test]
    fn inline_tables_and_windows_line_ends() {
        let out = with("secrets = { A = { source = \"env:A\" } }\r\n", &[("B", false)]);
        assert_eq!(out, "secrets = { A = { source = \"env:A\" } , B = { source = \"store:B\" } }\r\n");
    }
}
