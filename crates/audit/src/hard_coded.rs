//! The values that are written in a project's files, for whoever puts others in their place.

use camino::Utf8PathBuf;

use crate::{Error, Hidden, Options, check, entries, pool, project, read};

/// A value that is written in a file.
pub struct HardCoded {
    /// The variable, field or header that it is for.
    pub name: String,
    /// The file, as given.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// The value, as the program has it.
    pub value: Hidden,
    /// Where values stand in the file, this one among them: first byte, and one past the last.
    pub spans: Vec<(usize, usize)>,
}

/// The values of secrets that are written in the files under `paths`, by path and line.
///
/// # Errors
/// As [`audit`](crate::audit()).
pub fn hard_coded(paths: &[Utf8PathBuf], options: &Options) -> Result<Vec<HardCoded>, Error> {
    check(paths, options)?;
    let (entries, _) = entries(paths, options);
    Ok(pool(entries.len())?.install(|| {
        let results = project::check_all(&entries, &read::read, &options.progress);
        let mut values: Vec<HardCoded> = results
            .into_iter()
            .flat_map(|result| {
                let path = result.path;
                let spans: Vec<(usize, usize)> =
                    result.masks.iter().map(|span| (span.start as usize, span.end as usize)).collect();
                result.found.into_iter().filter_map(move |found| {
                    Some(HardCoded {
                        name: found.candidate.name,
                        path: path.clone(),
                        spans: spans.clone(),
                        line: found.spot.line,
                        value: Hidden::new(found.secret?.into_bytes()),
                    })
                })
            })
            .collect();
        values.sort_by(|one, other| (&one.path, one.line).cmp(&(&other.path, other.line)));
        values
    }))
}
