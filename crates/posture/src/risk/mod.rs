//! Residual risk: likelihood × impact of what remains, threat by threat, by the OWASP Risk Rating Methodology.
//!
//! Everything in here is judgement without I/O: [`Facts`] go in, an [`Assessment`] comes out, and the same facts give the same
//! assessment. All weights stand in one table, [`table`]; `docs/reference/risk.md` shows it, and a test compares the two.
//! A threat of which nothing is known is not rated, rather than taken for small.

mod facts;
mod gaps;
mod plan;
mod run;
mod scale;
mod signs;
pub mod table;

pub use facts::{
    Age, CheckFact, CheckOutcome, Facts, FindingFact, Origin, ProofFact, Protection, SecretFact, SecretKind, Spot,
    Stakes, VaultFact,
};
pub use gaps::{Gap, State};
pub use plan::PlannedStep;
pub use run::{FORMAT, Run};
pub use scale::{Exposure, Level};
pub use signs::Sign;
pub use table::{Effort, Reference, Step, Threat};

/// "today", "3 days ago".
fn ago(days: u64) -> String {
    match days {
        0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        days => format!("{days} days ago"),
    }
}

/// The rating of one threat.
#[derive(Debug, Clone)]
pub struct Rated {
    /// The threat.
    pub threat: &'static Threat,
    /// How open the way is; `None`: nothing is known about it, and it is not rated.
    pub exposure: Option<Exposure>,
    /// From 0 to 9: the mean of the eight factors of likelihood.
    pub likelihood: f64,
    /// From 0 to 9: the mean of the eight factors of impact.
    pub impact: f64,
    /// What they make together, by OWASP's matrix; `None` as for `exposure`.
    pub level: Option<Level>,
    /// Why: the worst first.
    pub signs: Vec<Sign>,
}

impl Rated {
    /// Likelihood × impact, from 0 to 81; 0 where it is not rated.
    pub fn score(&self) -> f64 {
        if self.exposure.is_some() { self.likelihood * self.impact } else { 0.0 }
    }
}

/// What remains.
#[derive(Debug, Clone)]
pub struct Assessment {
    /// That of the worst threat.
    pub level: Level,
    /// Its likelihood × impact.
    pub score: f64,
    /// Every threat, in the order of the table.
    pub threats: Vec<Rated>,
    /// Ideal against actual.
    pub gaps: Vec<Gap>,
    /// What to do, the best first.
    pub plan: Vec<PlannedStep>,
}

impl Assessment {
    /// The threats of which nothing is known.
    pub fn not_rated(&self) -> impl Iterator<Item = &Rated> {
        self.threats.iter().filter(|rated| rated.exposure.is_none())
    }

    /// Likelihood × impact of all threats together.
    pub fn total(&self) -> f64 {
        self.threats.iter().map(Rated::score).sum()
    }
}

/// Puts everything together.
pub fn assess(facts: &Facts) -> Assessment {
    let signs = signs::read(facts);
    let threats = rate(&signs, facts.stakes);
    let (level, score) = overall(&threats);
    Assessment { level, score, gaps: gaps::compare(facts), plan: plan::plan(&signs, facts.stakes), threats }
}

/// The rating that these signs give.
fn rate(signs: &[Sign], stakes: Stakes) -> Vec<Rated> {
    let one = |threat: &'static Threat| {
        let mut own: Vec<Sign> = signs.iter().filter(|sign| sign.threat == threat.id).cloned().collect();
        // The sort is stable: what is as bad stays in the order of the table.
        own.sort_by_key(|sign| std::cmp::Reverse(sign.exposure));
        let exposure = own.first().and_then(|sign| sign.exposure);
        let likelihood = exposure.map_or(0.0, |exposure| table::likelihood(threat, exposure));
        let impact = table::impact(stakes);
        let level = exposure.map(|_| Level::of(likelihood, impact));
        Rated { threat, exposure, likelihood, impact, level, signs: own }
    };
    table::THREATS.iter().map(one).collect()
}

/// The level and the score of the worst threat.
fn overall(threats: &[Rated]) -> (Level, f64) {
    let level = threats.iter().filter_map(|rated| rated.level).max().unwrap_or(Level::Note);
    (level, threats.iter().map(Rated::score).fold(0.0, f64::max))
}

#[cfg(test)]
mod tests;
