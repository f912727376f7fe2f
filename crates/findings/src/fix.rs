//! What could be done about a finding: edits of files, never with a value in them.

use std::ops::Range;

use serde::ser::{Serialize, SerializeStruct, Serializer};

/// Whether a fix may be applied without somebody looking at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Safety {
    /// The script does the same as before, less the defect.
    Safe,
    /// Something else may change with it: it wants to be looked at.
    Unsafe,
}

impl Safety {
    /// The word for it: `safe`, `unsafe`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Unsafe => "unsafe",
        }
    }
}

/// One replacement in one file. An insertion begins where it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The path as given to the audit, with `/` between its parts.
    pub path: String,
    /// What is replaced, in bytes of the file's text.
    pub range: Range<u32>,
    /// The first line, from 1.
    pub line: u32,
    /// The first column, from 1, in characters.
    pub column: u32,
    /// The last line.
    pub end_line: u32,
    /// The column after the last character.
    pub end_column: u32,
    /// What is put there; never a value.
    pub text: String,
}

impl Serialize for Edit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Edit", 6)?;
        map.serialize_field("path", &self.path)?;
        map.serialize_field("line", &self.line)?;
        map.serialize_field("column", &self.column)?;
        map.serialize_field("end_line", &self.end_line)?;
        map.serialize_field("end_column", &self.end_column)?;
        map.serialize_field("text", &self.text)?;
        map.end()
    }
}

/// What `tegmen fix` would do about a finding.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Fix {
    /// One short sentence in the imperative, without a full stop: ``read it with `os.environ["X"]` ``.
    pub title: String,
    /// Whether it may be applied unseen.
    pub safety: Safety,
    /// The edits, in the order of the files. Never empty, and none overlaps another.
    pub edits: Vec<Edit>,
    /// The names under which values that leave the source are kept. With any, the fix is applied only when a place for
    /// the values was named.
    pub secrets: Vec<String>,
}
