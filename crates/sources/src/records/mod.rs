//! [`Records`]: the records of a pool, read one by one and encrypted in memory as they come.

mod csv;
mod json;

use std::io::{BufRead, BufReader, Read};

use tegmen_secret::{Sealed, SealedError, SecretBytes};
use zeroize::Zeroizing;

use crate::manifest::{PoolFormat, PoolSpec, Share};
use crate::names::nearest;

/// The longest record, in bytes: it has to fit into a message, escaped.
const LONGEST: usize = 32 * 1024;
/// So many different sets of fields the records of a pool may have.
const SHAPES: usize = 1000;
/// A value that is shorter is masked only where it stands alone.
const SHORT: usize = 6;

/// The records of a pool. Its `Debug` shows numbers only.
#[derive(Debug)]
pub struct Records {
    shapes: Vec<Vec<String>>,
    sealed: Sealed,
    /// How many there are in the source, with those of other shares.
    total: u64,
    /// How many secret fields there are whose value is too short to be looked for everywhere.
    short: u64,
}

/// One record, opened.
pub struct Record {
    /// The fields, in the order of the source.
    pub fields: Vec<RecordField>,
}

/// A field of a record.
pub struct RecordField {
    /// Its name.
    pub name: String,
    /// What stands in it: text, or JSON of what is no text.
    pub value: SecretBytes,
    /// Whether it is a text.
    pub is_text: bool,
}

/// Why the records of a pool cannot be used. Never a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}; {next}")]
pub struct Unusable {
    /// What is wrong.
    pub why: String,
    /// What to do next.
    pub next: String,
}

impl Unusable {
    fn new(why: impl Into<String>, next: impl Into<String>) -> Self {
        Self { why: why.into(), next: next.into() }
    }
}

impl From<SealedError> for Unusable {
    fn from(error: SealedError) -> Self {
        Self::new(error.to_string(), "use fewer records")
    }
}

impl From<std::io::Error> for Unusable {
    fn from(error: std::io::Error) -> Self {
        Self::new(format!("it cannot be read to its end: {error}"), "check the source")
    }
}

impl Records {
    /// How many there are.
    pub fn len(&self) -> u32 {
        self.sealed.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sealed.is_empty()
    }

    /// How many there are in the source, with those of other shares.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many secret fields have a value of under six bytes, which is masked only where it stands alone.
    pub fn short(&self) -> u64 {
        self.short
    }

    /// How many bytes of memory they take.
    pub fn size(&self) -> usize {
        self.sealed.size()
    }

    /// A copy of a record, by its number.
    ///
    /// # Errors
    /// When there is none of that number, or the memory is damaged.
    pub fn get(&self, number: u32) -> Result<Record, SealedError> {
        let bytes = self.sealed.get(number)?.ok_or(SealedError::Damaged)?;
        decoded(&self.shapes, &bytes).ok_or(SealedError::Damaged)
    }

    /// Reads records as a source has them.
    ///
    /// # Errors
    /// When they are no records, or not of this pool.
    pub fn read(spec: &PoolSpec, source: impl Read) -> Result<Self, Unusable> {
        let mut source = BufReader::with_capacity(1 << 16, source);
        let mut collector = Collector::new(spec)?;
        let format = match spec.format {
            Some(format) => format,
            None => sniffed(&mut source)?,
        };
        match format {
            PoolFormat::Csv => csv::read(&mut source, &mut collector)?,
            PoolFormat::Json => json::read(&mut source, &mut collector)?,
        }
        collector.finish()
    }

    /// Records that are the fields of something: of a path in Vault. Each with its name, its value, and whether it is text.
    pub(crate) fn of_fields(spec: &PoolSpec, fields: &[(String, SecretBytes, bool)]) -> Result<Self, Unusable> {
        let mut collector = Collector::new(spec)?;
        let mut document = Zeroizing::new(Vec::new());
        for (index, (name, value, is_text)) in fields.iter().enumerate() {
            let text = value.expose();
            let begins = text.trim_ascii_start().first();
            // A text may be JSON, of a record or of all of them.
            let is_json = !is_text || (matches!(begins, Some(b'{' | b'[')) && json::is_json(text));
            document.extend_from_slice(if index == 0 { b"{" } else { b"," });
            document.extend_from_slice(&json::quoted(name.as_bytes()));
            document.push(b':');
            match is_json {
                true => document.extend_from_slice(text),
                false => document.extend_from_slice(&json::quoted(text)),
            }
        }
        document.push(b'}');
        json::read(&mut document.as_slice(), &mut collector)?;
        collector.finish()
    }
}

/// What the first characters look like. A mark of the byte order is passed over.
fn sniffed(source: &mut impl BufRead) -> Result<PoolFormat, Unusable> {
    let seen = source.fill_buf()?;
    let seen = seen.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(seen);
    Ok(match seen.trim_ascii_start().first() {
        Some(b'{' | b'[') => PoolFormat::Json,
        _ => PoolFormat::Csv,
    })
}

/// Takes records as they are read.
struct Collector<'s> {
    spec: &'s PoolSpec,
    share: Option<Share>,
    records: Records,
    /// How many records have each shape.
    counts: Vec<u64>,
    encoded: Zeroizing<Vec<u8>>,
}

/// A field as it is read.
struct Field<'r> {
    name: &'r str,
    value: &'r [u8],
    is_text: bool,
}

impl<'s> Collector<'s> {
    fn new(spec: &'s PoolSpec) -> Result<Self, Unusable> {
        let records = Records { shapes: Vec::new(), sealed: Sealed::new()?, total: 0, short: 0 };
        let encoded = Zeroizing::new(Vec::with_capacity(LONGEST + 4096));
        Ok(Self { spec, share: spec.share, records, counts: Vec::new(), encoded })
    }

    /// Whether the field is one of those that are secret.
    fn is_secret(&self, name: &str) -> bool {
        is_secret_field(self.spec, name)
    }

    /// The number of the next record, from 1 up, as messages have it.
    fn number(&self) -> u64 {
        self.records.total + 1
    }

    fn add(&mut self, fields: &[Field<'_>]) -> Result<(), Unusable> {
        let number = self.records.total;
        self.records.total += 1;
        let size: usize = fields.iter().map(|field| field.value.len() + field.name.len()).sum();
        if size > LONGEST {
            return Err(Unusable::new(
                format!("record {} is longer than {} KiB", number + 1, LONGEST >> 10),
                "a record is what one user logs in with; leave out what is more",
            ));
        }
        if let Some(field) = fields.iter().find(|field| std::str::from_utf8(field.value).is_err()) {
            let why = format!("`{}` of record {} is not UTF-8", field.name, number + 1);
            return Err(Unusable::new(why, "save the records as UTF-8"));
        }
        let shape = self.shape(fields)?;
        if let Some(count) = self.counts.get_mut(shape) {
            *count += 1;
        }
        if self.share.is_some_and(|share| !share.has(number)) {
            return Ok(());
        }
        self.encoded.clear();
        self.encoded.extend_from_slice(&(shape as u32).to_le_bytes());
        for field in fields {
            self.encoded.push(u8::from(field.is_text));
            self.encoded.extend_from_slice(&(field.value.len() as u32).to_le_bytes());
            self.encoded.extend_from_slice(field.value);
            if self.is_secret(field.name) && (1..SHORT).contains(&field.value.len()) {
                self.records.short += 1;
            }
        }
        self.records.sealed.push(&self.encoded)?;
        Ok(())
    }

    /// The number of the set of fields.
    fn shape(&mut self, fields: &[Field<'_>]) -> Result<usize, Unusable> {
        let shapes = &mut self.records.shapes;
        let same = |shape: &&Vec<String>| shape.iter().map(String::as_str).eq(fields.iter().map(|field| field.name));
        // Most have the shape of the first.
        if let Some(at) = shapes.iter().position(|shape| same(&shape)) {
            return Ok(at);
        }
        if shapes.len() == SHAPES {
            return Err(Unusable::new(
                format!("its records have more than {SHAPES} different sets of fields"),
                "give all records the same fields",
            ));
        }
        shapes.push(fields.iter().map(|field| field.name.to_owned()).collect());
        self.counts.push(0);
        Ok(shapes.len() - 1)
    }

    fn finish(mut self) -> Result<Records, Unusable> {
        self.records.sealed.finish()?;
        if self.records.total == 0 {
            return Err(Unusable::new("it has no record", "write at least one"));
        }
        if self.records.is_empty() {
            let why = format!("its {} records are fewer than there are shares", self.records.total);
            return Err(Unusable::new(why, "divide them into fewer shares, or write more records"));
        }
        for name in self.spec.secret_fields.iter().filter(|name| *name != "*") {
            let has = |shape: &Vec<String>| shape.contains(name);
            let with: u64 = self.records.shapes.iter().zip(&self.counts).filter(|(s, _)| has(s)).map(|(_, c)| c).sum();
            if with == self.records.total {
                continue;
            }
            let names: Vec<&str> = self.records.shapes.iter().flatten().map(String::as_str).collect();
            let near = nearest(name, &names).filter(|near| near != name);
            let why = match with {
                0 => format!("no record has the field `{name}` of `secret_fields`"),
                _ => format!("{} of {} records have no field `{name}`", self.records.total - with, self.records.total),
            };
            let next = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the fields are {}", shown(&self.records.shapes)),
            };
            return Err(Unusable::new(why, next));
        }
        Ok(self.records)
    }
}

/// The names of the first fields. They are names in what was read as records: no value stands there.
fn shown(shapes: &[Vec<String>]) -> String {
    let mut names: Vec<&str> = shapes.iter().flatten().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let more = names.len() > 12;
    names.truncate(12);
    format!("{}{}", names.join(", "), if more { ", …" } else { "" })
}

/// Whether the pool's field of that name is secret.
pub fn is_secret_field(spec: &PoolSpec, name: &str) -> bool {
    spec.secret_fields.iter().any(|secret| secret == name || secret == "*")
}

fn decoded(shapes: &[Vec<String>], mut bytes: &[u8]) -> Option<Record> {
    let (shape, rest) = bytes.split_first_chunk::<4>()?;
    bytes = rest;
    let mut fields = Vec::new();
    for name in shapes.get(u32::from_le_bytes(*shape) as usize)? {
        let (is_text, rest) = bytes.split_first()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        bytes = rest;
        let value = SecretBytes::new(value.to_vec());
        fields.push(RecordField { name: name.clone(), value, is_text: *is_text == 1 });
    }
    Some(Record { fields })
}

#[cfg(test)]
mod tests;
