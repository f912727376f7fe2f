//! What to do next: the step that removes most risk for its effort, then the best after that, and so on.

use super::signs::Sign;
use super::table::{STEPS, Step};
use super::{Exposure, Level, Stakes, overall, rate};

/// A step, and what it brings when those before it are done.
#[derive(Debug, Clone)]
pub struct PlannedStep {
    /// What to do.
    pub step: &'static Step,
    /// Why: the texts of the signs that go with it.
    pub reasons: Vec<String>,
    /// The threats that it is about.
    pub threats: Vec<&'static str>,
    /// By how much it lowers likelihood × impact, over all threats.
    pub removed: f64,
    /// What remains then.
    pub leaves: Level,
}

/// Orders all steps that the signs ask for. A step that lowers nothing by itself, because others keep the same way open, comes
/// when it is the cheapest of those that are left.
pub fn plan(signs: &[Sign], stakes: Stakes) -> Vec<PlannedStep> {
    let mut left: Vec<Sign> = signs.to_vec();
    let mut waiting: Vec<&'static Step> =
        STEPS.iter().copied().filter(|step| signs.iter().any(|sign| sign.step == Some(step))).collect();
    let mut planned = Vec::new();
    while !waiting.is_empty() {
        let before = total(&left, stakes);
        let gain = |step: &Step| before - total(&without(&left, step), stakes);
        let worth = |step: &Step| gain(step) / step.effort.weight();
        // Where two are as good, the first of the table; where nothing is gained, the cheapest.
        let mut best = 0;
        for (index, step) in waiting.iter().enumerate().skip(1) {
            let (one, other) = (worth(step), worth(waiting[best]));
            if one > other || one == 0.0 && other == 0.0 && order(&left, step) < order(&left, waiting[best]) {
                best = index;
            }
        }
        let step = waiting.remove(best);
        let own = || signs.iter().filter(|sign| sign.step == Some(step));
        let removed = gain(step);
        left = without(&left, step);
        let mut threats: Vec<&'static str> = own().map(|sign| sign.threat).collect();
        threats.dedup();
        let mut reasons: Vec<String> = Vec::new();
        for sign in own() {
            if !reasons.contains(&sign.text) {
                reasons.push(sign.text.clone());
            }
        }
        planned.push(PlannedStep { step, reasons, threats, removed, leaves: overall(&rate(&left, stakes)).0 });
    }
    planned
}

/// Where nothing is gained at once: what is open before what is partly so, that before what is only not known; then by effort.
fn order(left: &[Sign], step: &Step) -> (std::cmp::Reverse<Option<Exposure>>, super::Effort) {
    let worst = left.iter().filter(|sign| sign.step == Some(step)).map(|sign| sign.exposure).max().flatten();
    (std::cmp::Reverse(worst), step.effort)
}

/// The signs when a step is done. What the step was about is closed then, and not forgotten.
fn without(signs: &[Sign], step: &Step) -> Vec<Sign> {
    let done = |sign: &Sign| match sign {
        sign if sign.step == Some(step) && sign.exposure.is_some() => {
            Sign { exposure: Some(Exposure::Closed), step: None, ..sign.clone() }
        }
        sign => sign.clone(),
    };
    signs.iter().map(done).collect()
}

fn total(signs: &[Sign], stakes: Stakes) -> f64 {
    rate(signs, stakes).iter().map(super::Rated::score).sum()
}
