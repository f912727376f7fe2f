//! Whatever a script says, a fix of it parses where the script did, and a second run finds nothing to do.
//!
//! Input: lines to be put together, each chosen by one byte; 0xFF is followed by a line as it is, up to the next newline.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use tegmen_audit::{Fixing, Options, audit_texts, fix_texts};

/// What scripts are made of, in levels of indentation.
const LINES: &[&str] = &[
    "import os",
    "from locust import HttpUser, task, events",
    "import logging",
    "PASSWORD = 'hunter2-7Qz'",
    "API_KEY = \"9f8c2b7a4e1d6f3b5a0c7e2d\"",
    "TOKEN = os.getenv('SHOP_TOKEN', '9f8c2b7a4e1d6f3b5a0c7e2f')",
    "KEY = os.environ.get(\"API_KEY\")",
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
    "    @task",
    "    def t(self): pass",
    "@events.init_command_line_parser.add_listener",
    "def _(parser):",
    "    parser.add_argument('--api-key', default='')",
    "'''a docstring'''",
    "# password = 'Zk99-aabb'",
    "print(PASSWORD)",
    "x = (PASSWORD,",
    "     f'Bearer {KEY}')",
    "try:",
    "    pass",
    "except Exception as e:",
    "    raise RuntimeError(f'{PASSWORD}') from e",
    "",
];

fuzz_target!(|data: &[u8]| {
    let mut text = String::new();
    let mut rest = data.iter().copied();
    while let Some(byte) = rest.next() {
        if byte == 0xff {
            let line: Vec<u8> = rest.by_ref().take_while(|byte| *byte != b'\n').collect();
            text.push_str(&String::from_utf8_lossy(&line));
        } else {
            text.push_str(LINES[usize::from(byte) % LINES.len()]);
        }
        text.push('\n');
    }
    let files = BTreeMap::from([("locustfile.py".to_owned(), text)]);
    let options = Options::default();
    if !audit_texts(&files, &options).problems.is_empty() {
        return;
    }
    let fixing = Fixing { unsafe_too: true, move_values: true, ..Fixing::default() };
    let once = fix_texts(&files, &options, &fixing);
    let Some(file) = once.files.first() else { return };
    let after = file.after.expose_str().expect("UTF-8 as before").to_owned();
    assert!(once.audit.problems.is_empty(), "a fix does not parse:\n{after}");
    let twice = fix_texts(&BTreeMap::from([("locustfile.py".to_owned(), after.clone())]), &options, &fixing);
    assert!(twice.files.is_empty(), "a second run changes:\n{after}");
});
