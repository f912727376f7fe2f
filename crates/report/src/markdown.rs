//! Markdown: findings for a pull request's summary, and the pages of rules.

use std::fmt::Write;

use tegmen_findings::{Rule, Severity};

use crate::{Input, plural};

/// A table of findings.
pub fn markdown(input: &Input<'_>) -> String {
    let mut out = String::from("# Audit\n\n");
    let _ = writeln!(
        out,
        "{} in {}: {} high, {} medium, {} low.\n",
        plural(input.findings.len(), "finding"),
        plural(input.files, "file"),
        input.count(Severity::High),
        input.count(Severity::Medium),
        input.count(Severity::Low)
    );
    if !input.findings.is_empty() {
        out.push_str("| Severity | Rule | Where | What |\n|---|---|---|---|\n");
        for finding in input.findings {
            let first = finding.location();
            let more = match finding.locations().len() {
                1 => String::new(),
                count => format!(" and {} more", count - 1),
            };
            let _ = writeln!(
                out,
                "| {} | `{}` {} | {}:{}{more} | {} |",
                finding.severity.as_str(),
                finding.rule.code,
                finding.rule.id,
                cell(&first.path),
                first.line,
                cell(&finding.message)
            );
        }
    }
    if !input.problems.is_empty() {
        out.push_str("\n## Not audited as a whole\n\n");
        for problem in input.problems {
            let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
            let _ = writeln!(out, "- {}{line}: {}", problem.path, problem.message);
        }
    }
    out
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// The page of a rule.
pub fn rule_page(rule: &Rule, level: usize) -> String {
    let hashes = "#".repeat(level);
    let mut out = format!(
        "{hashes} {} {}\n\n{}. Severity: {}.\n\n",
        rule.code,
        rule.id,
        capital(rule.summary),
        rule.severity.as_str()
    );
    let mut code = false;
    for line in rule.page.lines() {
        // Doc comments have a blank after their slashes.
        let line = line.strip_prefix(' ').unwrap_or(line);
        code ^= line.starts_with("```");
        match line.strip_prefix("## ").filter(|_| !code) {
            Some(heading) => {
                let _ = writeln!(out, "{hashes}# {heading}\n");
            }
            None => {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    out
}

/// The reference of all rules.
pub fn rules_reference(rules: &[&Rule]) -> String {
    let mut out = String::from(
        "# Rules\n\nThis page is generated from the rules themselves (`cargo xtask docs`). `tegmen explain RULE` prints one of them.\n\n| Code | Rule | Severity | What it finds |\n|---|---|---|---|\n",
    );
    for rule in rules {
        let _ = writeln!(
            out,
            "| {} | [{}](#{}) | {} | {} |",
            rule.code,
            rule.id,
            rule.anchor(),
            rule.severity.as_str(),
            rule.summary
        );
    }
    for rule in rules {
        out.push('\n');
        out.push_str(rule_page(rule, 2).trim_end());
        out.push('\n');
    }
    out
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
