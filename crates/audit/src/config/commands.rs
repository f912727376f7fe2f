//! Commands of a shell inside Python: what `os.system` and `subprocess` run, and the commands that comments tell one to type.

use std::collections::BTreeSet;
use std::ops::Range;

use tegmen_classify as classify;
use tegmen_syntax::{Arg, ExprId, ExprKind, Module, StmtKind};

use super::collector::Collector;
use super::shell::{self, Dialect};
use crate::literal::judge::judge;
use crate::literal::{Judged, Site};

/// Functions that run a command.
pub const RUNNERS: &[&str] =
    &["system", "popen", "run", "call", "Popen", "check_call", "check_output", "getoutput", "getstatusoutput", "spawn"];

/// Programs that a line of a comment begins with if it is a command.
const PROGRAMS: &[&str] = &[
    "export", "set", "curl", "locust", "wget", "http", "https", "docker", "podman", "kubectl", "helm", "env", "vault",
    "bao", "hey", "ab",
];

/// A longer text is hardly a command.
const LONGEST: usize = 20_000;

/// Adds what commands of a module have in them.
pub fn collect(module: &Module, found: &mut Vec<Judged>) {
    let mut known: BTreeSet<u32> =
        found.iter().flat_map(|judged| &judged.literal.spans).map(|span| span.start).collect();
    for (id, expr) in module.exprs() {
        let ExprKind::Call { func, args } = &expr.kind else { continue };
        if runs(module, *func)
            && let Some(first) = args.first()
        {
            for mut judged in command(module, first) {
                if known.insert(start(&judged)) {
                    judged.literal.site = Site::Embedded;
                    judged.literal.block = Some(module.block_of(id));
                    found.push(judged);
                }
            }
        }
    }
    let comments = module.comments.iter().map(|comment| comment.span);
    let texts = module.statements.iter().filter_map(|statement| match statement.kind {
        StmtKind::Text(text, _) => match module.kind(text) {
            ExprKind::Str(literal) => Some(literal.content),
            _ => None,
        },
        _ => None,
    });
    for span in comments.chain(texts) {
        for line in lines(module.text(span)) {
            let at = span.start as usize + line.start..span.start as usize + line.end;
            for judged in dead(module, at) {
                if known.insert(start(&judged)) {
                    found.push(judged);
                }
            }
        }
    }
}

fn start(judged: &Judged) -> u32 {
    judged.literal.spans.first().map_or(0, |span| span.start)
}

/// Whether a call runs a command: `os.system(…)`, `subprocess.run(…)`.
fn runs(module: &Module, func: ExprId) -> bool {
    module.tail_str(func).is_some_and(|tail| RUNNERS.contains(&tail))
        && module.qualified(func).is_some_and(|name| {
            ["os.", "subprocess.", "commands.", "pexpect.", "gevent.subprocess.", "sh."]
                .iter()
                .any(|start| name.starts_with(start))
        })
}

fn command(module: &Module, argument: &Arg) -> Vec<Judged> {
    let source = module.source();
    let mut collector = Collector::new("", source);
    match module.kind(argument.value) {
        ExprKind::Str(literal) => shell::read(&mut collector, literal.content.range(), Dialect::Shell),
        ExprKind::Sequence { items, .. } => {
            // What is put together at run time stands for itself.
            let words = items.iter().map(|item| match module.kind(*item) {
                ExprKind::Str(literal) => (module.str_value(literal).to_owned(), literal.content.range()),
                _ => ("${}".to_owned(), module.span(*item).range()),
            });
            shell::words(&mut collector, words.collect());
        }
        _ => return Vec::new(),
    }
    collector.done().literals
}

/// The lines of a comment or a text that begin like a command.
pub fn lines(text: &str) -> Vec<Range<usize>> {
    if text.len() > LONGEST || !crate::prefilter::has_sensitive_word(text.as_bytes()) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let body = line.trim_start_matches([' ', '\t', '#', '$', '>', '%']);
        let first = body.split_whitespace().next().unwrap_or_default();
        let assigns = first.split_once('=').is_some_and(|(name, _)| {
            name.len() > 3 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        });
        if PROGRAMS.contains(&first) || assigns {
            found.push(start + line.len() - body.len()..at);
        }
    }
    found
}

/// What a command that is only written down has in it, where that is no word for a sample.
fn dead(module: &Module, at: Range<usize>) -> Vec<Judged> {
    let mut collector = Collector::new("", module.source());
    shell::read(&mut collector, at, Dialect::Shell);
    collector
        .done()
        .literals
        .into_iter()
        .filter(|judged| judged.shape.is_some() || classify::looks_random(&judged.secret))
        .filter_map(|judged| {
            let mut literal = judged.literal;
            literal.site = Site::Dead;
            judge(literal, false)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use tegmen_syntax::Span;

    use super::*;

    #[test]
    fn lines_of_comments_that_are_commands() {
        let of = |text: &str| lines(text).into_iter().map(|line| text[line].trim().to_owned()).collect::<Vec<_>>();
        assert_eq!(of("# $ export API_TOKEN=x\n# the password\n"), ["export API_TOKEN=x"]);
        assert_eq!(of("usage:\n    SHOP_PASSWORD=x locust -f a.py\n"), ["SHOP_PASSWORD=x locust -f a.py"]);
        assert!(of("# token = value").is_empty());
    }

    #[test]
    fn spans_are_places_in_the_source() {
        let text = "import os\nos.system('curl -u admin:Zk99-aa https://x')\n";
        let mut found = Vec::new();
        collect(&Module::parse(text.to_owned()), &mut found);
        let spans: Vec<&str> =
            found.iter().flat_map(|judged| &judged.literal.spans).map(|span: &Span| &text[span.range()]).collect();
        assert_eq!(spans, ["Zk99-aa"]);
    }
}
