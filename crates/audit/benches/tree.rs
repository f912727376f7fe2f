//! The speed of the audit on a large tree: `cargo bench -p tegmen-audit`.
//!
//! 5,000 generated scripts, written to a temporary directory once. `parse` is the floor: reading and understanding the same files on
//! all cores, with no rule asked. `audit` is everything.

#![allow(clippy::unwrap_used, reason = "this is a benchmark")]

use std::fmt::Write;
use std::sync::LazyLock;

use camino::Utf8PathBuf;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use rayon::prelude::*;
use tegmen_audit::Options;
use tegmen_syntax::Module;

fn main() {
    divan::main();
    // A static is never dropped, and a hundred megabytes are too much to leave behind.
    std::fs::remove_dir_all(&TREE.path).unwrap();
}

const FILES: usize = 5_000;

struct Tree {
    path: Utf8PathBuf,
    files: Vec<Utf8PathBuf>,
    bytes: usize,
}

static TREE: LazyLock<Tree> = LazyLock::new(|| {
    let path = Utf8PathBuf::from_path_buf(tempfile::tempdir().unwrap().keep()).unwrap();
    let mut files = Vec::with_capacity(FILES);
    let mut bytes = 0;
    for i in 0..FILES {
        let text = script(i);
        let folder = path.join(format!("team{}", i % 50));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("locustfile_{i}.py"));
        std::fs::write(&file, &text).unwrap();
        bytes += text.len();
        files.push(file);
    }
    Tree { path, files, bytes }
});

/// A script of some 20 kB: two findings, and much that is none.
fn script(seed: usize) -> String {
    let mut out = String::from(
        "import os\nimport logging\nfrom locust import HttpUser, task\n\nlogger = logging.getLogger(__name__)\n\n",
    );
    for class in 0..12 {
        let _ = writeln!(out, "class User{class}(HttpUser):\n    weight = {class}\n    token_type = \"bearer\"\n");
        let _ = writeln!(
            out,
            "    def on_start(self):\n        key = os.environ[\"API_KEY_{class}\"]\n        self.headers = {{\"Authorization\": f\"Bearer {{key}}\", \"Accept\": \"*/*\"}}\n"
        );
        for task in 0..4 {
            let _ = writeln!(
                out,
                "    @task({task})\n    def task_{task}(self):\n        # Item {seed} of this user's list.\n        r = self.client.get(f\"/items/{{self.item}}/{task}\", headers=self.headers, name=\"/items/[id]\")\n        data = {{\"id\": {seed}, \"name\": \"item-{class}-{task}\", \"tags\": [\"a\", \"b\", \"c\"]}}\n        if r.status_code != 200:\n            logger.warning(\"status %s\", r.status_code)\n        return data\n"
            );
        }
    }
    let _ =
        writeln!(out, "PASSWORD = \"shopper-{seed}-x7\"\n\ndef show(reply):\n    print(PASSWORD, len(reply.text))\n");
    out
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn parse(bencher: Bencher) {
    let tree = &*TREE;
    bencher.counter(BytesCount::new(tree.bytes)).counter(ItemsCount::new(FILES)).bench(|| {
        tree.files
            .par_iter()
            .map(|file| Module::parse(std::fs::read_to_string(file).unwrap()).exprs().count())
            .sum::<usize>()
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn audit(bencher: Bencher) {
    let tree = &*TREE;
    bencher
        .counter(BytesCount::new(tree.bytes))
        .counter(ItemsCount::new(FILES))
        .bench(|| tegmen_audit::audit(std::slice::from_ref(&tree.path), &Options::default()).unwrap().findings.len());
}
