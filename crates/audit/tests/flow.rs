//! The way that a value took is told, in order, and ends before the finding.

#![allow(clippy::unwrap_used, reason = "this is a test")]

use std::collections::BTreeMap;

use tegmen_audit::{Options, audit_texts};

fn ways(files: &[(&str, &str)], rule: &str) -> Vec<Vec<(String, u32, String)>> {
    let files: BTreeMap<String, String> =
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let audit = audit_texts(&files, &Options::default());
    let found = audit.findings.iter().filter(|finding| finding.rule.id == rule);
    found
        .map(|finding| {
            let way = finding.related.iter();
            way.map(|place| (place.path.clone(), place.line, place.note.clone().unwrap_or_default())).collect()
        })
        .collect()
}

#[test]
fn a_helper_two_modules_away() {
    let files = [
        (
            "locustfile.py",
            "import os\nfrom locust import HttpUser\nfrom a import first\nclass U(HttpUser):\n    def on_start(self):\n        first(os.environ['API_TOKEN'])\n",
        ),
        ("a.py", "from b import second\ndef first(value):\n    second(value)\n"),
        ("b.py", "def second(value):\n    print(value)\n"),
    ];
    let ways = ways(&files, "secret-in-log");
    let expected: Vec<(String, u32, String)> =
        [("locustfile.py", 6, "a secret from the environment comes from here"), ("a.py", 3, "handed to `second` here")]
            .map(|(path, line, note)| (path.to_owned(), line, note.to_owned()))
            .to_vec();
    assert_eq!(ways, [expected]);
}

#[test]
fn a_value_that_comes_back_and_is_kept() {
    let source = "import os\nfrom locust import HttpUser, task\ndef read():\n    return os.environ['API_TOKEN']\nclass U(HttpUser):\n    def on_start(self):\n        self.t = read()\n    @task\n    def go(self):\n        print(self.t)\n";
    let ways = ways(&[("locustfile.py", source)], "secret-in-log");
    let notes: Vec<(u32, &str)> = ways[0].iter().map(|(_, line, note)| (*line, note.as_str())).collect();
    assert_eq!(notes, [(4, "a secret from the environment comes from here"), (7, "given back by `read` here")]);
}

#[test]
fn imports_in_a_circle_and_calls_that_call_themselves_come_to_an_end() {
    let files = [
        (
            "locustfile.py",
            "from locust import HttpUser\nfrom a import f, A\nclass U(HttpUser, A):\n    def on_start(self):\n        f(self.token)\n",
        ),
        (
            "a.py",
            "from b import g, B\nimport locustfile\nclass A(B):\n    token = locustfile.U.token\ndef f(x):\n    return g(f(x))\n",
        ),
        ("b.py", "from a import f, A\nclass B(A):\n    pass\ndef g(x):\n    print(x)\n    return f(g(x))\n"),
    ];
    assert!(ways(&files, "secret-in-log").len() <= 1);
}
