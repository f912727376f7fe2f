//! `tegmen init`: a manifest for a project that has none.

mod ask;
mod files;
mod proposal;

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use camino::{Utf8Path, Utf8PathBuf};
use tegmen_audit::Options;
use tegmen_findings::Finding;
use tegmen_sources::{HostSpec, Manifest};

use self::proposal::{Keep, Proposal};
use super::fix::write::Replacement;
use super::progress;
use crate::messages::{self, shown};
use crate::stdout;

/// Write tegmen.toml for this project, from what the audit finds.
///
/// Looks at what the load test reads, where it is aimed and how it is started, and proposes a name, a source and hosts for every
/// secret. On a terminal it asks; elsewhere --yes takes the proposals. Nothing that is there is overwritten, and no value is
/// read or written.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tegmen init                                   look, ask, write tegmen.toml
  tegmen init --yes                             take what is proposed: values stay where they are today
  tegmen init --dry-run                         show it, and write nothing
  tegmen init --source store                    values in the encrypted store (`tegmen secrets`)
  tegmen init --source vault:secret/locust/shop --hosts shop.example.com --owner team-shop

Exit status:
  0  the manifest is written, or shown
  2  there is one already, nothing to put into one, or nobody to ask")]
pub struct Args {
    /// Where the load test is
    #[arg(default_value = ".")]
    paths: Vec<Utf8PathBuf>,
    /// Take what is proposed, without questions
    #[arg(long, short)]
    yes: bool,
    /// Print the manifest, and write nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Where values come from: `env` (variables and .env, as today), `store`, or `vault:MOUNT/PATH`
    #[arg(long, value_name = "SOURCE", value_parser = Keep::parse)]
    source: Option<Keep>,
    /// Where secrets may be sent, in place of the hosts that the project names
    #[arg(long, value_name = "HOST", value_delimiter = ',', value_parser = host)]
    hosts: Vec<String>,
    /// Whom to ask about the secrets
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
}

fn host(text: &str) -> Result<String, String> {
    HostSpec::parse(text).map(|_| text.to_owned()).map_err(|error| match error.hint {
        Some(hint) => format!("{}; {hint}", error.message),
        None => error.message,
    })
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    if let Some(missing) = args.paths.iter().find(|path| !path.exists()) {
        bail!("{missing}: no such file or directory; name the directory of the load test");
    }
    let directory = directory(&args.paths)?;
    if let Some(known) = Manifest::find(directory.as_std_path()) {
        bail!(
            "{} is there already and stays as it is; `tegmen fix --to store` adds to it what is written in scripts",
            shown(&known)
        );
    }
    let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if !args.yes && !args.dry_run && !terminal {
        bail!("nobody can be asked here, this is no terminal: --yes takes what is proposed, --dry-run shows it");
    }
    let options = Options::default();
    let bar = progress::show(&options.progress);
    let audit = tegmen_audit::audit(&args.paths, &options);
    drop(bar);
    let audit = audit?;
    let survey = tegmen_audit::survey::survey(&args.paths, &options)?;
    if survey.scripts.is_empty() {
        bail!(
            "there is no load test in {}: no script imports locust; name its directory: tegmen init DIR",
            args.paths[0]
        );
    }
    let mut proposal = Proposal::new(&directory, &survey, &audit.findings);
    if !args.hosts.is_empty() {
        proposal.hosts.clone_from(&args.hosts);
    }
    proposal.owner.clone_from(&args.owner);
    proposal.keep = args.source.clone().unwrap_or_default();
    // Those that `tegmen fix` takes out: what stands in .env is what this is about.
    let is_movable = |finding: &&Finding| finding.rule.code.starts_with("TGM1") && finding.fix.is_some();
    let literals = audit.findings.iter().filter(is_movable).count();
    if proposal.secrets.is_empty() && proposal.pools.is_empty() {
        nothing(&survey.scripts, literals);
        return Ok(ExitCode::from(2));
    }
    if terminal && !args.yes && !args.dry_run {
        ask::all(&mut proposal, &args)?;
    }
    let text = proposal.manifest();
    let path = directory.join(Manifest::FILE);
    // What is written must be what `tegmen run` takes.
    Manifest::parse(path.as_std_path(), &text)?;
    if args.dry_run {
        stdout::write(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    Replacement::prepare(path.as_std_path(), None, text.as_bytes())
        .and_then(Replacement::persist)
        .map_err(|reason| anyhow::anyhow!("{path}: {reason}"))?;
    let pools = proposal.pools.keys().map(|pool| format!("the pool {pool}"));
    let names: Vec<String> = proposal.secrets.iter().map(|secret| secret.name.clone()).chain(pools).collect();
    messages::note(format_args!("{} written: {}", shown(path.as_std_path()), names.join(", ")));
    files::mind(&directory, &proposal)?;
    advise(&proposal, &survey.scripts[0], literals);
    Ok(ExitCode::SUCCESS)
}

/// Where the manifest goes: the directory that was named, or that of the script.
fn directory(paths: &[Utf8PathBuf]) -> anyhow::Result<Utf8PathBuf> {
    let here = std::env::current_dir().context("the current directory cannot be read")?;
    let here = Utf8PathBuf::from_path_buf(here)
        .map_err(|path| anyhow::anyhow!("the name of {} is not UTF-8; rename it", path.display()))?;
    let first = paths.first().map_or(here.clone(), |path| here.join(path));
    let first = tegmen_audit::absolute(&first);
    Ok(match (first.is_dir(), first.parent()) {
        (false, Some(parent)) => parent.to_owned(),
        _ => first,
    })
}

fn nothing(scripts: &[String], literals: usize) {
    messages::warning(format_args!(
        "{} reads no sensitive variable, so there is nothing for a manifest yet",
        scripts[0]
    ));
    if literals > 0 {
        messages::hint(format_args!(
            "{} written in scripts: `tegmen fix --to store` takes values out and writes tegmen.toml",
            if literals == 1 { "1 value is".to_owned() } else { format!("{literals} values are") }
        ));
    } else {
        messages::hint("name a secret by hand: [secrets.API_KEY] with source = \"env:API_KEY\" in tegmen.toml");
    }
}

/// What to do next.
fn advise(proposal: &Proposal, script: &str, literals: usize) {
    let first = proposal.secrets.first().map_or("NAME", |secret| secret.name.as_str());
    let pool = proposal.pools.keys().next().map(|pool| pool.to_ascii_uppercase());
    match &proposal.keep {
        Keep::Today => {
            for pool in proposal.pools.keys().map(|pool| pool.to_ascii_lowercase()) {
                messages::next(format_args!(
                    "write the records of the pool into {pool}.csv, the names of the fields in its first line; git ignores it"
                ));
            }
        }
        Keep::Store if proposal.secrets.is_empty() => messages::next(format_args!(
            "`tegmen secrets set {} < records.csv` keeps the records of the pool",
            pool.unwrap_or_default()
        )),
        Keep::Store if proposal.dotenv.is_some() => {
            messages::next("`tegmen secrets import .env` takes the values over; then .env can go");
        }
        Keep::Store => messages::next(format_args!("`tegmen secrets set {first}` asks for each value and keeps it")),
        Keep::Vault(path) => messages::next(format_args!(
            "put the values into Vault at {path}; `tegmen run` logs in as VAULT_ADDR and [vault] in the manifest say"
        )),
    }
    if literals > 0 {
        messages::next("values are written in scripts as well: `tegmen fix --diff --to store` shows how they would go");
    }
    if proposal.is_distributed {
        messages::next(
            "the test has a master and workers: [cluster] key, prepared in tegmen.toml, has them know each other",
        );
    }
    let target = Utf8Path::new(script);
    let file = if target.file_name() == Some("locustfile.py") && target.parent() == Some(Utf8Path::new("")) {
        String::new()
    } else {
        format!(" -f {}", tegmen_report::prose::quoted(script))
    };
    messages::next(format_args!("start the test with its secrets protected: tegmen run -- locust{file}"));
}
