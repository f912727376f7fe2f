//! `tegmen secrets list`: names and ages, never values.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use tegmen_sources::store::{Store, StoreError};

use crate::messages;

pub(super) fn list(store: &Store) -> Result<ExitCode, StoreError> {
    let contents = store.read()?;
    let width = contents.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let now = SystemTime::now();
    for (name, entry) in contents.iter() {
        let age = now.duration_since(entry.updated()).unwrap_or_default();
        anstream::println!("{name:width$}  {}", shown(age));
    }
    if contents.iter().next().is_none() {
        messages::note(format_args!("nothing is stored in {}", store.path().display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// The age in its largest unit, as the manifest's `max_age` writes it.
fn shown(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds @ 3600..86_400 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        let ages = [0, 59, 60, 3600, 86_399, 86_400, 90 * 86_400].map(|seconds| shown(Duration::from_secs(seconds)));
        assert_eq!(ages, ["0s", "59s", "1m", "1h", "23h", "1d", "90d"]);
    }
}
