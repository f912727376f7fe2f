//! `tegmen report`: what remains, why, and what to do next.

pub mod facts;
mod stored;

use std::path::PathBuf;
use std::process::ExitCode;

use camino::{Utf8Path, Utf8PathBuf};
use tegmen_posture::Selection;
use tegmen_posture::risk::{self, CheckFact, Run};
use tegmen_report::risk as render;
use tegmen_sources::Cost;

use super::audit::output;
use super::choices::{Colours, FailOnRisk};
use super::doctor;
use super::progress;
use super::settings::{Baselines, Choice, Settings};
use super::spinner::Spinner;
use crate::{messages, stdout};

/// Report what remains: threats, gaps, residual risk, trend.
///
/// Puts together what the audit finds, what the manifest says, how the test is started, what `tegmen doctor` says of this machine, the last run of `tegmen prove` and the
/// record of rotations, rates every threat by OWASP's Risk Rating, and says what to do next. One file, without scripts or
/// network; the HTML prints. No output contains a value. What is not known is said to be.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tegmen report                          a summary for the terminal
  tegmen report -o risk.html             for a security team: inventory, threats, gaps, findings
  tegmen report -o risk.md               the same in Markdown; .json for programs
  tegmen report --stakes production      the secrets open production: a leak weighs more
  tegmen report --fail-on high -o risk.html

With --output, the ratings (no names, no values) are kept in .tegmen/history for the trend.
How it is rated: docs/reference/risk.md

Exit status:
  0  the report is written
  1  it is, and the residual risk is at least --fail-on
  2  it could not do its work")]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
    /// Write to a file instead of standard output; .html, .md and .json say the format
    #[arg(long, short, value_name = "FILE")]
    output: Option<Utf8PathBuf>,
    /// How to show it, if the file's name does not say
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// What the secrets open
    #[arg(long, value_enum, default_value_t = Stakes::Test, env = "TEGMEN_STAKES", hide_env_values = true)]
    stakes: Stakes,
    /// The manifest; the default is tegmen.toml here or in a directory above, up to the repository's root
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Search every commit of the repository too
    #[arg(long)]
    history: bool,
    /// Do not check the machine: its threat is not rated then
    #[arg(long)]
    no_doctor: bool,
    /// Ask Vault about its configuration too, as far as that costs no login
    #[arg(long, conflicts_with = "no_doctor")]
    vault: bool,
    /// The least residual risk that makes the exit status 1
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = FailOnRisk::Never)]
    fail_on: FailOnRisk,
    /// Do not keep the ratings for the trend
    #[arg(long)]
    no_record: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Html,
    Markdown,
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Stakes {
    /// Test systems, or accounts that are made for tests
    Test,
    /// Production
    Production,
}

/// Columns where nobody can say how many there are.
const WIDTH: usize = 100;

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let spinner = Spinner::new();
    spinner.say("asking the machine");
    // Before this process is closed to everybody, itself included.
    let posture = (!args.no_doctor)
        .then(|| doctor::project(args.manifest.as_deref(), Vec::new(), args.vault.then_some(Cost::Nothing)))
        .transpose()?
        .map(|project| tegmen_posture::examine(&project, None, &Selection::default()));
    spinner.clear();
    // The store is read for the ages of what is in it.
    super::close_process()?;
    if let Some(path) = &args.output {
        output::can_be_written(path, "--output")?;
    }
    let format = args.format.unwrap_or_else(|| by_name(args.output.as_deref()));
    let project = facts::Project::find(&args.choice.paths, args.manifest.as_deref())?;
    // A baseline says what is known; what is known remains all the same.
    let settings = Settings::new(&args.choice, Baselines::Given)?;
    let bar = progress::show(&settings.options.progress);
    let audit = if args.history {
        tegmen_audit::audit_with_history(&args.choice.paths, &settings.options)
    } else {
        tegmen_audit::audit(&args.choice.paths, &settings.options)
    };
    drop(bar);
    let audit = audit?;
    let survey = tegmen_audit::survey::survey(&args.choice.paths, &settings.options)?;
    let now = jiff::Timestamp::now();
    let earlier = stored::read(&project.directory);
    let mut gathered = facts::gather(&project, &audit, &survey, &earlier.runs, now);
    gathered.facts.is_history_searched = args.history;
    gathered.facts.checks = posture.map(|posture| posture.answers.iter().map(CheckFact::from).collect());
    gathered.facts.stakes = match args.stakes {
        Stakes::Test => risk::Stakes::Test,
        Stakes::Production => risk::Stakes::Production,
    };
    gathered.remarks.extend(earlier.remarks);
    let assessment = risk::assess(&gathered.facts);
    let time = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let this = Run::of(&time, &gathered.facts, &assessment);
    let mut runs = earlier.runs;
    runs.push(this.clone());
    let report = render::Report {
        project: &project.name,
        time: &time,
        version: env!("CARGO_PKG_VERSION"),
        facts: &gathered.facts,
        assessment: &assessment,
        findings: &audit.findings,
        runs: &runs,
        remarks: &gathered.remarks,
    };
    write(&args, format, &report)?;
    if args.output.is_some() && !args.no_record {
        stored::add(&project.directory, &this)?;
    }
    if let Some(path) = &args.output {
        messages::note(format_args!("residual risk: {}; written to {path}", assessment.level.as_str()));
    } else if format == Format::Text {
        messages::next("`tegmen report -o risk.html` has the inventory, every reason and the gaps");
    }
    Ok(ExitCode::from(u8::from(args.fail_on.level().is_some_and(|least| assessment.level >= least))))
}

/// The format that the name of a file asks for.
fn by_name(path: Option<&Utf8Path>) -> Format {
    match path.and_then(Utf8Path::extension).map(str::to_ascii_lowercase).as_deref() {
        Some("html" | "htm") => Format::Html,
        Some("md" | "markdown") => Format::Markdown,
        Some("json") => Format::Json,
        _ => Format::Text,
    }
}

fn write(args: &Args, format: Format, report: &render::Report<'_>) -> anyhow::Result<()> {
    let text = match format {
        Format::Html => render::html(report)?,
        Format::Markdown => render::markdown(report),
        Format::Json => render::json(report),
        Format::Text => {
            let width = output::window(args.output.as_deref()).map_or(WIDTH, |columns| columns.clamp(50, 120));
            render::text(report, Colours::Auto.of_text(args.output.is_some()), width)
        }
    };
    match &args.output {
        Some(path) => output::to_file(path, text.as_bytes(), "--output"),
        None => stdout::write(&text),
    }
}
