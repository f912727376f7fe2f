//! Posture: the state of the machine, of Locust's settings and of Vault's configuration; and [`risk`], what remains when all that
//! is known of a project is put together.
//!
//! Facts are gathered in one place ([`gather`]) and judged in another ([`checks`]), which does no I/O, so that every check
//! can be asked about facts that were made up. Nothing is guessed: a fact that could not be read says why, and the answer is
//! "not known". Facts hold names, places and modes, never a value: what is looked at to find a secret is dropped where it was
//! read.
//!
//! What must not come in: formats (they are `report`'s), and the judgement of anything that was not gathered.

mod check;
#[macro_use]
pub mod checks;
pub mod facts;
pub mod fix;
pub mod gather;
mod profile;
pub mod risk;
pub mod vault;

pub use check::{Answer, Check, Judgement, Outcome, Place, Reference, Selection, Subject, Unknown};
pub use facts::Facts;
pub use fix::Repair;
pub use gather::Project;
pub use profile::Profile;

use tegmen_findings::Severity;

/// The answers of all checks that were asked.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Posture {
    /// For which kind of machine.
    pub profile: Profile,
    /// By code.
    pub answers: Vec<Answer>,
}

impl Posture {
    /// The answers that found a defect.
    pub fn failed(&self) -> impl Iterator<Item = &Answer> {
        self.answers.iter().filter(|answer| matches!(answer.outcome, Outcome::Fail { .. }))
    }

    /// Whether one found a defect that is at least so bad.
    pub fn fails_at(&self, least: Severity) -> bool {
        self.failed().any(|answer| answer.severity() >= least)
    }
}

/// Gathers the facts about this machine and the project, and asks every check that `selection` takes. `profile` says for
/// which kind of machine; without one, the facts tell.
pub fn examine(project: &Project, profile: Option<Profile>, selection: &Selection) -> Posture {
    let wanted = |subject| checks::all().into_iter().any(|check| check.subject == subject && selection.takes(check));
    let facts = gather::gather(project, profile, &wanted);
    judge(&facts, selection)
}

/// Asks every check that `selection` takes about these facts.
pub fn judge(facts: &Facts, selection: &Selection) -> Posture {
    let asked = checks::all().into_iter().filter(|check| selection.takes(check));
    Posture { profile: facts.profile, answers: asked.map(|check| check.ask(facts)).collect() }
}
