//! Laws that hold for whatever a file says, tried with made-up files: the same as the fuzz targets `audit` and `fix`, briefly.

#![allow(clippy::unwrap_used, reason = "this is a test")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use tegmen_audit::{Fixing, Options, audit_texts, fix_texts};

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

/// What files are made of, so that chance gets beyond the first line.
const PIECES: &[&str] = &[
    "password",
    "token: ",
    "api_key = ",
    "'Zk99-aabb'",
    "\"9f8c2b7a4e1d6f3b5a0c7e2d\"",
    "\n",
    "\n    ",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "'''",
    "\"\"\"",
    "#",
    "f'",
    "\\",
    ": ",
    "=",
    ", ",
    "print",
    "os.getenv",
    "import os\n",
    "from locust import HttpUser\n",
    "class A(HttpUser):\n",
    "def f(x):\n",
    "é",
    "\u{2028}",
    "\r\n",
    "\t",
    "$(",
    "${X",
    "-H 'Authorization: Bearer ",
    "curl -u a:",
    "http://u:p@h/?token=",
    "&",
    "<password>",
    "</password>",
    "data:\n",
    "  locustfile.py: |\n",
    "kind: ConfigMap\n",
    "- ",
    "export ",
    "0",
];

/// Lines of scripts.
const LINES: &[&str] = &[
    "import os",
    "from locust import HttpUser, task, events",
    "PASSWORD = 'hunter2-7Qz'",
    "API_KEY = \"9f8c2b7a4e1d6f3b5a0c7e2d\"",
    "TOKEN = os.getenv('SHOP_TOKEN', '9f8c2b7a4e1d6f3b5a0c7e2f')",
    "KEY = os.environ.get(\"API_KEY\")",
    "plain = '9f8c2b7a4e1d6f3b5a0c7e2a'; other = {'X-Api-Key': plain}",
    "class Shopper(HttpUser):",
    "    host = 'https://u:Zk99aabb@shop.example'",
    "    def on_start(self):",
    "        r = self.client.post('/login', json={'user': 'a', 'password': 'Zk99-aabb'}, verify=False)",
    "        print(r.text)",
    "        self.token = r.json()['token']; print(self.token)",
    "        if True: print(self.token, 1)",
    "        self.client.get(f'/x?token={self.token}')",
    "        with self.client.get('/x', catch_response=True) as r:",
    "            r.failure(f'bad: {r.text}')",
    "    def t(self): pass",
    "@events.init_command_line_parser.add_listener",
    "def _(parser):",
    "    parser.add_argument('--api-key', default='')",
    "os.system('curl -u a:Zk99-aabb https://x')",
    "# password = 'Zk99-aabb'",
    "print(PASSWORD)",
    "try:",
    "    pass",
    "except Exception as e:",
    "    raise RuntimeError(f'{PASSWORD}') from e",
    "",
];

fn one(name: &str, text: String) -> BTreeMap<String, String> {
    BTreeMap::from([(name.to_owned(), text)])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_audited(name in 0..NAMES.len(), pieces in prop::collection::vec((0..PIECES.len() + 1, any::<char>()), 0..60)) {
        let text: String =
            pieces.iter().map(|(piece, other)| PIECES.get(*piece).map_or_else(|| other.to_string(), |piece| (*piece).to_owned())).collect();
        let lines = text.matches('\n').count() as u32 + 1;
        let audit = audit_texts(&one(NAMES[name], text), &Options::default());
        for place in audit.findings.iter().flat_map(|finding| finding.locations()) {
            prop_assert!(place.line >= 1 && place.line <= lines);
        }
        for place in &audit.uses {
            prop_assert!(place.line >= 1 && place.line <= lines);
        }
    }

    #[test]
    fn a_fix_parses_and_is_whole(lines in prop::collection::vec(0..LINES.len(), 0..24)) {
        let text: String = lines.iter().flat_map(|line| [LINES[*line], "\n"]).collect();
        let files = one("locustfile.py", text);
        let options = Options::default();
        // Most of what chance puts together does not parse, and has no fix.
        if !audit_texts(&files, &options).problems.is_empty() {
            return Ok(());
        }
        let fixing = Fixing { unsafe_too: true, move_values: true, ..Fixing::default() };
        let once = fix_texts(&files, &options, &fixing);
        if let Some(file) = once.files.first() {
            let after = file.after.expose_str().unwrap().to_owned();
            prop_assert!(once.audit.problems.is_empty(), "does not parse:\n{}", after);
            let twice = fix_texts(&one("locustfile.py", after.clone()), &options, &fixing);
            prop_assert!(twice.files.is_empty(), "a second run changes:\n{}", after);
        }
    }
}
