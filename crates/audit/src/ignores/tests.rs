use tegmen_findings::Severity;

use super::*;
use crate::rules::all;
use crate::walk::FileKind;

fn rule(id: &str) -> &'static Rule {
    all().iter().find(|rule| rule.id == id).unwrap()
}

fn text(text: &str) -> Vec<Ignore> {
    find(text, Syntax::Text(FileKind::Ini))
}

fn python(text: &str) -> Vec<Ignore> {
    let module = tegmen_syntax::Module::parse(text.to_owned());
    find(text, Syntax::Python(&module.comments))
}

#[test]
fn own_marks_are_about_their_line_or_the_next() {
    let found = python(
        "a = 1  # tegmen: ignore[x, TGM101] because\n# tegmen: ignore\n# more\n\nb = 2\nc = '# tegmen: ignore'\n",
    );
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].line, found[0].reach, found[0].selectors().len()), (1, Reach::Line(1), 2));
    assert_eq!(found[0].reason.as_deref(), Some("because"));
    assert_eq!((found[1].line, found[1].reach, &found[1].covers), (2, Reach::Line(5), &Covers::All));
    assert_eq!(found[1].reason, None);
}

#[test]
fn a_mark_for_the_file_and_words_that_are_none() {
    let found = text(
        "# tegmen: ignore-file[TGM1] - only samples\nA=b # tegmen: ignores\nC=d # see tegmen: ignore\nE=f#tegmen: ignore\n",
    );
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].reach, found[0].reason.as_deref()), (Reach::File, Some("only samples")));
    assert!(found[0].covers(rule("hardcoded-password"), 900, 901));
    assert!(!found[0].covers(rule("secret-in-log"), 900, 901));
}

#[test]
fn marks_share_a_comment_and_a_mark_in_a_comment_that_says_more_is_about_its_own_line() {
    let found = python(
        "x = 'a'  # nosec B105 # noqa: S105 # tegmen: ignore[TGM101]\n# old: pw = 'b' # tegmen: ignore\ny = 1\n",
    );
    assert_eq!(
        found.iter().map(|ignore| ignore.mark).collect::<Vec<_>>(),
        ["nosec", "noqa", "tegmen: ignore", "tegmen: ignore"]
    );
    assert_eq!(found[3].reach, Reach::Line(2));
}

#[test]
fn what_other_tools_marks_hold_back() {
    let (password, log, tls) = (rule("hardcoded-password"), rule("secret-in-log"), rule("tls-verification-off"));
    assert_eq!(password.severity, Severity::High);
    // The comment, whether it holds back a password, a log, a certificate.
    for (comment, holds) in [
        ("# noqa", [false, false, false]),
        ("# noqa: E501", [false, false, false]),
        ("# noqa: E501, S105", [true, false, false]),
        ("# NOQA:S106", [true, false, false]),
        ("# noqa: S105 it is fine", [true, false, false]),
        ("# noqa: S501", [false, false, true]),
        ("# noqa: S1", [true, false, false]),
        ("# nosec", [true, false, true]),
        ("# nosec B105", [true, false, false]),
        ("# nosec: B501, B603", [false, false, true]),
        ("# nosec B603", [false, false, false]),
        ("# nosec hardcoded_password_string", [true, false, false]),
        ("# nosec only in the lab", [true, false, true]),
        ("# nosecrets here", [false, false, false]),
        ("# pragma: allowlist secret", [true, false, false]),
        ("# pragma: whitelist secret", [true, false, false]),
        ("# pragma: no cover", [false, false, false]),
        ("# gitleaks:allow", [true, false, false]),
        ("# see the wiki, trufflehog:ignore", [true, false, false]),
        ("# kingfisher:ignore", [true, false, false]),
        ("# ggignore", [true, false, false]),
        ("# nosemgrep", [true, false, true]),
        ("# nosemgrep: python.lang.security.audit.logging.logger-credential-leak", [false, true, false]),
        ("# nosemgrep: generic.secrets.security.detected-generic-secret", [true, false, false]),
        ("# checkov:skip=CKV_SECRET_6:a sample", [true, false, false]),
        ("# lgtm[py/clear-text-logging-sensitive-data]", [false, true, false]),
        ("# just a comment", [false, false, false]),
    ] {
        let found = python(&format!("x = 'y'  {comment}\n"));
        let held = [password, log, tls].map(|rule| found.iter().any(|ignore| ignore.covers(rule, 1, 1)));
        assert_eq!(held, holds, "{comment}");
    }
}

#[test]
fn some_are_about_the_next_line_or_the_file() {
    let password = rule("hardcoded-password");
    let found = text("# pragma: allowlist nextline secret\nA=b\nC=d\n");
    assert!(found[0].covers(password, 2, 2) && !found[0].covers(password, 3, 3));
    let found = python("# ruff: noqa: S105\n\nx = 1\n");
    assert!(found[0].covers(password, 3, 3));
    assert!(python("# flake8: noqa\n").is_empty());
}

#[test]
fn whose_marks_are_honoured() {
    let found = find("a: b # tegmen: ignore\nc: d # gitleaks:allow\n", Syntax::Text(FileKind::Yaml));
    let count = |marks| found.iter().filter(|ignore| ignore.honoured(marks)).count();
    assert_eq!((count(Marks::All), count(Marks::Own), count(Marks::None)), (2, 1, 0));
}
