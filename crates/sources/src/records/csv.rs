//! Records as CSV (RFC 4180).

use std::io::BufRead;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use zeroize::Zeroizing;

use super::{Collector, Field, LONGEST, Unusable};

/// Reads all of it. The names of the fields stand in the first line, which also shows what separates them.
pub(super) fn read(source: &mut impl BufRead, collector: &mut Collector<'_>) -> Result<(), Unusable> {
    let seen = source.fill_buf()?;
    if seen.starts_with(b"\xEF\xBB\xBF") {
        source.consume(3);
    }
    let delimiter = delimiter(source.fill_buf()?);
    let mut reader = ReaderBuilder::new().delimiter(delimiter).build();
    let mut line = Line::default();
    let mut names: Option<Vec<String>> = None;
    while line.read(&mut reader, source, collector.number())? {
        let Some(names) = &names else {
            names = Some(header(&line)?);
            continue;
        };
        let found = line.ends.len();
        if found != names.len() {
            return Err(Unusable::new(
                format!("record {} has {found} fields, and the first line names {}", collector.number(), names.len()),
                "quote values that hold the separator or a line break: \"a,b\"",
            ));
        }
        let mut fields = Vec::with_capacity(found);
        for (index, name) in names.iter().enumerate() {
            fields.push(Field { name, value: line.field(index), is_text: true });
        }
        collector.add(&fields)?;
    }
    Ok(())
}

/// The names of the fields.
fn header(line: &Line) -> Result<Vec<String>, Unusable> {
    let mut names: Vec<String> = Vec::new();
    for index in 0..line.ends.len() {
        let name = std::str::from_utf8(line.field(index)).map(str::trim).unwrap_or_default();
        if name.is_empty() || names.iter().any(|known| known == name) {
            return Err(Unusable::new(
                format!("field {} of the first line has no name of its own", index + 1),
                "the first line of a CSV names the fields: user,password",
            ));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

/// The separator that stands most often in the first line.
fn delimiter(seen: &[u8]) -> u8 {
    let line = seen.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |wanted: u8| line.iter().filter(|byte| **byte == wanted).count();
    // Of equals the first: the comma.
    [b'\t', b';', b','].into_iter().max_by_key(|wanted| count(*wanted)).unwrap_or(b',')
}

/// One line, taken apart.
#[derive(Default)]
struct Line {
    text: Zeroizing<Vec<u8>>,
    ends: Vec<usize>,
}

impl Line {
    fn field(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.ends.get(index).and_then(|end| self.text.get(start..*end)).unwrap_or_default()
    }

    /// The next one; false at the end. `number` is its own, for messages.
    fn read(&mut self, reader: &mut Reader, source: &mut impl BufRead, number: u64) -> Result<bool, Unusable> {
        // Never grown, so that no copies are left behind: what is longer is no record.
        self.text.resize(LONGEST + 4096, 0);
        self.ends.resize(1024, 0);
        let (mut written, mut ended) = (0, 0);
        loop {
            let input = source.fill_buf()?;
            let text = self.text.get_mut(written..).unwrap_or_default();
            let ends = self.ends.get_mut(ended..).unwrap_or_default();
            let (result, read, more, fields) = reader.read_record(input, text, ends);
            source.consume(read);
            written += more;
            ended += fields;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    return Err(Unusable::new(
                        format!("record {number} is longer than {} KiB, or a quote in it is not closed", LONGEST >> 10),
                        "check that it is CSV, with the names of the fields in the first line",
                    ));
                }
                ReadRecordResult::Record | ReadRecordResult::End => {
                    self.ends.truncate(ended);
                    return Ok(result == ReadRecordResult::Record);
                }
            }
        }
    }
}
