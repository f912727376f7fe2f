//! Files from disk.

use camino::Utf8Path;
use tegmen_findings::Problem;

use crate::walk::FileKind;

/// Python files larger than this are not audited; nobody writes them by hand.
const MAX_PYTHON: u64 = 64 << 20;
/// Other files larger than this are data, not configuration.
const MAX_OTHER: u64 = 2 << 20;

/// The text of a file; `None` for one that is too large to be configuration.
pub fn read(path: &str, kind: FileKind) -> Result<Option<String>, Problem> {
    let path = Utf8Path::new(path);
    let problem = |message: String| Problem { path: path.to_string(), line: None, message };
    let unreadable = |error: std::io::Error| problem(format!("could not be read ({}); not audited", error.kind()));
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if kind != FileKind::Python && size > MAX_OTHER {
        return Ok(None);
    }
    if size > MAX_PYTHON {
        return Err(problem(format!("has {} MB, more than the {} MB that are audited", size >> 20, MAX_PYTHON >> 20)));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        // Latin-1 and the like: what is ASCII in it stays readable.
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    };
    Ok(Some(text))
}
