use tegmen_findings::{Confidence, Severity};

use super::*;

fn finding(rule: &'static str, code: &'static str, name: &str) -> FindingFact {
    FindingFact {
        rule,
        code,
        severity: Severity::High,
        confidence: Confidence::High,
        name: name.to_owned(),
        spots: vec![Spot { path: "locustfile.py".into(), line: 7 }],
    }
}

/// A team's project before anybody looked at it.
fn before() -> Facts {
    let mut secret = SecretFact::new("SHOP_API_KEY", Origin::HardCoded);
    secret.uses.push(Spot { path: "locustfile.py".into(), line: 7 });
    Facts {
        files: 3,
        secrets: vec![secret, SecretFact::new("SHOP_PASSWORD", Origin::Environment)],
        findings: vec![
            finding("hardcoded-fallback", "TGM108", "SHOP_API_KEY"),
            finding("secret-in-log", "TGM401", "SHOP_API_KEY"),
            finding("unprotected-secret-argument", "TGM405", "--api-key"),
        ],
        ..Facts::default()
    }
}

/// The same with everything that Tegmen has.
fn after() -> Facts {
    let secret = |name: &str| SecretFact {
        max_age: Some(90 * 86_400),
        age: Some(Age { seconds: 86_400, at_least: false }),
        protection: Protection::Enforced,
        ..SecretFact::new(name, Origin::Vault)
    };
    Facts {
        files: 3,
        manifest: Some("tegmen.toml".into()),
        secrets: vec![secret("API_KEY"), secret("SHOP_PASSWORD")],
        findings: vec![finding("secret-in-log", "TGM401", "LOCUST_API_KEY")],
        vault: Some(VaultFact { address: None, method: Some("approle".into()) }),
        protected_starts: vec![Spot { path: "locustfile.py".into(), line: 1 }],
        audits: vec![Spot { path: ".pre-commit-config.yaml".into(), line: 3 }],
        ..Facts::default()
    }
}

fn level(assessment: &Assessment, id: &str) -> Option<Level> {
    assessment.threats.iter().find(|rated| rated.threat.id == id).and_then(|rated| rated.level)
}

#[test]
fn protection_lowers_the_risk_from_high_to_low() {
    let (worse, better) = (assess(&before()), assess(&after()));
    assert_eq!(worse.level, Level::High);
    assert_eq!(better.level, Level::Low, "{:#?}", better.threats);
    assert!(better.total() < worse.total() / 2.0 + 10.0);
    for id in ["repository", "logs", "rotation"] {
        assert_eq!((level(&worse, id), level(&better, id)), (Some(Level::High), Some(Level::Low)), "{id}");
    }
    // Whatever the secrets open, protection does not make their loss harmless.
    let production = assess(&Facts { stakes: Stakes::Production, ..before() });
    assert_eq!(production.level, Level::Critical);
    assert_eq!(assess(&Facts { stakes: Stakes::Production, ..after() }).level, Level::Medium);
}

#[test]
fn what_is_not_known_is_not_rated() {
    let known = assess(&after());
    assert_eq!(known.not_rated().map(|rated| rated.threat.id).collect::<Vec<_>>(), ["execution"]);
    let check = CheckFact {
        id: "running-as-root".into(),
        code: "TGM520".into(),
        subject: "The process".into(),
        title: "it runs as root".into(),
        outcome: CheckOutcome::Fail,
        severity: Severity::High,
        found: "uid 0".into(),
        repair: String::new(),
    };
    let with = |facts: Facts| assess(&Facts { checks: Some(vec![check.clone()]), ..facts });
    assert_eq!(level(&with(before()), "execution"), Some(Level::High));
    assert_eq!(level(&with(after()), "execution"), Some(Level::Medium));
    let passed = CheckFact { outcome: CheckOutcome::Pass, ..check };
    let well = assess(&Facts { checks: Some(vec![passed]), ..after() });
    assert_eq!(level(&well, "execution"), Some(Level::Low));
}

#[test]
fn a_manifest_that_nobody_runs_with_is_half_of_it() {
    let mut facts = after();
    facts.secrets.iter_mut().for_each(|secret| secret.protection = Protection::Named);
    facts.protected_starts.clear();
    let assessment = assess(&facts);
    assert_eq!(level(&assessment, "logs"), Some(Level::Medium));
    assert_eq!(assessment.plan[0].step.id, "run-protected");
    // Variables are better than literals and worse than a manager, as the analysis says.
    let mut facts = after();
    facts.secrets.iter_mut().for_each(|secret| secret.origin = Origin::Environment);
    assert_eq!(assess(&facts).level, Level::Medium);
}

#[test]
fn every_step_leaves_no_more_than_was_there_and_the_last_leaves_least() {
    for facts in [before(), after(), Facts::default()] {
        let assessment = assess(&facts);
        let mut now = assessment.level;
        for step in &assessment.plan {
            assert!(step.leaves <= now && step.removed >= 0.0, "{step:?}");
            now = step.leaves;
        }
        assert!(now <= Level::Low, "{:?}", assessment.plan);
        assert!(assessment.plan.iter().all(|step| !step.reasons.is_empty()));
    }
    let first = &assess(&before()).plan[0];
    assert!(first.removed > 0.0);
}

#[test]
fn a_leak_that_was_shown_counts_whatever_else_is_well() {
    let proof = ProofFact {
        leaks: vec![("API_KEY".into(), "log file".into())],
        clean: vec!["standard output".into()],
        ..ProofFact::default()
    };
    let assessment = assess(&Facts { proof: Some(proof), ..after() });
    assert_eq!(level(&assessment, "logs"), Some(Level::High));
}

#[test]
fn the_same_facts_give_the_same_assessment() {
    assert_eq!(format!("{:?}", assess(&before())), format!("{:?}", assess(&before())));
}

#[test]
fn the_table_is_whole_and_on_owasps_scale() {
    for (index, way) in table::WAYS.iter().enumerate() {
        assert_eq!(way.exposure as usize, index);
    }
    for (index, impact) in table::IMPACTS.iter().enumerate() {
        assert_eq!(impact.stakes as usize, index);
    }
    type Factor = fn(&Threat) -> u8;
    let scale: [(&[u8], Factor); 3] = [
        (&[1, 3, 5, 6, 9], |threat| threat.skill),
        (&[1, 4, 9], |threat| threat.motive),
        (&[2, 4, 5, 6, 9], |threat| threat.size),
    ];
    for threat in table::THREATS {
        assert!(scale.iter().all(|(known, of)| known.contains(&of(threat))), "{}", threat.id);
        for standard in ["CWE-", "ASVS ", "CIS "] {
            assert!(threat.references.iter().any(|known| known.name.starts_with(standard)), "{} {standard}", threat.id);
        }
        // More open is never less likely.
        let of = |exposure| table::likelihood(threat, exposure);
        assert!(of(Exposure::Closed) < of(Exposure::Partly) && of(Exposure::Partly) < of(Exposure::Open));
    }
    let mut ids: Vec<_> = table::STEPS.iter().map(|step| step.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), table::STEPS.len());
}

#[test]
fn the_matrix_is_owasps() {
    assert_eq!(Level::of(2.9, 2.9), Level::Note);
    assert_eq!(Level::of(9.0, 2.9), Level::Medium);
    assert_eq!(Level::of(3.0, 3.0), Level::Medium);
    assert_eq!(Level::of(6.0, 5.9), Level::High);
    assert_eq!(Level::of(2.9, 6.0), Level::Medium);
    assert_eq!(Level::of(9.0, 9.0), Level::Critical);
}

#[test]
fn a_master_and_workers_without_a_key_are_told_of() {
    let mut facts = Facts { is_distributed: true, ..after() };
    let open = assess(&facts);
    assert!(open.plan.iter().any(|step| step.step.id == "cluster-key"), "{:?}", open.plan);
    let state = |facts: &Facts| gaps::compare(facts).into_iter().find(|gap| gap.requirement == "Master and workers");
    assert_eq!(state(&facts).map(|gap| gap.state), Some(State::Partly));
    let key = SecretFact { kind: SecretKind::ClusterKey, ..SecretFact::new("CLUSTER_KEY", Origin::Vault) };
    facts.secrets.push(SecretFact { protection: Protection::Enforced, ..key });
    let sealed = assess(&facts);
    // Neither a key of a cluster nor a record of a pool has an age in the manifest.
    assert_eq!(sealed.level, Level::Low, "{:#?}", sealed.threats);
    assert_eq!(state(&facts).map(|gap| gap.state), Some(State::Met));
}
