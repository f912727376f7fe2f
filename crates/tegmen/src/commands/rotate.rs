//! `tegmen rotate`: new values for secrets, in their source and wherever else they stand.

mod ages;
mod elsewhere;
mod outcome;

use std::cell::RefCell;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::{Context as _, bail};
use tegmen_redact::Patterns;
use tegmen_secret::SecretBytes;
use tegmen_sources::rotate::{Access, Done, Outcome, Rotator, Subject, Way};
use tegmen_sources::{Context, Manifest};
use tegmen_sys::signals::SignalMask;

use super::spinner::Spinner;
use crate::{messages, stdout};

/// Rotate secrets: a new value in the source, and wherever else it stands.
///
/// Without a name and without --due: how old every secret is, and which are due.
///
/// A new value is made by the rule under [secrets.NAME.rotate], or given on standard input. The source gets it first, then the
/// places in `follow`, then the `hook` tells the target. If one of them fails, the others get the old value back. A value is
/// never in a command line or in the environment of a command.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tegmen rotate                              how old every secret is
  tegmen rotate API_KEY                      a new value, by the rule of the manifest
  tegmen rotate --due                        everything that is older than its max_age
  tegmen rotate --due --dry-run              what that would do
  pass show new-key | tegmen rotate API_KEY --stdin
  tegmen rotate --check                      for CI: fails when something is due

In the manifest:
  [secrets.API_KEY]
  source = \"vault:secret/locust/shop#api_key\"
  max_age = \"90d\"
  [secrets.API_KEY.rotate]
  length = 40                                # 32 letters and digits, if not said
  alphabet = \"A-Za-z0-9_-\"
  follow = [\"dotenv:.env#API_KEY\", \"github:API_KEY\"]
  hook = \"./set-key.sh\"                      # gets the new value on standard input

Exit status:
  0  everything asked for is done
  1  something was not rotated or, with --check, is due
  2  it could not do its work")]
pub struct Args {
    /// What to rotate: secrets and rotations of the manifest
    #[arg(value_name = "NAME")]
    names: Vec<String>,

    /// Rotate everything that is older than its max_age, or of which nobody knows how old it is
    #[arg(long, conflicts_with = "names")]
    due: bool,

    /// Take the new value from standard input; for one NAME
    #[arg(long, requires = "names")]
    stdin: bool,

    /// Say what would be done, and whether it may be; change nothing
    #[arg(long)]
    dry_run: bool,

    /// With the ages: exit with 1 when something is due
    #[arg(long, conflicts_with_all = ["names", "due"])]
    check: bool,

    /// Log in to Vault with your own token (VAULT_TOKEN, `vault login`), not as the manifest says
    #[arg(long)]
    own_token: bool,

    /// The manifest; the default is tegmen.toml here or in a directory above, up to the repository's root
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,

    /// How to write ages and results
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Something was not rotated, or is due.
const UNDONE: u8 = 1;

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    // Before there is a value to protect.
    super::close_process()?;
    let here = std::env::current_dir().context("the current directory cannot be read")?;
    let Some(path) = args.manifest.clone().or_else(|| Manifest::find(&here)) else {
        messages::trouble(
            "there is no tegmen.toml here or in a directory above",
            "name one with --manifest; what is to be rotated, and how, stands in it",
        );
        return Ok(ExitCode::from(2));
    };
    messages::detail(format_args!("the manifest is {}", path.display()));
    let manifest = Manifest::load(&path)?;
    let context = Context::of(&manifest).context("the current directory cannot be read")?;
    if args.stdin && args.names.len() != 1 {
        bail!("--stdin gives one value: name one secret");
    }
    // Ctrl-C in the middle would leave a value in one place and not in another: signals wait until a secret is done. What
    // has been started for it still gets them, and then everything is taken back.
    let mask = SignalMask::block_all();
    let spinner = Spinner::new();
    let access = if args.own_token { Access::Own } else { Access::Manifest };
    let at = RefCell::new(String::new());
    let progress = |step: &str| spinner.say(format!("{}: {step}", at.borrow()));
    let mut rotator = match Rotator::new(&manifest, &context, access, hush, progress) {
        Ok(rotator) => rotator,
        Err(trouble) => {
            messages::trouble(trouble.why, trouble.next);
            return Ok(ExitCode::from(2));
        }
    };
    let now = SystemTime::now();
    if args.names.is_empty() && !args.due {
        mask.restore();
        let report = ages::look(&rotator, now);
        spinner.clear();
        ages::show(&report, args.format == Format::Json)?;
        let due = report.iter().any(|row| row.is_due);
        if report.iter().any(|row| row.trouble.is_some()) {
            return Ok(ExitCode::from(2));
        }
        return Ok(if args.check && due { ExitCode::from(UNDONE) } else { ExitCode::SUCCESS });
    }
    let (subjects, mut failed) = if args.due {
        due(&rotator, now)
    } else {
        let found: Result<Vec<_>, _> = args.names.iter().map(|name| Subject::find(&manifest, name)).collect();
        match found {
            Ok(found) => (found, false),
            Err(trouble) => {
                messages::trouble(trouble.why, trouble.next);
                return Ok(ExitCode::from(2));
            }
        }
    };
    if subjects.is_empty() && args.due && !failed {
        spinner.clear();
        messages::note("nothing is due");
        if args.format == Format::Json {
            stdout::write("[]\n")?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut given = match args.stdin && !args.dry_run {
        true => Some(value(&args.names[0])?),
        false => None,
    };
    let _turn = match (!args.dry_run).then(|| rotator.record().turn()).transpose() {
        Ok(turn) => turn,
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
            messages::trouble(
                "another `tegmen rotate` is at work in this project",
                "wait until it has finished, then try again",
            );
            return Ok(ExitCode::from(2));
        }
        Err(error) => {
            return Err(error)
                .with_context(|| format!("the directory of {} cannot be used", rotator.record().path().display()));
        }
    };
    let mut results = Vec::new();
    for subject in &subjects {
        at.borrow_mut().clone_from(&subject.name);
        if args.dry_run {
            let plan = rotator.plan(subject, args.stdin);
            spinner.clear();
            failed |= plan.is_err();
            results.push(outcome::planned(subject, plan, args.format == Format::Json)?);
            continue;
        }
        let done = rotator.rotate(subject, given.take());
        spinner.clear();
        failed |= done.outcome != Some(Outcome::Rotated);
        tell(subject, &done);
        if done.outcome.is_none() && matches!(subject.way, Way::Env { .. }) {
            elsewhere::say(&context.directory, subject);
        }
        results.push(outcome::done(subject, &done));
        // Here a signal may end us.
        mask.restore();
        let _ = SignalMask::block_all();
    }
    if args.format == Format::Json {
        stdout::write(serde_json::to_string_pretty(&results)? + "\n")?;
    }
    Ok(if failed { ExitCode::from(UNDONE) } else { ExitCode::SUCCESS })
}

/// What is due, and whether the age of something could not be looked up.
fn due(rotator: &Rotator<'_>, now: SystemTime) -> (Vec<Subject>, bool) {
    let (mut found, mut failed) = (Vec::new(), false);
    for subject in rotator.subjects().into_iter().filter(|subject| subject.max_age.is_some()) {
        match rotator.age(&subject) {
            Ok(age) if age.is_due(subject.max_age, now) => found.push(subject),
            Ok(_) => {}
            Err(trouble) => {
                let why = format_args!("how old {} is cannot be looked up: {}", subject.name, trouble.why);
                messages::trouble(why, trouble.next);
                failed = true;
            }
        }
    }
    (found, failed)
}

fn value(name: &str) -> anyhow::Result<SecretBytes> {
    if std::io::stdin().is_terminal() {
        messages::note(format_args!("the new value of {name} is read from the terminal, without showing it"));
    }
    super::secrets::value_from_stdin(name).map_err(|error| anyhow::anyhow!("{}; {}", error.why, error.next))
}

/// What hooks say may hold a value, in whatever form.
fn hush(values: &[&SecretBytes], text: &str) -> String {
    let mut patterns = Patterns::builder();
    for value in values {
        // One that is too short to be looked for everywhere is looked for as a word.
        let _ = patterns.value_or_record("value", value);
    }
    patterns.build().redact_str(text).into_owned()
}

/// What happened, for the person at the terminal.
fn tell(subject: &Subject, done: &Done) {
    let name = &subject.name;
    match (&done.outcome, &done.trouble) {
        (Some(Outcome::Rotated), _) => {
            let version = done.version.map(|version| format!(", version {version}")).unwrap_or_default();
            let places = done.follow.iter().map(|place| format!(", {place}")).collect::<String>();
            let hook = if done.hook { ", the target is told" } else { "" };
            messages::note(format_args!("{name} rotated: {}{version}{places}{hook}", subject.source));
        }
        (outcome, Some(trouble)) => {
            let state = match outcome {
                None => "nothing was changed",
                Some(Outcome::RolledBack) => "everything has its old value again",
                Some(_) => "its places may differ now",
            };
            messages::trouble(format_args!("{name} was not rotated, {state}: {}", trouble.why), &trouble.next);
        }
        (_, None) => {}
    }
    for (place, trouble) in &done.torn {
        messages::trouble(format_args!("{place} could not be taken back: {}", trouble.why), &trouble.next);
    }
    for note in &done.notes {
        messages::warning(format_args!("{name}: {note}"));
    }
}
