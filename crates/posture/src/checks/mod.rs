//! The checks. They look at facts and do no I/O: `tests/test_architecture.py` holds them to that.

/// Declares a check.
macro_rules! check {
    (
        $name:ident: $code:literal $id:literal $severity:ident $subject:ident,
        title: $title:literal,
        why: $why:literal,
        repair: $repair:literal,
        references: [$(($reference:expr, $url:expr)),* $(,)?],
        judge: $judge:expr $(,)?
    ) => {
        #[doc = $title]
        pub static $name: crate::check::Check = crate::check::Check {
            code: $code,
            id: $id,
            title: $title,
            why: $why,
            repair: $repair,
            references: &[$(crate::check::Reference { title: $reference, url: $url }),*],
            severity: tegmen_findings::Severity::$severity,
            subject: crate::check::Subject::$subject,
            judge: $judge,
        };
    };
}

mod advisories;
mod environment;
mod files;
mod host;
mod isolation;
mod kernel;
mod locust;
mod process;

use crate::check::Check;

pub use advisories::{ADVISORIES, Advisory, DATED};

/// All checks, by code.
pub fn all() -> Vec<&'static Check> {
    let groups = [process::ALL, kernel::ALL, host::ALL, isolation::ALL, files::ALL, environment::ALL, locust::ALL];
    groups.into_iter().flatten().copied().chain(crate::vault::checks()).collect()
}

/// "1 file", "2 files".
fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// The first few, and how many more there are.
pub(crate) fn listed<T: AsRef<str>>(items: &[T]) -> String {
    const SHOWN: usize = 6;
    let shown: Vec<&str> = items.iter().take(SHOWN).map(AsRef::as_ref).collect();
    let more = items.len().saturating_sub(SHOWN);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

#[cfg(test)]
mod tests;
