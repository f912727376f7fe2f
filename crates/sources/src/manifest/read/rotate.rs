//! `[secrets.NAME.rotate]` and `[rotations.NAME]`.

use tegmen_vault::AppRoleName;
use toml::de::{DeTable, DeValue};

use super::reader::{Key, Reader, Val};
use crate::manifest::problem::Show;
use crate::names;
use crate::rotate::{Follower, LENGTHS, RotateSpec, RotationKind, RotationSpec, set};

const KEYS: [&str; 7] = ["alphabet", "follow", "hook", "length", "must_have", "prefix", "undo"];
const ROTATION: [&str; 7] = ["approle", "database_root", "follow", "hook", "max_age", "undo", "wrap"];

pub(super) fn rotate(reader: &mut Reader<'_>, key: &Key<'_>, value: &Val<'_>) -> Option<RotateSpec> {
    let table = reader.table(key, value)?;
    let mut spec = RotateSpec { line: reader.line(key.span().start), ..RotateSpec::default() };
    for (key, value) in reader.entries(table, &KEYS, "[secrets.NAME.rotate]") {
        match key.get_ref().as_ref() {
            "length" => spec.rule.length = length(reader, key, value).unwrap_or(spec.rule.length),
            "alphabet" => {
                if let Some(text) = reader.string(key, value) {
                    match set(text) {
                        Ok(set) => spec.rule.alphabet = set,
                        Err(error) => wrong_set(reader, value, key, &error),
                    }
                }
            }
            "must_have" => {
                for (text, span) in reader.strings(key, value).unwrap_or_default() {
                    match set(text) {
                        Ok(set) => spec.rule.must_have.push(set),
                        Err(error) => {
                            let message = format!("`must_have`: {error}");
                            reader.problem(span, Show::Text, message, Some("write sets: [\"A-Z\", \"0-9\"]".into()));
                        }
                    }
                }
            }
            "prefix" => {
                if let Some(text) = reader.string(key, value) {
                    if text.chars().all(|c| c.is_ascii_graphic()) {
                        spec.rule.prefix = text.to_owned();
                    } else {
                        let hint = Some("take letters, digits and signs of ASCII, without blanks".into());
                        reader.problem(value.span(), Show::Text, "`prefix` cannot stand before a value".into(), hint);
                    }
                }
            }
            _ => places(reader, key, value, &mut spec),
        }
    }
    if let Some(mistake) = spec.rule.mistake() {
        let hint = "the rule is `length`, `alphabet` and `must_have` together".to_owned();
        reader.problem(key.span(), Show::Text, mistake, Some(hint));
    }
    Some(spec)
}

/// `follow`, `hook` and `undo`.
fn places(reader: &mut Reader<'_>, key: &Key<'_>, value: &Val<'_>, spec: &mut RotateSpec) {
    match key.get_ref().as_ref() {
        "hook" => spec.hook = command(reader, key, value),
        "undo" => spec.undo = command(reader, key, value),
        "follow" => {
            for (text, span) in reader.strings(key, value).unwrap_or_default() {
                match text.parse::<Follower>() {
                    Ok(follower) => spec.follow.push(follower),
                    Err(error) => {
                        let show = if error.has_scheme { Show::Text } else { Show::Dots };
                        reader.problem(span, show, format!("`follow`: {}", error.message), Some(error.hint));
                    }
                }
            }
        }
        _ => {}
    }
}

fn command(reader: &mut Reader<'_>, key: &Key<'_>, value: &Val<'_>) -> Option<String> {
    let text = reader.string(key, value)?;
    if shlex::split(text).is_some_and(|words| !words.is_empty()) {
        return Some(text.to_owned());
    }
    let message = format!("`{}` is no command: a quote is not closed", key.get_ref());
    reader.problem(value.span(), Show::Text, message, None);
    None
}

fn wrong_set(reader: &mut Reader<'_>, value: &Val<'_>, key: &Key<'_>, error: &str) {
    let hint = "write characters and ranges, as in \"A-Za-z0-9_\"; a `-` that is meant stands first or last".to_owned();
    reader.problem(value.span(), Show::Text, format!("`{}`: {error}", key.get_ref()), Some(hint));
}

fn length(reader: &mut Reader<'_>, key: &Key<'_>, value: &Val<'_>) -> Option<usize> {
    if let DeValue::Integer(number) = value.get_ref()
        && let Ok(number) = usize::from_str_radix(number.as_str(), number.radix())
        && LENGTHS.contains(&number)
    {
        return Some(number);
    }
    let message = format!("`{}` must be a number from {} to {}", key.get_ref(), LENGTHS.start(), LENGTHS.end());
    reader.problem(value.span(), Show::Dots, message, None);
    None
}

pub(super) fn rotation(reader: &mut Reader<'_>, key: &Key<'_>, value: &Val<'_>) -> Option<(String, RotationSpec)> {
    let name = key.get_ref().as_ref();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if name.is_empty() || name.starts_with('-') || !name.chars().all(is_name) {
        let hint = "a name has letters, digits, `_`, `.` and `-`, and does not begin with `-`".to_owned();
        reader.problem(key.span(), Show::Text, format!("`{name}` cannot be the name of a rotation"), Some(hint));
    }
    let table = reader.table(key, value)?;
    let (mut kinds, mut wrap, mut max_age) = (Vec::new(), None, None);
    let mut rotate = RotateSpec { line: reader.line(key.span().start), ..RotateSpec::default() };
    for (key, value) in reader.entries(table, &ROTATION, "[rotations.NAME]") {
        match key.get_ref().as_ref() {
            "approle" => {
                if let Some((mount, role)) = pair(reader, key, value, "approle/locust") {
                    kinds.push(RotationKind::SecretId { role: AppRoleName { mount, role }, wrap: None });
                }
            }
            "database_root" => {
                if let Some((mount, connection)) = pair(reader, key, value, "database/shop") {
                    kinds.push(RotationKind::DatabaseRoot { mount, connection });
                }
            }
            "wrap" => wrap = reader.period(key, value),
            "max_age" => max_age = reader.period(key, value),
            _ => places(reader, key, value, &mut rotate),
        }
    }
    let wrong_kinds =
        table.keys().filter(|key| matches!(key.get_ref().as_ref(), "approle" | "database_root")).count() != 1;
    if wrong_kinds && table.keys().all(|key| names::nearest(key.get_ref(), &["approle", "database_root"]).is_none()) {
        let hint = "write approle = \"MOUNT/ROLE\" or database_root = \"MOUNT/CONNECTION\"".to_owned();
        reader.problem(key.span(), Show::Text, format!("nothing says what {name} rotates"), Some(hint));
    } else if table.len() > 1 && wrong_kinds && kinds.len() > 1 {
        let hint = "make them two tables".to_owned();
        reader.problem(key.span(), Show::Text, format!("{name} rotates two things"), Some(hint));
    }
    let mut kind = kinds.into_iter().next()?;
    match &mut kind {
        RotationKind::SecretId { wrap: own, .. } => *own = wrap,
        RotationKind::DatabaseRoot { .. } if wrap.is_some() || !rotate.follow.is_empty() => {
            let hint =
                "the password of a connection never leaves Vault: `wrap` and `follow` have no meaning".to_owned();
            reader.problem(key.span(), Show::Text, format!("{name} has nothing to write anywhere"), Some(hint));
        }
        RotationKind::DatabaseRoot { .. } => {}
    }
    Some((name.to_owned(), RotationSpec { kind, max_age, rotate }))
}

/// `MOUNT/NAME`; a mount may have slashes in it.
fn pair(reader: &mut Reader<'_>, key: &Key<'_>, value: &Val<'_>, example: &str) -> Option<(String, String)> {
    let text = reader.string(key, value)?;
    let parts = text.trim_matches('/').rsplit_once('/').filter(|(mount, name)| {
        !name.is_empty()
            && mount.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
            && *name != ".."
    });
    if parts.is_none() {
        let message = format!("`{}` needs a mount and a name", key.get_ref());
        reader.problem(value.span(), Show::Text, message, Some(format!("write {} = \"{example}\"", key.get_ref())));
    }
    parts.map(|(mount, name)| (mount.to_owned(), name.to_owned()))
}

/// What belongs together: the names of rotations and secrets, and the SecretID that `[vault]` unwraps.
pub(super) fn together(reader: &mut Reader<'_>, table: &DeTable<'_>, manifest: &crate::Manifest) {
    use crate::manifest::VaultAuth;
    let auth = manifest.vault.as_ref().and_then(|vault| vault.auth.as_ref());
    for (key, _) in table {
        let name = key.get_ref().as_ref();
        if manifest.secrets.contains_key(name) {
            let hint = "give the rotation another name".to_owned();
            reader.problem(key.span(), Show::Text, format!("there is a secret {name} already"), Some(hint));
        }
        let Some(spec) = manifest.rotations.get(name) else { continue };
        let plain = matches!(spec.kind, RotationKind::SecretId { wrap: None, .. });
        if plain && spec.rotate.follow.is_empty() && matches!(auth, Some(VaultAuth::AppRole { wrapped: true, .. })) {
            let message = format!("{name} would write a plain SecretID where [vault] unwraps one");
            reader.problem(key.span(), Show::Text, message, Some("add a line, for example wrap = \"10m\"".into()));
        }
    }
}
