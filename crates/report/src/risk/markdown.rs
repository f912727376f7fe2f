//! The report in Markdown.

use std::fmt::Write;

use tegmen_posture::risk::{CheckOutcome, Exposure, Level};

use super::{Report, age, capital, hosts, number, plural, protection, rotation, source, spots};
use crate::markdown::{code, escape};

/// The report.
pub fn markdown(report: &Report<'_>) -> String {
    let mut out = format!(
        "# Risk report: {}\n\n{}, Tegmen {}. Residual risk: **{}**. {}.\n",
        escape(report.project),
        report.day(),
        report.version,
        report.assessment.level.title(),
        escape(&capital(&report.summary()))
    );
    plan(&mut out, report);
    threats(&mut out, report);
    inventory(&mut out, report);
    gaps(&mut out, report);
    findings(&mut out, report);
    around(&mut out, report);
    trend(&mut out, report);
    list(&mut out, "Not looked at", report.remarks);
    out.push_str("\nThe method is OWASP's Risk Rating; `docs/reference/risk.md` of Tegmen has all weights.\n");
    out
}

/// The head of a table.
fn table(out: &mut String, title: &str, columns: &[&str]) {
    let _ = write!(out, "\n## {title}\n\n| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len()));
}

fn row(out: &mut String, cells: &[String]) {
    let _ = writeln!(out, "| {} |", cells.join(" | "));
}

fn list(out: &mut String, title: &str, items: &[String]) {
    if !items.is_empty() {
        let _ = writeln!(out, "\n## {title}\n");
        for item in items {
            let _ = writeln!(out, "- {}", escape(item));
        }
    }
}

fn plan(out: &mut String, report: &Report<'_>) {
    if report.assessment.plan.is_empty() {
        return;
    }
    table(out, "What to do next", &["", "Step", "How", "Effort", "Removes", "Leaves"]);
    for (index, planned) in report.assessment.plan.iter().enumerate() {
        let step = planned.step;
        row(
            out,
            &[
                (index + 1).to_string(),
                escape(step.title),
                code(step.how),
                step.effort.as_str().to_owned(),
                number(planned.removed),
                planned.leaves.as_str().to_owned(),
            ],
        );
    }
}

fn threats(out: &mut String, report: &Report<'_>) {
    table(out, "Threats", &["Threat", "Risk", "Likelihood", "Impact", "Why"]);
    for rated in &report.assessment.threats {
        let known = |value: f64| if rated.level.is_some() { number(value) } else { "–".to_owned() };
        let why = |sign: &tegmen_posture::risk::Sign| {
            let places = if sign.spots.is_empty() { String::new() } else { format!(" ({})", spots(sign)) };
            escape(&format!("{}{places}", sign.text))
        };
        let worst = rated.exposure.filter(|exposure| *exposure > Exposure::Closed);
        let reasons: Vec<String> = rated
            .signs
            .iter()
            .filter(|sign| worst.is_none() || sign.exposure > Some(Exposure::Closed))
            .map(why)
            .collect();
        row(
            out,
            &[
                escape(rated.threat.title),
                rated.level.map_or("not rated", Level::as_str).to_owned(),
                known(rated.likelihood),
                known(rated.impact),
                reasons.join("; "),
            ],
        );
    }
}

fn inventory(out: &mut String, report: &Report<'_>) {
    if report.facts.secrets.is_empty() {
        return;
    }
    table(
        out,
        "Sensitive data",
        &["Name", "Source", "Used at", "May go to", "In the test", "Age", "Rotation", "Owner"],
    );
    for secret in &report.facts.secrets {
        let uses: Vec<String> = secret.uses.iter().take(4).map(ToString::to_string).collect();
        let more = secret.uses.len().saturating_sub(4);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        row(
            out,
            &[
                code(&secret.name),
                escape(&source(secret)),
                escape(&format!("{}{more}", uses.join(", "))),
                escape(&hosts(secret)),
                protection(secret.protection).to_owned(),
                age(secret.age),
                escape(&rotation(secret)),
                escape(secret.owner.as_deref().unwrap_or("–")),
            ],
        );
    }
}

fn gaps(out: &mut String, report: &Report<'_>) {
    table(out, "Gaps", &["Requirement", "Ideal", "Actual", ""]);
    for gap in &report.assessment.gaps {
        row(out, &[gap.requirement.to_owned(), escape(gap.ideal), escape(&gap.actual), gap.state.as_str().to_owned()]);
    }
}

fn findings(out: &mut String, report: &Report<'_>) {
    if report.findings.is_empty() {
        return;
    }
    table(out, "Findings", &["Where", "Severity", "Rule", "What"]);
    for finding in report.findings {
        let place = finding.location();
        let more = match finding.locations().len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        row(
            out,
            &[
                format!("{}{more}", code(&format!("{}:{}", place.path, place.line))),
                finding.severity.as_str().to_owned(),
                format!("`{}` {}", finding.rule.code, finding.rule.id),
                escape(&finding.message),
            ],
        );
    }
}

/// What else is known: the machine, Vault, the last proof.
fn around(out: &mut String, report: &Report<'_>) {
    let facts = report.facts;
    if let Some(checks) = &facts.checks {
        let failed: Vec<_> = checks.iter().filter(|check| check.outcome == CheckOutcome::Fail).collect();
        if failed.is_empty() {
            let _ = writeln!(out, "\n## The machine\n\nNone of {} fails.", plural(checks.len(), "check"));
        } else {
            table(out, "The machine", &["Check", "Severity", "Found", "What to do"]);
            for check in failed {
                row(
                    out,
                    &[
                        escape(&format!("{} ({})", check.title, check.id)),
                        check.severity.as_str().to_owned(),
                        escape(&check.found),
                        escape(&check.repair),
                    ],
                );
            }
        }
    }
    let mut known = Vec::new();
    if let Some(vault) = &facts.vault {
        known.push(super::html::vault(vault));
    }
    known.push(super::html::proof(facts));
    list(out, "Vault and proof", &known);
}

fn trend(out: &mut String, report: &Report<'_>) {
    if report.runs.len() < 2 {
        return;
    }
    table(out, "Trend", &["When", "Risk", "All threats", "Secrets protected", "Findings (high, medium, low)"]);
    for run in report.runs {
        row(
            out,
            &[
                run.time.get(..10).unwrap_or(&run.time).to_owned(),
                run.level.as_str().to_owned(),
                number(run.total),
                format!("{} of {}", run.protected, run.secrets),
                run.findings.map(|count| count.to_string()).join(", "),
            ],
        );
    }
}
