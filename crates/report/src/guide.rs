//! The guide for the developers of one project: how its secrets are handled, with its own names, files and mistakes.

use std::fmt::Write;

use tegmen_findings::Finding;
use tegmen_posture::risk::{Facts, Origin, SecretFact, SecretKind};

use crate::markdown::{code, escape};

/// What it is made of.
#[derive(Debug, Clone, Copy)]
pub struct Guide<'a> {
    /// What the project is called.
    pub project: &'a str,
    /// The day: `2026-01-31`.
    pub day: &'a str,
    /// What is known of it.
    pub facts: &'a Facts,
    /// What the audit found.
    pub findings: &'a [Finding],
    /// For each secret with an age and a limit, the day on which it is due: by name.
    pub due: &'a [(String, String)],
}

/// At most so many of the project's own mistakes are shown.
const MISTAKES: usize = 6;

/// The guide, in Markdown.
pub fn guide(guide: &Guide<'_>) -> String {
    let facts = guide.facts;
    let manifest = facts.manifest.as_deref().unwrap_or("tegmen.toml");
    let mut out = format!("# Secrets in the load test of {}\n\n", escape(guide.project));
    let _ = writeln!(
        out,
        "Written by `tegmen guide` on {} from {} and what the audit finds; write it anew when one of them changes.",
        guide.day,
        code(manifest)
    );
    match &facts.owner {
        Some(owner) => {
            let _ = writeln!(out, "Whom to ask: **{}**.", escape(owner));
        }
        None => {
            let _ =
                writeln!(out, "Whom to ask: nobody is named; `owner = \"…\"` at the top of {} does.", code(manifest));
        }
    }
    short(&mut out, manifest);
    secrets(&mut out, facts);
    locally(&mut out, facts);
    pipeline(&mut out, facts);
    add(&mut out, facts, manifest);
    pools(&mut out, facts);
    machines(&mut out, facts);
    mistakes(&mut out, guide.findings);
    rotation(&mut out, guide);
    leaked(&mut out, facts);
    out
}

fn short(out: &mut String, manifest: &str) {
    let _ = write!(
        out,
        "\n## In short\n\n\
         1. A secret never stands in a script, a configuration file, a command line or a chat. Its name stands in {}.\n\
         2. Scripts read `os.environ[\"LOCUST_NAME\"]` or `secret(\"NAME\")`. Either gives a placeholder; the value is put in on the wire.\n\
         3. The test is started with `tegmen run -- locust …`, by people and in the pipeline.\n\
         4. Before a merge, `tegmen audit` finds nothing new.\n",
        code(manifest)
    );
}

fn secrets(out: &mut String, facts: &Facts) {
    out.push_str("\n## The secrets\n\n| Name | Comes from | The test sees it as | May go to | Whom to ask |\n|---|---|---|---|---|\n");
    for secret in &facts.secrets {
        let variables: Vec<String> = secret.variables.iter().map(|variable| code(variable)).collect();
        let seen = match secret.kind {
            SecretKind::Pool => code(&format!("pool(\"{}\").checkout()", pool(secret))),
            SecretKind::ClusterKey => "nothing: master and workers use it".to_owned(),
            SecretKind::Single if variables.is_empty() => code(&format!("secret(\"{}\")", secret.name)),
            SecretKind::Single => variables.join(", "),
        };
        let hosts = match (&secret.hosts, secret.kind) {
            (_, SecretKind::ClusterKey) => "nowhere".to_owned(),
            (Some(hosts), _) => hosts.join(", "),
            (None, _) => "the test's own target".to_owned(),
        };
        let _ = writeln!(
            out,
            "| {} | {} | {seen} | {} | {} |",
            code(&secret.name),
            secret
                .source
                .as_ref()
                .map_or_else(|| format!("{}: not in the manifest yet", secret.origin.as_str()), |source| code(source)),
            escape(&hosts),
            escape(secret.owner.as_deref().unwrap_or("–"))
        );
    }
}

/// The pool that a field belongs to: `shoppers` of `shoppers.password`.
fn pool(secret: &SecretFact) -> &str {
    secret.name.split('.').next().unwrap_or_default()
}

/// The secrets of the manifest with this origin.
fn from(facts: &Facts, origins: &[Origin]) -> Vec<SecretFact> {
    let wanted = |secret: &&SecretFact| secret.source.is_some() && origins.contains(&secret.origin);
    let mut found: Vec<SecretFact> = facts.secrets.iter().filter(wanted).cloned().collect();
    // Fields of one pool have one source.
    found.dedup_by(|one, other| one.kind == SecretKind::Pool && one.source == other.source);
    found
}

/// What follows the colon of a source, without a field: `env:X` is `X`.
fn rest(secret: &SecretFact) -> &str {
    secret.source.as_deref().and_then(|source| source.split_once(':')).map_or("", |(_, rest)| rest)
}

fn command(facts: &Facts) -> String {
    match facts.scripts.first() {
        Some(script) if script != "locustfile.py" => {
            format!("tegmen run -- locust -f {}", crate::prose::quoted(script))
        }
        _ => "tegmen run -- locust".to_owned(),
    }
}

fn locally(out: &mut String, facts: &Facts) {
    out.push_str("\n## Run it on your machine\n\n");
    let mut steps: Vec<String> =
        vec!["Once: `pip install tegmen` into the Python environment that has Locust.".to_owned()];
    let variables: Vec<String> = from(facts, &[Origin::Environment]).iter().map(|secret| code(rest(secret))).collect();
    if !variables.is_empty() {
        steps.push(format!(
            "Set {} in the shell that starts the run, without writing the value into its history: `read -rs NAME && export NAME`.",
            variables.join(", ")
        ));
    }
    let dotenv = from(facts, &[Origin::Dotenv]);
    if let Some(first) = dotenv.first() {
        let file = rest(first).split('#').next().unwrap_or(".env");
        let names: Vec<String> =
            dotenv.iter().map(|secret| code(rest(secret).rsplit('#').next().unwrap_or_default())).collect();
        steps.push(format!(
            "Fill {} with {}; git has to ignore it, and nobody but you may read it (`chmod 600`).",
            code(file),
            names.join(", ")
        ));
    }
    for secret in from(facts, &[Origin::Store]).iter() {
        steps.push(match secret.kind {
            SecretKind::Pool => format!(
                "`tegmen secrets set {} < {}.csv` keeps the records of the pool, encrypted; remove the file then.",
                rest(secret),
                pool(secret)
            ),
            SecretKind::ClusterKey => {
                format!(
                    "`tegmen secrets set {}` keeps the key of master and workers: the same on each machine.",
                    rest(secret)
                )
            }
            SecretKind::Single => {
                format!("`tegmen secrets set {}` asks for the value and keeps it, encrypted.", rest(secret))
            }
        });
    }
    for secret in from(facts, &[Origin::File]).iter() {
        let what = if secret.kind == SecretKind::Pool { "the records of the pool" } else { "the value" };
        let ignored = if rest(secret).starts_with(['/', '~']) { "" } else { ", which git has to ignore" };
        steps.push(format!("Have {what} in the file {}{ignored}.", code(rest(secret))));
    }
    if facts.vault.is_some() || !from(facts, &[Origin::Vault, Origin::Dynamic]).is_empty() {
        let vault = facts.vault.clone().unwrap_or_default();
        let address = vault
            .address
            .map_or_else(|| "Set `VAULT_ADDR`".to_owned(), |address| format!("Vault is at {}", escape(&address)));
        let login = match vault.method.as_deref() {
            Some("approle") => "the login is by AppRole, as `[vault]` of the manifest says",
            Some("token") => "the login is by a token, as `[vault]` of the manifest says",
            Some(_) => "the login is what `[vault]` of the manifest says",
            None => "log in before with `vault login` or `bao login`",
        };
        steps.push(format!("{address}; {login}. One login serves the whole run, and its token is revoked at the end."));
    }
    steps.push(format!("Start: {}", code(&command(facts))));
    for (index, step) in steps.iter().enumerate() {
        let _ = writeln!(out, "{}. {step}", index + 1);
    }
    if !facts.plain_starts.is_empty() {
        let places: Vec<String> = facts.plain_starts.iter().take(5).map(|spot| code(&spot.to_string())).collect();
        let _ = writeln!(
            out,
            "\nThese still start it without Tegmen, so that Python gets no placeholder: {}. Put `tegmen run --` before `locust` there.",
            places.join(", ")
        );
    }
}

fn pipeline(out: &mut String, facts: &Facts) {
    out.push_str("\n## Run it in the pipeline\n\n");
    let names: Vec<String> = from(facts, &[Origin::Environment]).iter().map(|secret| code(rest(secret))).collect();
    if !names.is_empty() {
        let _ = writeln!(
            out,
            "- Set {} as masked, protected variables of the pipeline, for the one job that runs the test.",
            names.join(", ")
        );
    }
    if facts.vault.is_some() {
        out.push_str(
            "- Let the job log in to Vault with the token that the pipeline issues (`auth = { method = \"jwt\", role = \"…\" }`), so that no credential lies in its settings.\n",
        );
    }
    let _ = writeln!(out, "- {}, with `--headless`.", code(&command(facts)));
    match facts.audits.first() {
        Some(first) => {
            let _ = writeln!(out, "- The audit runs by itself ({}).", code(&first.to_string()));
        }
        None => out.push_str(
            "- Add `tegmen audit` to the pipeline and to `.pre-commit-config.yaml`: nothing runs it by itself yet.\n",
        ),
    }
    if facts.proofs.is_empty() {
        out.push_str(
            "- `tegmen prove -- locust …` shows with made-up values that nothing comes out; once a week is enough.\n",
        );
    }
}

fn add(out: &mut String, facts: &Facts, manifest: &str) {
    let managed = [Origin::Vault, Origin::Store, Origin::Dotenv, Origin::Environment];
    let origin = managed
        .into_iter()
        .find(|origin| from(facts, &[*origin]).iter().any(SecretFact::has_age))
        .unwrap_or(Origin::Store);
    let like = from(facts, &[origin]);
    let like: Vec<SecretFact> = like.into_iter().filter(SecretFact::has_age).collect();
    let path = like.first().map(|secret| rest(secret).split(['#', '?']).next().unwrap_or_default().to_owned());
    let path = path.unwrap_or_default();
    let (source, put) = match origin {
        Origin::Vault => (
            format!("vault:{path}#new_key"),
            "Write the value into Vault, at that path and under that field, from standard input: `vault kv patch … new_key=-`.",
        ),
        Origin::Dotenv => (format!("dotenv:{path}#NEW_KEY"), "Write it into that file, which git has to ignore."),
        Origin::Environment => ("env:NEW_KEY".to_owned(), "Have it set where the test is started."),
        _ => ("store:NEW_KEY".to_owned(), "`tegmen secrets set NEW_KEY` asks for it."),
    };
    let hosts = facts.secrets.iter().find_map(|secret| secret.hosts.as_ref()).map(|hosts| hosts.join("\", \""));
    let _ = write!(
        out,
        "\n## Add a secret\n\n1. Name it in {}, in capitals, by what it opens:\n\n   ```toml\n   [secrets.NEW_KEY]\n   source = \"{source}\"\n   hosts = [\"{}\"]\n   max_age = \"90d\"\n   ```\n\n\
         2. {put}\n\
         3. In the script: `os.environ[\"LOCUST_NEW_KEY\"]`, or `from tegmen import secret` and `secret(\"NEW_KEY\")`. Use it as any text: in a header, a form, a URL.\n\
         4. `tegmen audit`, and start the test once with `tegmen run`. A request to a host that is not named is refused, and says which line would allow it.\n",
        code(manifest),
        hosts.as_deref().unwrap_or("shop.example.com"),
    );
}

fn pools(out: &mut String, facts: &Facts) {
    let mut names: Vec<&str> =
        facts.secrets.iter().filter(|secret| secret.kind == SecretKind::Pool).map(pool).collect();
    names.dedup();
    if names.is_empty() {
        return;
    }
    out.push_str("\n## A login for each simulated user\n\n");
    for name in names {
        let fields = facts.secrets.iter().filter(|secret| secret.kind == SecretKind::Pool && pool(secret) == name);
        let fields: Vec<String> =
            fields.filter_map(|secret| secret.name.split_once('.')).map(|(_, field)| code(field)).collect();
        let _ = writeln!(
            out,
            "- {}: in `on_start`, `self.me = pool(\"{name}\").checkout()`, then `self.me.user` and so on; placeholders are {}. \
             A record is out once at a time and goes back when its user stops.",
            code(name),
            fields.join(", ")
        );
    }
    out.push_str("\nWith workers on several machines each gives out its share: `tegmen run --pool-share 1/3`.\n");
}

fn machines(out: &mut String, facts: &Facts) {
    let key = facts.secrets.iter().find(|secret| secret.kind == SecretKind::ClusterKey);
    if !facts.is_distributed && key.is_none() {
        return;
    }
    out.push_str("\n## Several machines\n\nEach process is started with `tegmen run`, the master too, each machine with the same manifest. ");
    out.push_str(match (key, facts.has_cluster_key) {
        (Some(_), _) | (None, true) => {
            "Master and workers have a key, the same everywhere: who does not know it is refused, and what passes is encrypted.\n"
        }
        (None, false) => {
            "They have no key yet: names and statistics pass in clear, and who reaches the master can join. `[cluster] key` in the manifest mends that.\n"
        }
    });
}

fn mistakes(out: &mut String, findings: &[Finding]) {
    out.push_str("\n## What not to do\n");
    let mut shown: Vec<&Finding> = Vec::new();
    let mut worst: Vec<&Finding> = findings.iter().collect();
    worst.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    for finding in worst {
        if shown.len() < MISTAKES && shown.iter().all(|known| known.rule.id != finding.rule.id) {
            shown.push(finding);
        }
    }
    if shown.is_empty() {
        out.push_str(
            "\nThe audit finds nothing of the kind today. Keep it so:\n\n\
             - no value in a script, not even as a fallback of `os.getenv`, in a comment or in a test's data\n\
             - no `print` or log of a header, a request, a response of a login, or of all options\n\
             - no token in a URL without a `name=`\n\
             - no `verify=False`\n",
        );
        return;
    }
    out.push_str("\nFrom this project's own code, values masked.\n");
    for finding in shown {
        let place = finding.location();
        let count = findings
            .iter()
            .filter(|known| known.rule.id == finding.rule.id)
            .map(|known| known.locations().len())
            .sum::<usize>();
        let more = if count > 1 { format!(", and {} more of this kind", count - 1) } else { String::new() };
        let _ = writeln!(
            out,
            "\n**{}** ({}{more})\n",
            escape(&crate::risk::capital(finding.rule.summary)),
            code(&format!("{}:{}", place.path, place.line))
        );
        if let Some(excerpt) = &place.excerpt {
            let fence = fence(&excerpt.text);
            let _ = writeln!(out, "{fence}python\n{}\n{fence}\n", crate::visible(excerpt.text.trim()));
        }
        let instead = finding.hint.clone().or_else(|| finding.fix.as_ref().map(|fix| fix.title.clone()));
        let instead = instead.map(|hint| format!("Instead: {}. ", escape(&hint))).unwrap_or_default();
        let _ = writeln!(out, "{instead}Why: `tegmen explain {}`.", finding.rule.id);
    }
}

/// A fence that the text does not end.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

fn rotation(out: &mut String, guide: &Guide<'_>) {
    out.push_str("\n## Rotation\n\n| Name | Every | Last | Due |\n|---|---|---|---|\n");
    for secret in guide.facts.secrets.iter().filter(|secret| secret.has_age()) {
        let every = secret
            .max_age
            .map_or_else(|| "no limit: add `max_age`".to_owned(), |most| format!("{} days", most.div_ceil(86_400)));
        let last = secret.rotated.as_deref().map_or("not recorded", |time| time.get(..10).unwrap_or(time));
        let due = guide.due.iter().find(|(name, _)| *name == secret.name).map(|(_, day)| day.as_str());
        let due = match (secret.origin, due) {
            (Origin::Dynamic, _) => "new for each run",
            (_, Some(day)) => day,
            (_, None) => "not known",
        };
        let _ = writeln!(out, "| {} | {every} | {} | {due} |", code(&secret.name), escape(last));
    }
    out.push_str("\nA new value in the source is on the wire at the next request; no script and no test has to be started again.\n");
}

fn leaked(out: &mut String, facts: &Facts) {
    let whom = facts.owner.as_deref().map(|owner| format!(" Tell {}.", escape(owner))).unwrap_or_default();
    let _ = write!(
        out,
        "\n## When a secret got out\n\n\
         1. Have a new one issued and the old one withdrawn, first of all: what was in a log or a commit is known.{whom}\n\
         2. Put the new one where the table above says.\n\
         3. `tegmen audit --history` shows whether it stands in a commit; `tegmen report -o risk.html` what else is open.\n"
    );
}
