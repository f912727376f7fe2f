//! Records as JSON: a list of objects, a map of them, or an object a line.

use std::borrow::Cow;
use std::fmt;
use std::io::BufRead;

use serde::de::{Deserializer as _, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::{Collector, Field, Unusable};

/// The entries of an object in their order, each with its JSON.
struct Object(Vec<(String, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Object {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Object(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// Takes the elements of a list as they come. What is wrong with one of them is kept in `trouble`.
struct Elements<'c, 's> {
    collector: &'c mut Collector<'s>,
    trouble: &'c mut Option<Unusable>,
}

impl<'de> Visitor<'de> for Elements<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element::<Box<RawValue>>()? {
            if let Err(trouble) = element_of(&element, self.collector) {
                *self.trouble = Some(trouble);
                return Err(A::Error::custom("a record"));
            }
        }
        Ok(())
    }
}

/// Reads all of it.
pub(super) fn read(source: &mut impl BufRead, collector: &mut Collector<'_>) -> Result<(), Unusable> {
    if source.fill_buf()?.starts_with(b"\xEF\xBB\xBF") {
        source.consume(3);
    }
    let mut trouble = None;
    loop {
        let blanks = source.fill_buf()?.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        source.consume(blanks);
        let Some(first) = source.fill_buf()?.first().copied() else { return Ok(()) };
        if first.is_ascii_whitespace() {
            continue;
        }
        let mut deserializer = serde_json::Deserializer::from_reader(&mut *source);
        let result = match first {
            b'[' => deserializer.deserialize_seq(Elements { collector, trouble: &mut trouble }),
            _ => serde::Deserialize::deserialize(&mut deserializer).map(|object: Object| {
                trouble = object_of(&object.0, collector).err();
            }),
        };
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        // The message of serde_json may quote what it did not expect.
        result.map_err(|error| broken(&error, collector.number()))?;
    }
}

fn broken(error: &serde_json::Error, number: u64) -> Unusable {
    Unusable::new(
        format!(
            "it is no JSON that holds records, at record {number} (line {}, column {})",
            error.line(),
            error.column()
        ),
        "write a list of objects: [{\"user\": …, \"password\": …}, …]; for anything else say format = \"csv\"",
    )
}

/// An object: one record, or a map of them.
fn object_of(entries: &[(String, Box<RawValue>)], collector: &mut Collector<'_>) -> Result<(), Unusable> {
    let all = collector.spec.secret_fields.iter().any(|name| name == "*");
    let is_record = entries.iter().any(|(name, value)| match all {
        true => !matches!(kind(value), Kind::Object | Kind::List),
        false => collector.is_secret(name),
    });
    if is_record {
        return record(None, entries, collector);
    }
    let is_only = entries.len() == 1;
    for (name, value) in entries {
        match kind(value) {
            Kind::Object => {
                let object: Object =
                    serde_json::from_str(value.get()).map_err(|error| broken(&error, collector.number()))?;
                record(Some(name), &object.0, collector)?;
            }
            Kind::List if is_only => {
                let mut trouble = None;
                let mut list = serde_json::Deserializer::from_str(value.get());
                let result = list.deserialize_seq(Elements { collector, trouble: &mut trouble });
                if let Some(trouble) = trouble {
                    return Err(trouble);
                }
                result.map_err(|error| broken(&error, collector.number()))?;
            }
            _ => {
                let key = (collector.spec.key.clone(), Zeroizing::new(name.clone().into_bytes()), true);
                scalar(Some(key), value, collector)?;
            }
        }
    }
    Ok(())
}

/// An element of a list.
fn element_of(value: &RawValue, collector: &mut Collector<'_>) -> Result<(), Unusable> {
    if kind(value) != Kind::Object {
        return scalar(None, value, collector);
    }
    let object: Object = serde_json::from_str(value.get()).map_err(|error| broken(&error, collector.number()))?;
    record(None, &object.0, collector)
}

/// The name of a field, what stands in it, and whether that is text.
type Owned = (String, Zeroizing<Vec<u8>>, bool);

/// A record that is a text and nothing else, but for its key in a map.
fn scalar(key: Option<Owned>, value: &RawValue, collector: &mut Collector<'_>) -> Result<(), Unusable> {
    let (value, is_text) = content(value, collector.number())?;
    let value = (collector.spec.value.clone(), value, is_text);
    add(&key.into_iter().chain([value]).collect::<Vec<_>>(), collector)
}

fn record(
    key: Option<&str>,
    entries: &[(String, Box<RawValue>)],
    collector: &mut Collector<'_>,
) -> Result<(), Unusable> {
    let mut fields: Vec<Owned> = Vec::with_capacity(entries.len() + 1);
    // The key of a map, unless the record says it itself.
    if let Some(key) = key.filter(|_| !entries.iter().any(|(name, _)| *name == collector.spec.key)) {
        fields.push((collector.spec.key.clone(), Zeroizing::new(key.as_bytes().to_vec()), true));
    }
    for (name, value) in entries {
        let (value, is_text) = content(value, collector.number())?;
        fields.push((name.clone(), value, is_text));
    }
    add(&fields, collector)
}

fn add(fields: &[Owned], collector: &mut Collector<'_>) -> Result<(), Unusable> {
    let fields: Vec<Field<'_>> =
        fields.iter().map(|(name, value, is_text)| Field { name, value, is_text: *is_text }).collect();
    collector.add(&fields)
}

/// What stands in a field: a text without its quotes, anything else as its JSON.
fn content(value: &RawValue, number: u64) -> Result<(Zeroizing<Vec<u8>>, bool), Unusable> {
    if kind(value) != Kind::Text {
        return Ok((Zeroizing::new(value.get().as_bytes().to_vec()), false));
    }
    let text: Cow<'_, str> = serde_json::from_str(value.get()).map_err(|error| broken(&error, number))?;
    Ok((Zeroizing::new(text.into_owned().into_bytes()), true))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Object,
    List,
    Text,
    Other,
}

fn kind(value: &RawValue) -> Kind {
    match value.get().as_bytes().first() {
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::List,
        Some(b'"') => Kind::Text,
        _ => Kind::Other,
    }
}

/// Whether the text is a JSON document.
pub(super) fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

/// A text as JSON. What is no UTF-8 is replaced.
pub(super) fn quoted(text: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(serde_json::to_vec(&String::from_utf8_lossy(text)).unwrap_or_default())
}
