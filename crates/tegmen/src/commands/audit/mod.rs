//! `tegmen audit`: find insecure handling of sensitive data.

mod baseline;
pub(super) mod output;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Instant;

use camino::Utf8PathBuf;
use clap::ValueEnum;
use tegmen_audit::{Audit, Options, Scope};
use tegmen_findings::{Finding, ProblemKind};
use tegmen_report::Input;

use super::choices::{Colours, FailOn};
use super::progress;
use super::settings::{Baselines, Choice, Settings};
use crate::messages;
use crate::volume::{Volume, volume};

/// Find insecure handling of sensitive data.
///
/// Looks at Python scripts and at the configuration beside them, and respects .gitignore. Settings stand in [audit] of
/// tegmen.toml or in [tool.tegmen.audit] of pyproject.toml; options win. No output contains a value that was found.
#[derive(clap::Args)]
#[command(after_help = "Exit status:
  0  nothing found that --fail-on asks for
  1  findings
  2  no findings, but the audit could not do its work, or not for every file

Examples:
  tegmen audit                                      this directory
  tegmen audit load/ --format sarif -o audit.sarif  for code scanning
  tegmen audit --select TGM1 --ignore TGM110        the hard-coded ones, but for one rule
  tegmen audit --write-baseline tegmen-baseline.json
  tegmen audit --baseline tegmen-baseline.json      only what is new since then
  tegmen audit --fail-on high --format github       in a workflow of GitHub

A line is excepted with a comment: # tegmen: ignore[hardcoded-password] only in the lab
`tegmen explain RULE` says what a rule finds and what to do about it.")]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
    /// How to show the findings
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<Utf8PathBuf>,
    /// The least severity that makes the exit status 1 [default: low]
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,
    /// Search every commit of the repository too, for hard-coded secrets that the files no longer have
    #[arg(long)]
    history: bool,
    /// Write what is found into a baseline, and exit with 0
    #[arg(long, value_name = "FILE")]
    write_baseline: Option<Utf8PathBuf>,
    /// Exit with 0 although a file is Python 2, broken or not UTF-8
    #[arg(long)]
    allow_unparsed: bool,
    /// Colours in the text
    #[arg(long, value_enum, default_value_t = Colours::Auto, value_name = "WHEN")]
    color: Colours,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
    Sarif,
    Html,
    Markdown,
    Github,
    Gitlab,
    Junit,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    if let Some(path) = &args.output {
        output::can_be_written(path, "--output")?;
    }
    // Before the work, which may be long.
    let written = if args.write_baseline.is_some() { Baselines::Given } else { Baselines::All };
    let settings = Settings::new(&args.choice, written)?;
    if let Some(path) = &args.write_baseline {
        baseline::may_be_overwritten(path)?;
    }
    let bar = progress::show(&settings.options.progress);
    let result = if args.history {
        tegmen_audit::audit_with_history(&args.choice.paths, &settings.options)
    } else {
        tegmen_audit::audit(&args.choice.paths, &settings.options)
    };
    drop(bar);
    let mut audit = result?;
    // The path of an edit is that of the file, which for a file that is called after a value no output may show.
    for finding in audit.findings.iter_mut().chain(&mut audit.suppressed) {
        if finding.locations().iter().chain(&finding.related).any(|place| place.path.contains("***")) {
            finding.fix = None;
        }
    }
    if let Some(path) = &args.write_baseline {
        return baseline::write(path, &audit);
    }
    let gone = settings.baseline.as_ref().map(|known| {
        let scope = Scope { paths: &args.choice.paths, options: &settings.options, history: args.history };
        known.apply(&mut audit, &scope)
    });
    let watched = args.format == Format::Text && std::io::stdout().is_terminal();
    let input = Input {
        findings: &audit.findings,
        problems: &audit.problems,
        notes: if volume() == Volume::Quiet { &[] } else { &audit.notes },
        uses: &audit.uses,
        files: audit.files,
        suppressed: &audit.suppressed,
        baseline: gone,
        rules: tegmen_audit::rules(),
        version: env!("CARGO_PKG_VERSION"),
        elapsed: (watched || volume() == Volume::Verbose).then(|| start.elapsed()),
    };
    output::write(&args, &input)?;
    say_held_back(&audit.suppressed);
    if args.format == Format::Text && args.output.is_none() {
        hints(&audit, &settings.options, gone);
    }
    let configured = settings.fail_on.and_then(|text| FailOn::from_str(&text, false).ok());
    Ok(status(&audit, args.fail_on.or(configured).unwrap_or(FailOn::Low), args.allow_unparsed))
}

/// For those who are in another directory than they think.
pub(super) const NOTHING_HERE: &str = "there is no file to look at here, or .gitignore has all of them; name the directory of the load test: tegmen COMMAND DIR";

fn status(audit: &Audit, fail_on: FailOn, allow_unparsed: bool) -> ExitCode {
    let fails = fail_on.severity().is_some_and(|least| audit.findings.iter().any(|finding| finding.severity >= least));
    let blind = audit
        .problems
        .iter()
        .any(|problem| problem.kind == ProblemKind::Unread || !allow_unparsed && problem.kind != ProblemKind::Note);
    // A finding is a finding, whatever else went wrong.
    match (fails, blind) {
        (true, _) => ExitCode::from(1),
        (false, true) => ExitCode::from(2),
        (false, false) => ExitCode::SUCCESS,
    }
}

/// What marks, settings and baselines hold back, for whoever wonders.
pub(super) fn say_held_back(suppressed: &[Finding]) {
    for finding in suppressed {
        let by = finding.suppression.as_ref().map(|suppression| suppression.what.as_str()).unwrap_or_default();
        let place = finding.location();
        messages::detail(format!("held back by {by}: {}:{} {}", place.path, place.line, finding.rule.id));
    }
}

/// What to do next.
fn hints(audit: &Audit, options: &Options, gone: Option<usize>) {
    if audit.files == 0 {
        messages::next(NOTHING_HERE);
    }
    if let Some(worst) = audit.findings.iter().max_by_key(|finding| finding.severity) {
        messages::next(format!("`tegmen explain {}` says why it matters and what to do", worst.rule.id));
        let fixes = audit.findings.iter().filter(|finding| finding.fix.is_some()).count();
        if fixes > 0 {
            messages::next(format!("`tegmen fix --diff` shows what can be mended for you: {fixes}"));
        }
        if gone.is_none() && options.select.is_empty() && audit.findings.len() > 20 {
            messages::next(
                "`tegmen audit --write-baseline tegmen-baseline.json` accepts what is there; only new ones fail then",
            );
        }
    }
    if gone.is_some_and(|gone| gone > 0) {
        messages::next("some findings of the baseline are gone: write it anew with --write-baseline");
    }
}
