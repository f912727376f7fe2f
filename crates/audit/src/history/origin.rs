//! Which commit brought a secret, and which took it away.

use std::collections::{BTreeMap, HashMap, HashSet};

use rayon::prelude::*;

use super::Error;
use super::forest::Forest;
use super::repository::{Commit, History};
use super::scan::{self, Found};
use crate::context::FileResult;
use crate::project;

/// Digits of a hash that are shown.
const SHORT: usize = 10;

/// Where a secret is, and since when it is not.
struct Past {
    secret: u32,
    added: usize,
    removed: Option<usize>,
    /// Another blob to show it in.
    otherwise: Option<u32>,
}

/// The secrets that are in no file any more, as results of the files that had them.
pub fn report(
    history: &History,
    commits: &[Commit],
    forest: &Forest,
    found: Found,
    present: &HashSet<String>,
) -> Result<Vec<FileResult>, Error> {
    let gone: HashSet<u32> =
        (0..found.secrets.len() as u32).filter(|id| !present.contains(&found.secrets[*id as usize])).collect();
    let mut of: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut shown: HashMap<u32, Vec<&scan::Hit>> = HashMap::new();
    for hit in found.hits.iter().filter(|hit| gone.contains(&hit.secret)) {
        of.entry(hit.blob).or_default().push(hit.secret);
        shown.entry(hit.secret).or_default().push(hit);
    }
    let mut results: Vec<FileResult> = found
        .problems
        .iter()
        .map(|problem| FileResult {
            path: problem.path.clone(),
            problems: vec![problem.clone()],
            ..FileResult::default()
        })
        .collect();
    if of.is_empty() {
        return Ok(results);
    }
    let (sets, contents) = forest.spread(&of);
    let at = |commit: usize| &contents[sets[forest.roots[commit] as usize] as usize];
    let mut added: HashMap<u32, usize> = HashMap::new();
    let mut removed: HashMap<u32, usize> = HashMap::new();
    let mut dropped: HashMap<u32, usize> = HashMap::new();
    // From the oldest to the newest, so that the first that brings a secret and the last that takes it away stay.
    for (index, commit) in commits.iter().enumerate().rev() {
        let here = at(index);
        for secret in here {
            added.entry(*secret).or_insert(index);
        }
        for parent in commit
            .parents
            .iter()
            .filter(|parent| sets[forest.roots[**parent] as usize] != sets[forest.roots[index] as usize])
        {
            for secret in at(*parent).iter().filter(|secret| here.binary_search(secret).is_err()) {
                let everywhere = commit.parents.iter().all(|parent| at(*parent).binary_search(secret).is_ok());
                if everywhere {
                    removed.insert(*secret, index)
                } else {
                    dropped.insert(*secret, index)
                };
            }
        }
    }
    // A mark that somebody has put there holds the value back; else the oldest version is shown, which is the last in order. One that was
    // only searched may turn out to have the value as something else: then it is the oldest of those that were parsed.
    let mut pasts: BTreeMap<u32, Vec<Past>> = BTreeMap::new();
    for (secret, hits) in shown {
        let Some(added) = added.get(&secret).copied() else { continue };
        let Some(first) = hits.iter().max_by_key(|hit| (hit.marked, hit.blob)) else { continue };
        let parsed = hits.iter().filter(|hit| hit.parsed).max_by_key(|hit| (hit.marked, hit.blob)).map(|hit| hit.blob);
        let removed = removed.get(&secret).or_else(|| dropped.get(&secret)).copied();
        let otherwise = parsed.filter(|blob| *blob != first.blob);
        pasts.entry(first.blob).or_default().push(Past { secret, added, removed, otherwise });
    }
    while !pasts.is_empty() {
        let told: Vec<Told> = std::mem::take(&mut pasts)
            .into_par_iter()
            .map_init(
                || history.local(),
                |repository, (blob, here)| {
                    let blob = &forest.blobs[blob as usize];
                    let Ok(text) = scan::text(history, repository, blob)? else { return Ok(Told::default()) };
                    Ok(tell(project::past_file(&blob.path, blob.kind, text), here, &found.secrets, commits))
                },
            )
            .collect::<Result<_, Error>>()?;
        for Told { result, others } in told {
            results.extend(result);
            for past in others {
                if let Some(other) = past.otherwise {
                    pasts.entry(other).or_default().push(Past { otherwise: None, ..past });
                }
            }
        }
    }
    Ok(results)
}

/// What there is to say of one blob.
#[derive(Default)]
struct Told {
    result: Option<FileResult>,
    /// Secrets that it has as something else.
    others: Vec<Past>,
}

/// Keeps of what the rules say of a blob the secrets that are gone, and says when they came and went.
fn tell(mut result: FileResult, here: Vec<Past>, secrets: &[String], commits: &[Commit]) -> Told {
    let has: HashSet<&str> = result.found.iter().filter_map(|hit| hit.secret.as_deref()).collect();
    let (here, others): (Vec<Past>, Vec<Past>) =
        here.into_iter().partition(|past| has.contains(secrets[past.secret as usize].as_str()));
    let by_secret: HashMap<&str, &Past> =
        here.iter().map(|past| (secrets[past.secret as usize].as_str(), past)).collect();
    result.found.retain_mut(|hit| {
        let Some(past) = hit.secret.as_deref().and_then(|secret| by_secret.get(secret)) else { return false };
        let added = &commits[past.added];
        let removed = match past.removed {
            Some(removed) => format!("removed in {}", describe(&commits[removed])),
            None => "still at the tip of a branch or tag".to_owned(),
        };
        hit.candidate.message = format!("{}, in the history since {}, {removed}", hit.candidate.message, describe(added));
        hit.candidate.hint = Some("it can be read by whoever has the repository: replace it at its source; to rewrite the history takes it out of no clone".to_owned());
        // What the commit is goes into the fingerprint, which so stays what it is for ever.
        let id = added.id.to_string();
        hit.context = if hit.context.is_empty() { format!("@{id}") } else { format!("{}@{id}", hit.context) };
        true
    });
    // One secret is one finding, however many rules have something to say of it.
    let mut once: HashSet<String> = HashSet::new();
    result.found.retain(|hit| {
        hit.candidate.group.as_ref().is_some_and(|group| matches!(group, crate::context::Group::List(..)))
            || hit.secret.clone().is_none_or(|secret| once.insert(secret))
    });
    result.problems.clear();
    // A mark in an old version cannot be put right any more: nothing is said of those that hold nothing back.
    result.ignores.retain(|ignore| {
        result.found.iter().any(|hit| ignore.covers(hit.candidate.rule, hit.spot.line, hit.spot.end_line))
    });
    for ignore in &result.ignores {
        ignore.used.set(true);
    }
    Told { result: Some(result), others }
}

/// A commit in a sentence: `1a2b3c4d5e (2024-05-06)`.
fn describe(commit: &Commit) -> String {
    let id = commit.id.to_string();
    format!("{} ({})", id.get(..SHORT).unwrap_or(&id), date(commit.time))
}

/// The day of a time in seconds since 1970, in UTC: `2024-05-06`. (Howard Hinnant's `civil_from_days`.)
fn date(seconds: i64) -> String {
    let days = seconds.div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn days() {
        for (seconds, day) in
            [(0, "1970-01-01"), (951_782_400, "2000-02-29"), (1_704_067_199, "2023-12-31"), (-1, "1969-12-31")]
        {
            assert_eq!(date(seconds), day);
        }
    }
}
