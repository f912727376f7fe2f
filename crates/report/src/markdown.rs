//! Markdown: findings for a pull request's summary, and the pages of rules.

use std::fmt::Write;

use tegmen_findings::{Finding, Problem, Rule};

use crate::{Input, held_back, summary};

/// A table of findings, for the summary of a CI job or a comment on a pull request.
pub fn markdown(input: &Input<'_>) -> String {
    let mut out = format!("# Audit\n\n{}.\n", escape(&summary(input)));
    if !input.findings.is_empty() {
        out.push_str("\n| Severity | Rule | Where | What | What to do |\n|---|---|---|---|---|\n");
        for finding in input.findings {
            let more = match finding.locations().len() {
                1 => String::new(),
                count => format!(" and {} more", count - 1),
            };
            let _ = writeln!(
                out,
                "| {} | `{}` {} | {}{more} | {} | {} |",
                finding.severity.as_str(),
                finding.rule.code,
                finding.rule.id,
                place(finding),
                escape(&finding.message),
                escape(finding.hint.as_deref().unwrap_or_default()),
            );
        }
    }
    problems(&mut out, "Not audited as a whole", input.problems);
    problems(&mut out, "Notes", input.notes);
    if !input.suppressed.is_empty() {
        let _ = write!(out, "\n<details><summary>Held back: {}</summary>\n\n", input.suppressed.len());
        out.push_str("| Rule | Where | By |\n|---|---|---|\n");
        for finding in input.suppressed {
            let by = finding.suppression.as_ref().map(held_back).unwrap_or_default();
            let _ = writeln!(out, "| {} | {} | {} |", finding.rule.id, place(finding), escape(&by));
        }
        out.push_str("\n</details>\n");
    }
    out
}

fn problems(out: &mut String, title: &str, problems: &[Problem]) {
    if problems.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n## {title}\n");
    for problem in problems {
        let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
        let _ = writeln!(out, "- {}: {}", code(&format!("{}{line}", problem.path)), escape(&problem.message));
    }
}

fn place(finding: &Finding) -> String {
    code(&format!("{}:{}", finding.location().path, finding.location().line))
}

/// Text as code, whatever is in it. A `|` would end the cell of a table even there.
pub(crate) fn code(text: &str) -> String {
    let text = line(text).replace('|', "\\|");
    let runs = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(runs + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Text that means nothing to Markdown or HTML, but for names between backticks, which are code.
pub(crate) fn escape(text: &str) -> String {
    let text = line(text);
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return plain(&text);
    }
    let part = |(index, part): (usize, &&str)| match (index % 2, part.is_empty()) {
        (0, _) => plain(part),
        (_, true) => String::new(),
        (_, false) => code(part),
    };
    parts.iter().enumerate().map(part).collect()
}

fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // A name that somebody is called by would call them.
            '@' => out.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '$' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
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
