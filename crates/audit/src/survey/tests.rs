use std::collections::BTreeMap;

use super::*;
use crate::walk;

fn survey_of(files: &[(&str, &str)]) -> Survey {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    let entries: Vec<_> =
        files.keys().filter_map(|path| Some(((*path).to_owned(), walk::kind(Utf8Path::new(path))?))).collect();
    of(&entries, &|path, _| files.get(path).map(|text| (*text).to_owned()))
}

fn origins(survey: &Survey) -> Vec<&str> {
    survey.aims.iter().map(|aim| aim.origin.as_str()).collect()
}

#[test]
fn what_a_load_test_reads_and_nothing_of_others() {
    let survey = survey_of(&[
        ("app/settings.py", "import os\nKEY = os.environ['APP_SECRET_KEY']\n"),
        ("load/helpers.py", "import os\nTOKEN = os.getenv('PARTNER_TOKEN', '')\nNAME = os.getenv('USER_NAME')\n"),
        (
            "load/locustfile.py",
            "import os\nfrom locust import HttpUser\nfrom tegmen import secret\nfrom helpers import TOKEN\n\n\
             class Shopper(HttpUser):\n    host = 'https://shop.example.com/v1'\n    key = os.environ['LOCUST_API_KEY']\n    \
             password = secret('SHOP_PASSWORD')\n",
        ),
    ]);
    assert_eq!(survey.scripts, ["load/locustfile.py"]);
    let names: Vec<_> = survey.uses.iter().map(|known| (known.name.as_str(), known.kind, known.at.line)).collect();
    assert_eq!(
        names,
        [
            ("LOCUST_API_KEY", UseKind::Environment, 8),
            ("PARTNER_TOKEN", UseKind::Environment, 2),
            ("SHOP_PASSWORD", UseKind::Asked, 9)
        ]
    );
    assert_eq!(survey.imports_tegmen.len(), 1);
    assert_eq!(origins(&survey), ["https://shop.example.com"]);
}

#[test]
fn what_starts_the_test_and_where_it_is_aimed() {
    let survey = survey_of(&[
        (
            "Makefile",
            "install:\n\tpip install locust\n\nload:\n\tlocust -f load.py --headless \\\n\t  --host https://a.example.com\n",
        ),
        (
            ".github/workflows/load.yml",
            "jobs:\n  x:\n    steps:\n      - run: tegmen audit --format github\n      - run: tegmen run -- locust -H http://b.example.com:8080 --worker\n",
        ),
        (
            "compose.yml",
            "services:\n  m:\n    image: locustio/locust\n    command:\n      - locust\n      - --master\n      - --host\n      - https://c.example.com\n    environment:\n      LOCUST_HOST: https://d.example.com\n",
        ),
        ("locust.conf", "host = https://e.example.com/x?key=abc\nusers = 5\n"),
        (".pre-commit-config.yaml", "repos:\n  - repo: x\n    hooks:\n      - id: tegmen-audit\n"),
        (
            "run.sh",
            "# locust --host https://no.example.com\nexport LOCUST_HOST=\"http://$HOST\"\ntegmen prove -- locust\n",
        ),
    ]);
    let starts: Vec<_> =
        survey.starts.iter().map(|start| (start.at.path.as_str(), start.is_protected, start.is_distributed)).collect();
    assert_eq!(
        starts,
        [
            (".github/workflows/load.yml", true, true),
            ("Makefile", false, false),
            ("compose.yml", false, true),
            ("run.sh", true, false)
        ]
    );
    let hosts: BTreeSet<&str> = origins(&survey).into_iter().collect();
    assert_eq!(
        hosts.into_iter().collect::<Vec<_>>(),
        [
            "http://b.example.com:8080",
            "https://a.example.com",
            "https://c.example.com",
            "https://d.example.com",
            "https://e.example.com"
        ]
    );
    let care: Vec<_> = survey.care.iter().map(|care| (care.kind, care.at.path.as_str(), care.is_automatic)).collect();
    assert_eq!(
        care,
        [
            (CareKind::Audit, ".github/workflows/load.yml", true),
            (CareKind::Audit, ".pre-commit-config.yaml", true),
            (CareKind::Proof, "run.sh", false)
        ]
    );
}

#[test]
fn nothing_of_a_url_but_its_origin_and_no_value_for_a_name() {
    assert_eq!(
        origin("https://user:pass@h.example.com:8443/key/abc?t=1").as_deref(),
        Some("https://h.example.com:8443")
    );
    for text in ["", "http://", "https://$HOST", "{{ host }}", "ftp://x.example.com", "abc123", "https://a b"] {
        assert_eq!(origin(text), None, "{text}");
    }
    assert!(is_name("LOCUST_API_KEY") && is_name("shop.key"));
    let token = ["gh", "p_", "0123456789abcdefghijABCDEFGHIJ012345"].concat();
    assert!(!is_name(&token) && !is_name("eyJ.a-b") && !is_name(&"A".repeat(65)) && !is_name("9A"));
}
