//! Each format of a small posture.

use tegmen_posture::{Facts, Posture, Profile, Selection, judge};

use super::*;
use crate::Colour;

fn sample() -> Posture {
    let mut facts = Facts { profile: Profile::Laptop, ..Facts::default() };
    facts.process.uid = tegmen_posture::facts::Fact::known(0);
    facts.kernel.ptrace_scope = tegmen_posture::facts::Fact::known(Some(1));
    facts.environment.sensitive = vec!["API_KEY".to_owned(), "<b>\u{1b}[31m".to_owned()];
    let names = ["running-as-root", "ptrace-open", "unencrypted-swap", "no-confinement", "sensitive-variables"];
    judge(&facts, &Selection { select: names.map(str::to_owned).into(), ignore: Vec::new() })
}

#[test]
fn text_says_what_was_found_why_and_what_to_do() {
    insta::assert_snapshot!(text(&sample(), Colour::Never, 100, true));
}

#[test]
fn nothing_steers_a_terminal_and_the_page_escapes_what_it_shows() {
    assert!(!text(&sample(), Colour::Never, 100, false).contains('\u{1b}'));
    let page = html(&sample(), "0").unwrap();
    assert!(page.contains("&#60;b&#62;") || page.contains("&lt;b&gt;"), "{page}");
    assert!(!page.contains("<b>"));
}

#[test]
fn json_and_sarif_hold_every_answer_that_matters() {
    let document: serde_json::Value = serde_json::from_str(&json(&sample(), "0")).unwrap();
    assert_eq!(document["summary"]["failed"], 2);
    assert_eq!(document["summary"]["not_known"], 1);
    let answer = &document["answers"][0];
    assert_eq!(answer["check"], "running-as-root");
    for key in ["code", "outcome", "severity", "found", "why", "repair", "references"] {
        assert!(!answer[key].is_null(), "{key}");
    }
    let document: serde_json::Value = serde_json::from_str(&sarif(&sample(), "0")).unwrap();
    let results = document["runs"][0]["results"].as_array().unwrap();
    let kinds: Vec<&str> = results.iter().filter_map(|result| result["kind"].as_str()).collect();
    assert_eq!(kinds, ["fail", "open", "fail"]);
}
