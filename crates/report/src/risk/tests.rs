use tegmen_posture::risk::{Facts, Origin, Protection, Run, SecretFact, Spot, assess};

use super::*;

fn facts() -> Facts {
    let mut secret = SecretFact::new("SHOP_API_KEY", Origin::HardCoded);
    secret.uses.push(Spot { path: "<b>.py".into(), line: 7 });
    let vault = SecretFact {
        source: Some("vault:secret/shop#key".into()),
        max_age: Some(90 * 86_400),
        hosts: Some(vec!["https://shop.example.com".into()]),
        owner: Some("team-shop".into()),
        protection: Protection::Enforced,
        ..SecretFact::new("PASSWORD", Origin::Vault)
    };
    Facts { files: 3, secrets: vec![secret, vault], ..Facts::default() }
}

fn with<T>(runs: &[Run], look: impl Fn(&Report<'_>) -> T) -> T {
    let facts = facts();
    let assessment = assess(&facts);
    let remarks = ["the history of reports could not be read".to_owned()];
    look(&Report {
        project: "shop & <co>",
        time: "2026-01-31T10:00:00Z",
        version: "0.0.0",
        facts: &facts,
        assessment: &assessment,
        findings: &[],
        runs,
        remarks: &remarks,
    })
}

fn run(day: u32, total: f64, level: tegmen_posture::risk::Level) -> Run {
    let facts = facts();
    let run = Run::of(&format!("2026-01-{day:02}T10:00:00Z"), &facts, &assess(&facts));
    Run { total, level, ..run }
}

#[test]
fn the_text_fits_a_narrow_terminal() {
    for width in [60, 80, 120] {
        let text = with(&[], |report| super::text(report, crate::Colour::Never, width));
        assert!(text.starts_with("Residual risk: High\n"), "{text}");
        let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > width).collect();
        assert!(wide.is_empty(), "{width}: {wide:?}");
    }
}

#[test]
fn how_many_secrets_are_protected_is_said_in_plain_words() {
    let summary = |protected: usize, of: usize| {
        let secret = |number: usize| {
            let protection = if number < protected { Protection::Enforced } else { Protection::None };
            SecretFact { protection, ..SecretFact::new(format!("KEY_{number}"), Origin::Vault) }
        };
        let facts = Facts { secrets: (0..of).map(secret).collect(), ..Facts::default() };
        let assessment = assess(&facts);
        let report = with(&[], |report| Report { facts: &facts, assessment: &assessment, ..*report }.summary());
        report.split(',').next().unwrap().trim_end_matches(" when the test runs").to_owned()
    };
    assert_eq!(summary(0, 0), "no secret was found");
    assert_eq!(summary(0, 1), "the one secret is not protected");
    assert_eq!(summary(1, 1), "the one secret is protected");
    assert_eq!(summary(0, 3), "none of the 3 secrets is protected");
    assert_eq!(summary(1, 3), "1 of the 3 secrets is protected");
    assert_eq!(summary(2, 3), "2 of the 3 secrets are protected");
    assert_eq!(summary(3, 3), "all 3 secrets are protected");
}

#[test]
fn every_format_has_the_names_and_escapes_them() {
    let page = with(&[], |report| html(report).unwrap());
    assert!(page.contains("shop &#38; &#60;co&#62;") || page.contains("shop &amp; &lt;co&gt;"), "{page}");
    assert!(!page.contains("<b>.py"));
    assert!(page.contains("id=\"level\">High<"));
    let markdown = with(&[], markdown);
    assert!(markdown.contains("Residual risk: **High**") && !markdown.contains("<co>"), "{markdown}");
    let document: serde_json::Value = serde_json::from_str(&with(&[], json)).unwrap();
    assert_eq!(document["risk"]["level"], "high");
    assert_eq!(document["secrets"][1]["owner"], "team-shop");
    assert_eq!(document["threats"].as_array().unwrap().len(), 10);
    let threats = document["threats"].as_array().unwrap();
    let execution = threats.iter().find(|known| known["id"] == "execution").unwrap();
    assert!(execution["level"].is_null() && execution["score"].is_null());
}

#[test]
fn the_trend_is_drawn_from_two_runs_on() {
    use tegmen_posture::risk::Level;
    assert_eq!(trend::svg(&[run(1, 100.0, Level::High)]), "");
    let mut odd = run(3, 40.0, Level::Low);
    odd.time = "<script>".into();
    let svg = trend::svg(&[run(1, 100.0, Level::High), run(2, 100.0, Level::High), odd]);
    assert_eq!(svg.matches("<circle").count(), 3);
    assert!(svg.contains(">high</text>") && svg.contains(">low</text>") && !svg.contains("<script>"), "{svg}");
}

#[test]
fn the_page_about_the_method_has_every_threat_and_step() {
    use tegmen_posture::risk::table::{STEPS, THREATS};
    let page = method();
    assert!(THREATS.iter().all(|threat| page.contains(threat.title)));
    assert!(STEPS.iter().all(|step| page.contains(step.title)));
}
