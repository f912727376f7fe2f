//! The checks themselves, as pages in Markdown.

use std::fmt::Write;

use tegmen_posture::{Check, Subject};

/// The page of a check. `level` is that of its heading.
pub fn check_page(check: &Check, level: usize) -> String {
    let hashes = "#".repeat(level);
    let mut title = check.title.to_owned();
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let mut out = format!(
        "{hashes} {} {}\n\n{title}. Severity: {}.\n\n{}\n\n**Repair:** {}.\n\n",
        check.code,
        check.id,
        check.severity.as_str(),
        check.why,
        check.repair.trim_end_matches('.')
    );
    for reference in check.references {
        let _ = writeln!(out, "- {} <{}>", reference.title, reference.url);
    }
    out
}

/// The reference of all checks.
pub fn checks_reference(checks: &[&'static Check], dated: &str) -> String {
    let mut out = format!(
        "# The checks of `tegmen doctor`\n\n\
         This page is generated from the checks themselves (`cargo xtask docs`). `tegmen explain CHECK` prints one of them; \
         [the guide](../how-to/harden.md) tells how to use them.\n\n\
         A check **passes**, **fails**, is **not known** (what it asks about could not be read, and the reason is said) or **not \
         applicable**. How bad a failure is depends on what was found and on the profile; the table has the usual severity. The list of \
         advisories is that of {dated}.\n"
    );
    for subject in Subject::ALL {
        let group: Vec<&&Check> = checks.iter().filter(|check| check.subject == subject).collect();
        if group.is_empty() {
            continue;
        }
        let _ = write!(
            out,
            "\n## {}\n\n| Code | Check | Severity | What it finds |\n|---|---|---|---|\n",
            subject.as_str()
        );
        for check in &group {
            let anchor = format!("{}-{}", check.code.to_ascii_lowercase(), check.id);
            let _ = writeln!(
                out,
                "| {} | [{}](#{anchor}) | {} | {} |",
                check.code,
                check.id,
                check.severity.as_str(),
                check.title
            );
        }
        for check in group {
            out.push('\n');
            out.push_str(&check_page(check, 3));
        }
    }
    out
}
