//! `tegmen fix`: apply what the audit proposes.

pub mod keep;
pub mod write;

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use camino::Utf8PathBuf;
use tegmen_audit::{Fixed, Fixing, Why};
use tegmen_report::{FixedLine, LeftLine};
use tegmen_sources::{Environment, LOCUST_VARIABLES, Manifest};

use self::keep::Keep;
use self::write::Replacement;
use super::audit::{NOTHING_HERE, say_held_back};
use super::choices::Colours;
use super::progress;
use super::settings::{Baselines, Choice, Settings};
use crate::messages::{self, shown};
use crate::stdout;

/// Apply the safe fixes for what the audit finds.
///
/// A value that is written in a script becomes `secret("NAME")`, and a secret of tegmen.toml. The value itself is kept
/// where --to says; without it, on a terminal, you are asked, and else values stay where they are and the other fixes are
/// applied. What a mark, the settings ([audit] of tegmen.toml, [tool.tegmen.audit] of pyproject.toml) or a baseline hold back
/// is left as it is. Nothing that is printed contains a value.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tegmen fix --diff --to store          show what would change, and change nothing
  tegmen fix --to store                 values go into the embedded store (`tegmen secrets`)
  tegmen fix --to dotenv load/          values go into .env, which .gitignore gets as well
  tegmen fix --select TGM5              only what is about TLS and configuration
  tegmen fix --unsafe-fixes --diff      also what wants to be looked at

Exit status:
  0  no finding is left; with --diff, nothing would change
  1  findings are left, each said with the reason; with --diff, something would change
  2  a file could not be read, parsed or written")]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
    /// Where values go that are written in scripts: `store`, `dotenv` (.env beside tegmen.toml) or `dotenv:FILE`
    #[arg(long, value_name = "PLACE", value_parser = keep::Place::parse)]
    to: Option<keep::Place>,
    /// Show the changes as a diff without making them; values are shown as ***
    #[arg(long)]
    diff: bool,
    /// Also apply fixes that want to be looked at
    #[arg(long)]
    unsafe_fixes: bool,
    /// The store, in place of the one that is found
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    super::close_process()?;
    let project = Project::find(&args.choice.paths)?;
    let environment = Environment::of_this_process();
    let open = |place: &keep::Place| Keep::open(place, &project, &environment, args.store.as_deref());
    let mut keep = args.to.as_ref().map(open).transpose()?;
    let settings = Settings::new(&args.choice, Baselines::All)?;
    let attempt = |keep: Option<&Keep>| {
        let mut taken = project.taken.clone();
        taken.extend(keep.into_iter().flat_map(|keep| keep.names().iter().cloned()));
        let baseline = settings.baseline.clone();
        let fixing = Fixing { unsafe_too: args.unsafe_fixes, move_values: keep.is_some(), taken, baseline };
        let bar = progress::show(&settings.options.progress);
        let fixed = tegmen_audit::fix(&args.choice.paths, &settings.options, &fixing);
        drop(bar);
        fixed
    };
    let mut fixed = attempt(keep.as_ref())?;
    let waiting = fixed.left.iter().filter(|left| left.why == Why::NoPlace).count();
    let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if waiting > 0
        && !args.diff
        && terminal
        && let Some(place) = keep::ask(waiting)?
    {
        keep = Some(open(&place)?);
        fixed = attempt(keep.as_ref())?;
    }
    say_held_back(&fixed.audit.suppressed);
    if args.diff {
        return show(&fixed);
    }
    let applied = apply(&project, keep.as_ref(), &fixed)?;
    let text = summary(&fixed, &applied.failed);
    stdout::write(&text)?;
    advise(&fixed, keep.as_ref().filter(|_| applied.failed.is_empty()));
    let clean = fixed.audit.findings.is_empty();
    Ok(match (problems(&fixed) || !applied.failed.is_empty(), clean) {
        (true, _) => ExitCode::from(2),
        (false, true) => ExitCode::SUCCESS,
        (false, false) => ExitCode::from(1),
    })
}

/// The project that is changed: where its manifest is or will be, and which names it has given.
struct Project {
    manifest: PathBuf,
    text: String,
    taken: BTreeSet<String>,
}

impl Project {
    fn find(paths: &[Utf8PathBuf]) -> anyhow::Result<Self> {
        let here = std::env::current_dir().context("the current directory cannot be read")?;
        let start = super::project_of(paths, &here);
        let manifest = Manifest::find(&start).unwrap_or_else(|| start.join(Manifest::FILE));
        let mut taken: BTreeSet<String> = LOCUST_VARIABLES.iter().map(|name| (*name).to_owned()).collect();
        let (text, existing) = if manifest.symlink_metadata().is_ok() {
            let text =
                std::fs::read_to_string(&manifest).with_context(|| format!("{} cannot be read", manifest.display()))?;
            (text, Manifest::load(&manifest)?)
        } else {
            (String::new(), Manifest::default())
        };
        for (name, secret) in &existing.secrets {
            taken.insert(name.clone());
            taken.extend(secret.variables(name));
        }
        Ok(Self { manifest, text, taken })
    }

    fn directory(&self) -> &Path {
        self.manifest.parent().unwrap_or(Path::new("."))
    }
}

/// Shows the changes, and how many there are on standard error.
fn show(fixed: &Fixed) -> anyhow::Result<ExitCode> {
    let colour = Colours::Auto.of_text(false);
    let text: String = fixed
        .files
        .iter()
        .map(|file| tegmen_report::diff(&file.path, &file.shown_before, &file.shown_after, colour))
        .collect();
    stdout::write(&text)?;
    for secret in &fixed.secrets {
        messages::note(format_args!("{} would become a secret of tegmen.toml", secret.name));
    }
    if fixed.files.is_empty() {
        messages::note("nothing would change");
    }
    advise(fixed, None);
    Ok(match (problems(fixed), fixed.files.is_empty()) {
        (true, _) => ExitCode::from(2),
        (false, true) => ExitCode::SUCCESS,
        (false, false) => ExitCode::from(1),
    })
}

/// What came of writing.
#[derive(Default)]
struct Written {
    /// Files that could not be written, with the reason.
    failed: Vec<(String, String)>,
}

/// Writes: first the values to where they are kept, then the manifest, then the scripts. Whatever goes wrong, no value is
/// nowhere.
fn apply(project: &Project, keep: Option<&Keep>, fixed: &Fixed) -> anyhow::Result<Written> {
    let mut written = Written::default();
    let mut replacements = Vec::new();
    for file in &fixed.files {
        match Replacement::prepare(Path::new(&file.path), Some(file.before.expose()), file.after.expose()) {
            Ok(replacement) => replacements.push((file.path.clone(), replacement)),
            Err(reason) => written.failed.push((file.path.clone(), reason)),
        }
    }
    if !written.failed.is_empty() {
        // A name that one file uses may be that of a value in another: all of them, or none.
        for (path, reason) in &written.failed {
            messages::error(&anyhow::anyhow!("{path}: {reason}"));
        }
        messages::hint("nothing was changed; correct this, or name the other files");
        return Ok(written);
    }
    if let Some(keep) = keep.filter(|_| !fixed.secrets.is_empty()) {
        let entries = fixed.secrets.iter().map(|secret| tegmen_sources::NewSecret {
            name: secret.name.clone(),
            source: keep.source(&secret.name),
            reveal: secret.reveal,
        });
        let entries: Vec<_> = entries.collect();
        let text = tegmen_sources::with_secrets(&project.manifest, &project.text, &entries)?;
        let before = project.manifest.is_file().then_some(project.text.as_bytes());
        let manifest = Replacement::prepare(&project.manifest, before, text.as_bytes())
            .map_err(|reason| anyhow::anyhow!("{}: {reason}", project.manifest.display()))?;
        keep.write(&fixed.secrets)?;
        manifest.persist().map_err(|reason| anyhow::anyhow!("{}: {reason}", project.manifest.display()))?;
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        messages::note(format_args!("added to {}: {}", shown(&project.manifest), names.join(", ")));
    }
    for (path, replacement) in replacements {
        if let Err(reason) = replacement.persist() {
            messages::error(&anyhow::anyhow!("{path}: {reason}"));
            written.failed.push((path, reason));
        }
    }
    Ok(written)
}

fn summary(fixed: &Fixed, failed: &[(String, String)]) -> String {
    let whole = |path: &str| failed.is_empty() || !failed.iter().any(|(known, _)| known == path);
    let mut applied: Vec<FixedLine<'_>> = fixed
        .applied
        .iter()
        .filter(|applied| whole(&applied.path))
        .map(|applied| FixedLine {
            path: &applied.path,
            line: applied.line,
            rule: applied.rule,
            title: &applied.title,
            safety: applied.safety,
        })
        .collect();
    applied.sort_by_key(|applied| (applied.path, applied.line));
    let reasons: Vec<String> = fixed.left.iter().map(|left| reason(&left.why)).collect();
    let left: Vec<LeftLine<'_>> = fixed
        .left
        .iter()
        .zip(&reasons)
        .filter_map(|(left, why)| {
            let finding = fixed.audit.findings.get(left.finding)?;
            let place = finding.location();
            Some(LeftLine { path: &place.path, line: place.line, rule: finding.rule.id, why })
        })
        .collect();
    let held_back = fixed.audit.suppressed.len();
    tegmen_report::fixes(&applied, &left, held_back, fixed.files.len() - failed.len().min(fixed.files.len()))
}

fn reason(why: &Why) -> String {
    match why {
        Why::NoFix(reason) => format!("no fix: {reason}"),
        Why::Unsafe => "the fix is unsafe: --unsafe-fixes applies it".to_owned(),
        Why::NoPlace => "its value needs a place: --to store or --to dotenv".to_owned(),
        Why::Failed(reason) => format!("not fixed: {reason}"),
    }
}

/// What to do next.
fn advise(fixed: &Fixed, keep: Option<&Keep>) {
    if fixed.audit.files == 0 {
        messages::next(NOTHING_HERE);
    }
    let waiting = fixed.left.iter().filter(|left| left.why == Why::NoPlace).count();
    if waiting > 0 {
        messages::next(format_args!(
            "{} in scripts: `tegmen fix --to store` takes them out and keeps them",
            if waiting == 1 { "1 finding is a value".to_owned() } else { format!("{waiting} findings are values") }
        ));
    }
    if keep.is_some() && !fixed.secrets.is_empty() {
        messages::next("what was committed stays in the history of the repository: have new values issued");
        messages::next("start the test with its secrets protected: tegmen run -- locust …");
    }
}

/// Says what could not be read or parsed; whether there was any.
fn problems(fixed: &Fixed) -> bool {
    for problem in &fixed.audit.problems {
        let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
        messages::warning(format!("{}{line}: {}", problem.path, problem.message));
    }
    !fixed.audit.problems.is_empty()
}
