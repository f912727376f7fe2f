//! One page for the browser and for paper: no network, no script, no other file, everything escaped by the template.

use std::collections::BTreeMap;

use askama::Template;
use tegmen_findings::{Finding, Severity};
use tegmen_posture::risk::table::{IMPACT_FACTORS, IMPACTS, WAYS, impact};
use tegmen_posture::risk::{
    CheckFact, CheckOutcome, Exposure, Facts, Gap, Level, PlannedStep, Rated, SecretFact, Stakes, State, VaultFact,
};

use super::{Report, age, capital, hosts, number, plural, protection, rotation, source, spots, trend};
use crate::RenderError;

#[derive(Template)]
#[template(path = "risk.html")]
struct Page<'a> {
    project: &'a str,
    day: &'a str,
    version: &'a str,
    level: Level,
    summary: String,
    stakes: &'static str,
    tiles: Vec<(String, &'static str)>,
    trend: String,
    plan: Vec<Step<'a>>,
    matrix: Vec<(&'static str, Vec<Cell>)>,
    threats: Vec<Threat<'a>>,
    secrets: Vec<Secret<'a>>,
    gaps: Vec<Gap>,
    files: Vec<(&'a str, Vec<Line<'a>>)>,
    subjects: Vec<(&'a str, Vec<&'a CheckFact>)>,
    checks: Option<String>,
    vault: String,
    proof: String,
    leaks: &'a [(String, String)],
    remarks: &'a [String],
    ways: Vec<[String; 6]>,
    factors: Vec<(&'static str, u8)>,
    impact: String,
}

struct Step<'a> {
    planned: &'a PlannedStep,
    removes: String,
    reasons: Vec<String>,
}

/// A field of the matrix: its level, and the numbers of the threats in it.
struct Cell {
    level: Level,
    threats: Vec<usize>,
}

struct Threat<'a> {
    number: usize,
    rated: &'a Rated,
    word: &'static str,
    likelihood: String,
    impact: String,
    signs: Vec<Reason>,
}

struct Reason {
    class: &'static str,
    word: &'static str,
    text: String,
    places: String,
}

struct Secret<'a> {
    secret: &'a SecretFact,
    source: String,
    uses: Vec<String>,
    more: usize,
    hosts: String,
    places: String,
    protection: &'static str,
    age: String,
    rotation: String,
    owner: &'a str,
}

struct Line<'a> {
    line: u32,
    finding: &'a Finding,
    severity: &'static str,
}

/// The page.
///
/// # Errors
/// [`RenderError`], which would be a defect of Tegmen.
pub fn html(report: &Report<'_>) -> Result<String, RenderError> {
    let (facts, assessment) = (report.facts, report.assessment);
    let (met, all) = report.met();
    let severity = |severity: Severity| report.count(severity).to_string();
    let impacts = &IMPACTS[facts.stakes as usize];
    let page = Page {
        project: report.project,
        day: report.day(),
        version: report.version,
        level: assessment.level,
        summary: capital(&report.summary()),
        stakes: match facts.stakes {
            Stakes::Test => "test systems",
            Stakes::Production => "production",
        },
        tiles: vec![
            (number(assessment.score), "worst threat, of 81"),
            (facts.secrets.len().to_string(), "secrets"),
            (severity(Severity::High), "high findings"),
            (severity(Severity::Medium), "medium findings"),
            (severity(Severity::Low), "low findings"),
            (format!("{met} of {all}"), "requirements met"),
        ],
        trend: trend::svg(report.runs),
        plan: assessment.plan.iter().map(step).collect(),
        matrix: matrix(&assessment.threats),
        threats: assessment.threats.iter().enumerate().map(threat).collect(),
        secrets: facts.secrets.iter().map(secret).collect(),
        gaps: assessment.gaps.iter().map(|gap| Gap { actual: plain(&gap.actual), ..gap.clone() }).collect(),
        files: by_file(report.findings),
        subjects: by_subject(facts),
        checks: facts.checks.as_ref().map(|checks| said_of_checks(checks)),
        vault: facts.vault.as_ref().map_or_else(|| "No secret of the manifest comes from Vault.".to_owned(), vault),
        proof: proof(facts),
        leaks: facts.proof.as_ref().map_or(&[], |proof| &proof.leaks),
        remarks: report.remarks,
        ways: WAYS
            .iter()
            .map(|way| {
                let words = [way.opportunity, way.discovery, way.exploit, way.awareness, way.detection];
                let [a, b, c, d, e] = words.map(|word| word.to_string());
                [way.exposure.as_str().to_owned(), a, b, c, d, e]
            })
            .collect(),
        factors: IMPACT_FACTORS.into_iter().zip(impacts.factors).collect(),
        impact: number(impact(facts.stakes)),
    };
    Ok(page.render()?)
}

fn step(planned: &PlannedStep) -> Step<'_> {
    Step {
        planned,
        removes: number(planned.removed),
        reasons: planned.reasons.iter().map(|text| plain(text)).collect(),
    }
}

/// OWASP's matrix with the numbers of the threats in it, from high impact to low.
fn matrix(threats: &[Rated]) -> Vec<(&'static str, Vec<Cell>)> {
    const MIDDLES: [(&str, f64); 3] = [("low", 1.0), ("medium", 4.0), ("high", 7.0)];
    let band = |value: f64| usize::from(value >= 3.0) + usize::from(value >= 6.0);
    let row = |index: usize| {
        let (word, of_impact) = MIDDLES[index];
        let cells = MIDDLES.iter().enumerate().map(|(column, (_, likelihood))| Cell {
            level: Level::of(*likelihood, of_impact),
            threats: threats
                .iter()
                .enumerate()
                .filter(|(_, rated)| {
                    rated.level.is_some() && band(rated.impact) == index && band(rated.likelihood) == column
                })
                .map(|(number, _)| number + 1)
                .collect(),
        });
        (word, cells.collect())
    };
    [2, 1, 0].map(row).into()
}

fn threat((index, rated): (usize, &Rated)) -> Threat<'_> {
    let known = |value: f64| if rated.level.is_some() { number(value) } else { "–".to_owned() };
    let sign = |sign: &tegmen_posture::risk::Sign| Reason {
        class: match sign.exposure {
            Some(Exposure::Open) => "high",
            Some(Exposure::Partly) => "medium",
            Some(Exposure::Closed) => "low",
            None => "none",
        },
        word: sign.exposure.map_or("not known", Exposure::as_str),
        text: plain(&sign.text),
        places: spots(sign),
    };
    Threat {
        number: index + 1,
        rated,
        word: rated.level.map_or("not rated", Level::as_str),
        likelihood: known(rated.likelihood),
        impact: known(rated.impact),
        signs: rated.signs.iter().map(sign).collect(),
    }
}

/// So many places of a secret are listed.
const USES: usize = 6;

fn secret(secret: &SecretFact) -> Secret<'_> {
    Secret {
        secret,
        source: source(secret),
        uses: secret.uses.iter().take(USES).map(ToString::to_string).collect(),
        more: secret.uses.len().saturating_sub(USES),
        hosts: hosts(secret),
        places: secret.places.join(", "),
        protection: protection(secret.protection),
        age: age(secret.age),
        rotation: rotation(secret),
        owner: secret.owner.as_deref().unwrap_or("–"),
    }
}

/// The findings by the files that they are in.
fn by_file(findings: &[Finding]) -> Vec<(&str, Vec<Line<'_>>)> {
    let mut files: BTreeMap<&str, Vec<Line<'_>>> = BTreeMap::new();
    for finding in findings {
        for place in finding.locations() {
            let severity = finding.severity.as_str();
            files.entry(&place.path).or_default().push(Line { line: place.line, finding, severity });
        }
    }
    for lines in files.values_mut() {
        lines.sort_by_key(|line| line.line);
    }
    files.into_iter().collect()
}

/// The checks that fail or could not be answered, by what they are about.
fn by_subject(facts: &Facts) -> Vec<(&str, Vec<&CheckFact>)> {
    let mut subjects: Vec<(&str, Vec<&CheckFact>)> = Vec::new();
    let told = |check: &&CheckFact| matches!(check.outcome, CheckOutcome::Fail | CheckOutcome::NotKnown);
    for check in facts.checks.iter().flatten().filter(told) {
        match subjects.iter_mut().find(|(subject, _)| *subject == check.subject) {
            Some((_, checks)) => checks.push(check),
            None => subjects.push((&check.subject, vec![check])),
        }
    }
    for (_, checks) in &mut subjects {
        checks.sort_by_key(|check| (check.outcome != CheckOutcome::Fail, std::cmp::Reverse(check.severity)));
    }
    subjects
}

fn said_of_checks(checks: &[CheckFact]) -> String {
    let count = |outcome: CheckOutcome| checks.iter().filter(|check| check.outcome == outcome).count();
    format!(
        "{} asked: {} pass, {} fail, {} could not be answered, {} do not apply here.",
        plural(checks.len(), "check"),
        count(CheckOutcome::Pass),
        count(CheckOutcome::Fail),
        count(CheckOutcome::NotKnown),
        count(CheckOutcome::NotApplicable)
    )
}

/// What is known of Vault.
pub fn vault(vault: &VaultFact) -> String {
    let address = vault.address.as_deref().unwrap_or("the address of the environment");
    match vault.method.as_deref() {
        Some(method) => format!("Secrets come from Vault at {address}; login by {method}."),
        None => format!("Secrets come from Vault at {address}; how to log in is left to the environment."),
    }
}

/// What is known of the last proof.
pub fn proof(facts: &Facts) -> String {
    let Some(proof) = &facts.proof else {
        return "Not known: there is no run of tegmen prove.".to_owned();
    };
    let day = proof.time.get(..10).unwrap_or(&proof.time);
    let skipped = match proof.not_exercised.len() {
        0 => String::new(),
        _ => format!(" Not exercised: {}.", proof.not_exercised.join(", ")),
    };
    match proof.leaks.len() {
        0 => format!("On {day} nothing came out in {}.{skipped}", plural(proof.clean.len(), "channel")),
        leaks => format!("On {day}: {}.{skipped}", plural(leaks, "leak")),
    }
}

impl Cell {
    fn numbers(&self) -> String {
        self.threats.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }
}

/// A sentence without the marks of code.
fn plain(text: &str) -> String {
    capital(text).replace('`', "")
}

/// A class for a state.
fn state(state: &State) -> &'static str {
    match state {
        State::Met => "low",
        State::Partly => "medium",
        State::Missing => "high",
        State::NotKnown | State::NotApplicable => "none",
    }
}
