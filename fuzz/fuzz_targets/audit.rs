//! Any bytes as a file of any kind: the audit ends, and says nothing that it must not say.
//!
//! Input: one byte that chooses the name of the file, then the file.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use tegmen_audit::{Options, audit_texts};

/// One name for each kind of file.
const NAMES: &[&str] = &[
    "locustfile.py",
    ".env",
    "locust.conf",
    "docker-compose.yml",
    "pyproject.toml",
    "users.json",
    "load.ipynb",
    "users.csv",
    "plan.jmx",
    "Dockerfile",
    "run.sh",
    "Makefile",
    "Jenkinsfile",
    ".env.example",
];

fuzz_target!(|data: &[u8]| {
    let Some((name, bytes)) = data.split_first() else { return };
    let name = NAMES[usize::from(*name) % NAMES.len()];
    let text = String::from_utf8_lossy(bytes).into_owned();
    let lines = text.lines().count() as u32 + 1;
    let audit = audit_texts(&BTreeMap::from([(name.to_owned(), text)]), &Options::default());
    for finding in &audit.findings {
        for place in finding.locations() {
            assert!(place.line >= 1 && place.line <= lines, "a place outside of the file");
        }
    }
    for one in &audit.uses {
        assert!(one.line >= 1 && one.line <= lines, "a use outside of the file");
    }
});
