//! `tegmen guide`: the guide for the developers of one project.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use camino::Utf8PathBuf;

use super::audit::output;
use super::progress;
use super::report::facts;
use super::settings::{Baselines, Choice, Settings};
use crate::{messages, stdout};

/// Write the guide for this project's developers, from its manifest and findings.
///
/// How to run the test here and in the pipeline, how to add a secret, what not to do (with this project's own code as the
/// example, values masked), when each secret is due, and whom to ask. Markdown.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tegmen guide -o docs/secrets.md
  tegmen guide | less

Exit status:
  0  the guide is written
  2  there is no manifest, or it could not do its work")]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
    /// Write to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<Utf8PathBuf>,
    /// The manifest; the default is tegmen.toml here or in a directory above, up to the repository's root
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    // The store is read for the ages of what is in it.
    super::close_process()?;
    if let Some(path) = &args.output {
        output::can_be_written(path, "--output")?;
    }
    let project = facts::Project::find(&args.choice.paths, args.manifest.as_deref())?;
    if project.manifest.is_none() {
        bail!("there is no tegmen.toml here or above, which the guide is about; `tegmen init` writes one");
    }
    let settings = Settings::new(&args.choice, Baselines::Given)?;
    let bar = progress::show(&settings.options.progress);
    let audit = tegmen_audit::audit(&args.choice.paths, &settings.options);
    drop(bar);
    let audit = audit?;
    let survey = tegmen_audit::survey::survey(&args.choice.paths, &settings.options)?;
    let now = jiff::Timestamp::now();
    let gathered = facts::gather(&project, &audit, &survey, &[], now);
    let due = |secret: &tegmen_posture::risk::SecretFact| {
        let (age, most) = (secret.age?, secret.max_age?);
        let left = i64::try_from(most).ok()? - i64::try_from(age.seconds).ok()?;
        let day = now.checked_add(jiff::SignedDuration::from_secs(left)).ok()?;
        Some((secret.name.clone(), day.strftime("%Y-%m-%d").to_string()))
    };
    let due: Vec<(String, String)> = gathered.facts.secrets.iter().filter_map(due).collect();
    let text = tegmen_report::guide::guide(&tegmen_report::guide::Guide {
        project: &project.name,
        day: &now.strftime("%Y-%m-%d").to_string(),
        facts: &gathered.facts,
        findings: &audit.findings,
        due: &due,
    });
    match &args.output {
        Some(path) => {
            output::to_file(path, text.as_bytes(), "--output")?;
            messages::note(format_args!("written to {path}"));
        }
        None => {
            // A file has its paragraphs in one line, as Markdown is written.
            let text = match output::window(None) {
                Some(columns) => tegmen_report::prose::page(&text, columns),
                None => text,
            };
            stdout::write(&text)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
