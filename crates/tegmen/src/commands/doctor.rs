//! `tegmen doctor`: check the machine, Locust's settings and Vault's configuration.

mod vault;

use std::{ffi::OsString, path::Path, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use camino::Utf8PathBuf;
use tegmen_posture::{Posture, Profile, Project, Selection, Subject, checks, facts::Role};
use tegmen_report::posture as report;
use tegmen_sources::{Context, Cost, Environment, Manifest, Source, store::Store};

use super::audit::output;
use super::choices::{Colours, FailOn};
use super::spinner::Spinner;
use crate::messages;
use crate::stdout;
use crate::volume::{Volume, volume};

/// Check the machine, Locust's settings and Vault's configuration.
///
/// Looks at what surrounds a load test: the user, the kernel, the container, files and credentials within reach, environments,
/// Locust's settings. Each check says what was found, why it matters, how to repair it and where to read more. What cannot be
/// read is "not known", never guessed. Nothing is changed without --fix, and no output contains a value.
#[derive(clap::Args)]
#[command(after_help = "Exit status:
  0  nothing fails that --fail-on asks for
  1  something fails
  2  it could not do its work

Examples:
  tegmen doctor                                   this machine and this project
  tegmen doctor -- locust -f load.py --master     and the settings of this command
  tegmen doctor --fix                             mend what can be mended safely: modes of files, .gitignore
  tegmen doctor --profile ci --fail-on high --format sarif -o doctor.sarif
  tegmen doctor --select TGM58 --ignore debug-log only Locust, but for one check

`tegmen explain CHECK` says more about one of them.")]
pub struct Args {
    /// For which kind of machine; the default is what it looks like
    #[arg(long, value_enum)]
    profile: Option<Kind>,
    /// The manifest; the default is tegmen.toml here or in a directory above, up to the repository's root
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// How to show the answers
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<Utf8PathBuf>,
    /// The least severity that makes the exit status 1
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = FailOn::Medium)]
    fail_on: FailOn,
    /// Only these checks, by name, code or the beginning of a code (repeatable, or with commas)
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    select: Vec<String>,
    /// Not these checks
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    ignore: Vec<String>,
    /// Mend what can be mended safely, then ask again: permissions that others have, lines of .gitignore
    #[arg(long)]
    fix: bool,
    /// Log in to Vault as a run does, even where that uses up what is good for one login, such as a SecretID
    #[arg(long)]
    vault_login: bool,
    /// List all checks, and ask none
    #[arg(long, conflicts_with_all = ["fix", "output"])]
    list: bool,
    /// Colours in the text
    #[arg(long, value_enum, default_value_t = Colours::Auto, value_name = "WHEN")]
    color: Colours,
    /// A command that starts Locust, to ask about its settings; it is not run
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// Somebody's own machine, or a server that people log in to
    Laptop,
    /// A runner of a CI system
    Ci,
    /// A container
    Container,
    /// A pod
    Kubernetes,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
    Html,
    Sarif,
    /// The checks themselves, as a page in Markdown: with --list
    #[value(hide = true)]
    Markdown,
}

/// Columns where nobody can say how many there are.
const WIDTH: usize = 110;

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.list {
        return list(args.format);
    }
    let selection = Selection { select: args.select.clone(), ignore: args.ignore.clone() };
    if let [unknown, ..] = selection.unknown()[..] {
        bail!("there is no check {unknown}; `tegmen doctor --list` names them all");
    }
    if args.format == Format::Markdown {
        bail!("--format markdown is for --list; choose text, json, html or sarif");
    }
    if let Some(path) = &args.output {
        output::can_be_written(path, "--output")?;
    }
    let wants_vault = checks::all().iter().any(|check| check.subject == Subject::Vault && selection.takes(check));
    let cost = if args.vault_login { Cost::Anything } else { Cost::Nothing };
    let project = project(args.manifest.as_deref(), args.command.clone(), wants_vault.then_some(cost))?;
    let profile = args.profile.map(|kind| match kind {
        Kind::Laptop => Profile::Laptop,
        Kind::Ci => Profile::Ci,
        Kind::Container => Profile::Container,
        Kind::Kubernetes => Profile::Kubernetes,
    });
    let spinner = Spinner::new();
    spinner.say("asking the machine");
    let mut posture = tegmen_posture::examine(&project, profile, &selection);
    spinner.clear();
    if args.fix {
        mend(&posture);
        posture = tegmen_posture::examine(&project, profile, &selection);
    }
    write(&args, &posture)?;
    let fixes: usize = posture.answers.iter().map(|answer| answer.fixes().len()).sum();
    if fixes > 0 && !args.fix && args.format == Format::Text {
        messages::next(format!("`tegmen doctor --fix` mends {fixes} of these by itself"));
    }
    Ok(ExitCode::from(u8::from(args.fail_on.severity().is_some_and(|least| posture.fails_at(least)))))
}

/// What is known of the project without looking at the machine. Vault is asked only for something.
pub(super) fn project(
    named: Option<&Path>,
    command: Vec<OsString>,
    vault_for: Option<Cost>,
) -> anyhow::Result<Project> {
    let here = std::env::current_dir().context("the current directory cannot be read")?;
    let environment = Environment::of_this_process();
    let found = named.map(Path::to_owned).or_else(|| Manifest::find(&here));
    let mut files = Vec::new();
    let mut vault = tegmen_posture::vault::Facts::default();
    if let Some(path) = found {
        let path = here.join(path);
        let manifest = Manifest::load(&path)?;
        files.push((Role::Manifest, path));
        let context = Context::of(&manifest).context("the current directory cannot be read")?;
        let sources = manifest.secrets.values().map(|spec| &spec.source);
        let others = manifest.pools.values().map(|spec| &spec.source).chain(&manifest.cluster_key);
        for source in sources.chain(others) {
            match source {
                Source::File { path } => files.push((Role::Source, context.path(path))),
                Source::Dotenv { file, .. } => files.push((Role::Dotenv, context.path(file))),
                _ => {}
            }
        }
        if let Some(cost) = vault_for {
            vault = vault::facts(&manifest, &context, cost);
        }
    }
    if let Ok(store) = Store::locate(&environment, &here, None) {
        files.push((Role::Store, store.path().to_owned()));
        files.extend(store.key_path().map(|path| (Role::StoreKey, path.to_owned())));
    }
    Ok(Project { root: here, files, command, vault })
}

/// Does what can be done, and says what it did.
fn mend(posture: &Posture) {
    for fix in posture.answers.iter().flat_map(|answer| answer.fixes()) {
        match fix.apply() {
            Ok(()) => messages::note(tegmen_report::visible(&format!("done: {}", fix.title()))),
            Err(error) => messages::warning(tegmen_report::visible(&format!("not done: {}: {error}", fix.title()))),
        }
    }
}

fn write(args: &Args, posture: &Posture) -> anyhow::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    let text = match args.format {
        Format::Json => report::json(posture, version),
        Format::Sarif => report::sarif(posture, version),
        Format::Html => report::html(posture, version)?,
        Format::Text | Format::Markdown => {
            let width = output::window(args.output.as_deref()).map_or(WIDTH, |columns| columns.clamp(60, 140));
            report::text(posture, args.color.of_text(args.output.is_some()), width, volume() == Volume::Verbose)
        }
    };
    match &args.output {
        Some(path) => {
            output::to_file(path, text.as_bytes(), "--output")?;
            messages::note(format!("{}; written to {path}", report::summary(posture)));
            Ok(())
        }
        None => stdout::write(&text),
    }
}

fn list(format: Format) -> anyhow::Result<ExitCode> {
    let all = checks::all();
    let text = if format == Format::Markdown {
        report::checks_reference(&all, checks::DATED)
    } else {
        let width = all.iter().map(|check| check.id.len()).max().unwrap_or(0);
        let columns = output::window(None);
        let line = |check: &&tegmen_posture::Check| {
            let lead = format!("{}  {:width$}  ", check.code, check.id);
            let title = match columns {
                Some(columns) => tegmen_report::prose::folded(&lead, lead.len().min(columns / 2), check.title, columns),
                None => lead + check.title,
            };
            title + "\n"
        };
        all.iter().map(line).collect()
    };
    stdout::write(&text)?;
    Ok(ExitCode::SUCCESS)
}
