//! Each format of one small audit.

use tegmen_findings::{Confidence, Excerpt, Finding, Location, Problem, ProblemKind, Rule, Severity};

use super::*;

static RULE: Rule = Rule {
    code: "TGM101",
    id: "hardcoded-password",
    summary: "a password is written in the source",
    severity: Severity::High,
    page: " ## What it does\n Finds.\n\n ## References\n - CWE-798\n",
    by_default: true,
};

fn place(path: &str, line: u32, text: &str) -> Location {
    Location {
        path: path.into(),
        line,
        column: 13,
        end_line: line,
        end_column: 20,
        name: "password".into(),
        context: "Shopper".into(),
        fingerprint: "00ff".into(),
        note: None,
        excerpt: Some(Excerpt { text: text.into(), highlight: 12..15 }),
    }
}

fn sample() -> (Vec<Finding>, Vec<Problem>) {
    let mut finding =
        Finding::new(&RULE, Severity::High, Confidence::High, place("load/locustfile.py", 7, "password = \"***\""))
            .name("password")
            .message("a password in `password` is written in the source");
    finding.hint = Some("read it with `secret(\"PASSWORD\")`".into());
    finding.add_location(place("load/a b.py", 3, "password = \"***\""));
    (
        vec![finding],
        vec![Problem {
            kind: ProblemKind::Unparsed,
            path: "old.py".into(),
            line: Some(2),
            message: "does not parse".into(),
        }],
    )
}

fn render(render: impl Fn(&Input<'_>) -> String) -> String {
    let (findings, problems) = sample();
    render(&Input {
        findings: &findings,
        problems: &problems,
        notes: &[],
        uses: &[],
        files: 3,
        suppressed: &[],
        rules: &[&RULE],
        version: "0.0.0",
        baseline: None,
        elapsed: None,
    })
}

#[test]
fn text_shows_the_masked_line() {
    insta::assert_snapshot!(render(|input| text(input, Colour::Never, Width::Unknown)));
}

#[test]
fn messages_fit_the_window_and_stay_one_line_elsewhere() {
    let shown = |width| render(|input| text(input, Colour::Never, width));
    let is_prose = |line: &&str| !line.contains('|');
    let wide =
        |width: usize| shown(Width::Window(width)).lines().filter(is_prose).any(|line| line.chars().count() > width);
    assert!(![80, 100, 140].into_iter().any(wide), "{}", shown(Width::Window(80)));
    let words = |text: String| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(shown(Width::Window(80))), words(shown(Width::Window(140))));
}

#[test]
fn json_has_what_programs_ask_for() {
    insta::assert_snapshot!(render(json));
}

#[test]
fn sarif_has_rules_results_and_notifications() {
    insta::assert_snapshot!(render(sarif));
}

#[test]
fn github_and_markdown() {
    insta::assert_snapshot!(format!("{}\n{}", render(github), render(markdown)));
}
