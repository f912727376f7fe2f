//! The table `[audit]`.

use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::super::audit::{AuditConfig, AuditTable, FAIL_ON, LEVELS, MARKS, Rules, Spanned};
use super::super::problem::Show;
use super::super::{Manifest, ManifestError};
use super::reader::{Key, Reader, Val};
use crate::names;

pub(super) const KEYS: [&str; 10] = [
    "baseline",
    "exclude",
    "fail-on",
    "ignore",
    "marks",
    "min-confidence",
    "naming",
    "per-file-ignores",
    "select",
    "severity",
];

pub(in super::super) fn audit_config(
    path: &Path,
    text: &str,
    table: AuditTable,
    rules: &Rules<'_>,
) -> Result<Option<AuditConfig>, ManifestError> {
    let mut reader = Reader::new(text);
    let config = match DeTable::parse(text) {
        Ok(document) => find(&mut reader, document.get_ref(), table).map(|found| config(&mut reader, found, rules)),
        Err(error) => {
            reader.syntax(&error);
            None
        }
    };
    let problems = reader.finish();
    if problems.is_empty() {
        return Ok(config);
    }
    Err(ManifestError { path: Some(path.to_owned()), problems })
}

/// The table, if it is there and one. In a `pyproject.toml` everything else is other people's.
fn find<'a, 'i>(reader: &mut Reader<'_>, document: &'a DeTable<'i>, which: AuditTable) -> Option<&'a DeTable<'i>> {
    let mut table = document;
    for wanted in which.keys() {
        if which == AuditTable::Manifest {
            near_miss(reader, table);
        }
        let (key, value) = table.iter().find(|(key, _)| key.get_ref().as_ref() == *wanted)?;
        table = reader.table(key, value)?;
        if *wanted == "tegmen" {
            let _ = reader.entries(table, &["audit"], "[tool.tegmen]");
        }
    }
    Some(table)
}

/// `[audti]` would be a configuration that nobody reads.
fn near_miss(reader: &mut Reader<'_>, table: &DeTable<'_>) {
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        if !super::TOP.contains(&name) && names::nearest(name, &["audit"]).is_some() {
            if !matches!(value.get_ref(), DeValue::Table(_)) {
                reader.mask(value.span());
            }
            let hint = Some("did you mean `audit`?".to_owned());
            reader.problem(key.span(), Show::Text, format!("unknown key `{name}` in {}", Manifest::FILE), hint);
        }
    }
}

fn config(reader: &mut Reader<'_>, table: &DeTable<'_>, rules: &Rules<'_>) -> AuditConfig {
    let mut config = AuditConfig::default();
    for (key, value) in reader.entries(table, &KEYS, "the audit") {
        match key.get_ref().as_ref() {
            "select" => config.select = selectors(reader, key, value, rules),
            "ignore" => config.ignore = selectors(reader, key, value, rules),
            "exclude" => {
                let patterns = reader.strings(key, value).unwrap_or_default();
                config.exclude = patterns.into_iter().map(|(pattern, _)| pattern.to_owned()).collect();
            }
            "fail-on" => config.fail_on = one_of(reader, key, value, &FAIL_ON),
            "min-confidence" => config.min_confidence = one_of(reader, key, value, &LEVELS),
            "marks" => config.marks = one_of(reader, key, value, &MARKS),
            "baseline" => config.baseline = reader.string(key, value).map(str::to_owned),
            "naming" => config.naming = naming(reader, key, value),
            "severity" => {
                for (selector, level) in entries(reader, key, value) {
                    let known = is_rule(reader, (selector.get_ref(), selector.span()), rules);
                    if let Some(level) = one_of(reader, selector, level, &LEVELS).filter(|_| known) {
                        config.severity.push((selector.get_ref().to_string(), level));
                    }
                }
            }
            "per-file-ignores" => {
                for (pattern, list) in entries(reader, key, value) {
                    let list = selectors(reader, pattern, list, rules);
                    config.per_file_ignores.push((pattern.get_ref().to_string(), list));
                }
            }
            _ => {}
        }
    }
    config
}

/// The entries of a table in the order of the file.
fn entries<'a, 'i>(reader: &mut Reader<'_>, key: &Key<'i>, value: &'a Val<'i>) -> Vec<(&'a Key<'i>, &'a Val<'i>)> {
    let mut entries: Vec<_> = reader.table(key, value).into_iter().flatten().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

fn selectors(reader: &mut Reader<'_>, key: &Key<'_>, value: &Val<'_>, rules: &Rules<'_>) -> Vec<String> {
    let texts = reader.strings(key, value).unwrap_or_default();
    texts.into_iter().filter(|text| is_rule(reader, text.clone(), rules)).map(|(text, _)| text.to_owned()).collect()
}

fn is_rule(reader: &mut Reader<'_>, (text, span): Spanned<'_>, rules: &Rules<'_>) -> bool {
    let Err(nearest) = rules(text) else { return true };
    let hint = match nearest {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`tegmen explain --all` lists the rules; `TGM1` stands for all that begin so".to_owned(),
    };
    reader.problem(span, Show::Text, format!("there is no rule `{text}`"), Some(hint));
    false
}

fn one_of(reader: &mut Reader<'_>, key: &Key<'_>, value: &Val<'_>, known: &[&str]) -> Option<String> {
    let text = reader.string(key, value)?;
    if known.contains(&text) {
        return Some(text.to_owned());
    }
    let hint = match names::nearest(text, known) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("write one of {}", known.map_quoted()),
    };
    wrong(reader, value.span(), format!("`{}` cannot be that", key.get_ref()), hint);
    None
}

fn naming(reader: &mut Reader<'_>, key: &Key<'_>, value: &Val<'_>) -> Option<String> {
    let text = reader.string(key, value)?;
    if text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !text.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(text.to_owned());
    }
    let hint = "write what the names of variables begin with: \"LOCUST_\"".to_owned();
    wrong(reader, value.span(), "`naming` is no beginning of a variable's name".to_owned(), hint);
    None
}

fn wrong(reader: &mut Reader<'_>, span: Range<usize>, message: String, hint: String) {
    reader.problem(span, Show::Text, message, Some(hint));
}

trait Quoted {
    fn map_quoted(&self) -> String;
}

impl Quoted for [&str] {
    fn map_quoted(&self) -> String {
        self.iter().map(|text| format!("\"{text}\"")).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, table: AuditTable) -> Result<Option<AuditConfig>, ManifestError> {
        let rules = |name: &str| match name {
            "hardcoded-password" | "TGM1" => Ok(()),
            _ => Err(name.starts_with("hard").then(|| "hardcoded-password".to_owned())),
        };
        AuditConfig::parse(Path::new("tegmen.toml"), text, table, &rules)
    }

    #[test]
    fn a_whole_table() {
        let text = "[audit]\nselect = [\"TGM1\"]\nexclude = [\"data/\"]\nfail-on = \"high\"\nnaming = \"SHOP_\"\nmarks = \"own\"\n\
                    baseline = \"b.json\"\n[audit.severity]\nhardcoded-password = \"low\"\n[audit.per-file-ignores]\n\"tests/\" = [\"TGM1\"]\n";
        let config = parse(text, AuditTable::Manifest).unwrap().unwrap();
        assert_eq!((config.select.len(), config.fail_on.as_deref()), (1, Some("high")));
        assert_eq!(config.per_file_ignores, [("tests/".to_owned(), vec!["TGM1".to_owned()])]);
        assert_eq!(config.severity, [("hardcoded-password".to_owned(), "low".to_owned())]);
        assert_eq!(config.naming.as_deref(), Some("SHOP_"));
        let text = text.replace("[audit", "[tool.tegmen.audit");
        assert_eq!(parse(&text, AuditTable::PyProject).unwrap().unwrap(), config);
        assert_eq!(parse("[secrets]\n", AuditTable::Manifest).unwrap(), None);
        assert_eq!(parse("[tool.ruff]\nx = 1\n", AuditTable::PyProject).unwrap(), None);
        assert!(Manifest::parse(Path::new("tegmen.toml"), "[audit]\nselect = [\"TGM1\"]\n").is_ok());
    }

    #[test]
    fn mistakes_have_their_line_and_what_was_meant() {
        let text = "[audit]\nselct = [\"TGM1\"]\nignore = [\"hardcoded-pasword\", \"x\"]\nfail-on = \"hihg\"\nexclude = \"data/\"\nnaming = \"A-\"\n";
        insta::assert_snapshot!(parse(text, AuditTable::Manifest).unwrap_err());
    }
}
