//! `tegmen audit`: find insecure handling of sensitive data.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use anyhow::Context;
use camino::Utf8PathBuf;
use tegmen_audit::Options;
use tegmen_findings::{Confidence, ProblemKind, Severity};
use tegmen_report::{Colour, Input};

/// Find insecure handling of sensitive data.
///
/// Looks at Python scripts and at what lies beside them (dotenv, INI, YAML, TOML, JSON, Dockerfiles, shell, CSV, notebooks), and
/// respects .gitignore. The exit status is 1 if there are findings, else 2 if the audit could not do its work, or a file could not
/// be read or parsed (--allow-unparsed: read only), else 0. No output contains a value that was found.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tegmen audit                                  this directory
  tegmen audit load/ --format sarif -o audit.sarif
  tegmen audit --fail-on high --ignore response-in-log

A line is excepted with a comment: # tegmen: ignore[hardcoded-password]
`tegmen explain RULE` says what a rule finds and what to do about it.")]
pub struct Args {
    /// Files and directories to audit
    #[arg(default_value = ".")]
    paths: Vec<Utf8PathBuf>,
    /// How to show the findings
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<Utf8PathBuf>,
    /// The least severity that makes the exit status 1
    #[arg(long, value_enum, default_value_t = FailOn::Low, value_name = "SEVERITY")]
    fail_on: FailOn,
    /// Only these rules: ids, codes or beginnings of codes, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "RULE")]
    select: Vec<String>,
    /// Not these rules
    #[arg(long, value_delimiter = ',', value_name = "RULE")]
    ignore: Vec<String>,
    /// Exit with 0 although a file is Python 2, broken or not UTF-8
    #[arg(long)]
    allow_unparsed: bool,
    /// Leave out findings that are less sure
    #[arg(long, value_enum, value_name = "CONFIDENCE")]
    min_confidence: Option<MinConfidence>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
    Sarif,
    Markdown,
    Github,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum FailOn {
    High,
    Medium,
    Low,
    Never,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum MinConfidence {
    Low,
    Medium,
    High,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let options = Options {
        select: args.select,
        ignore: args.ignore,
        min_confidence: args.min_confidence.map(|confidence| match confidence {
            MinConfidence::Low => Confidence::Low,
            MinConfidence::Medium => Confidence::Medium,
            MinConfidence::High => Confidence::High,
        }),
        ..Options::default()
    };
    let audit = tegmen_audit::audit(&args.paths, &options)?;
    let input = Input {
        findings: &audit.findings,
        problems: &audit.problems,
        notes: &audit.notes,
        files: audit.files,
        suppressed: &audit.suppressed,
        rules: tegmen_audit::rules(),
        version: env!("CARGO_PKG_VERSION"),
    };
    let coloured = args.output.is_none() && std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let text = match args.format {
        Format::Text => tegmen_report::text(&input, if coloured { Colour::Always } else { Colour::Never }),
        Format::Json => tegmen_report::json(&input),
        Format::Sarif => tegmen_report::sarif(&input),
        Format::Markdown => tegmen_report::markdown(&input),
        Format::Github => tegmen_report::github(&input),
    };
    match &args.output {
        Some(path) => {
            std::fs::write(path, text)
                .with_context(|| format!("{path} could not be written; choose another file with --output"))?;
            crate::messages::note(format!("{}; written to {path}", tegmen_report::summary(&input)));
        }
        None => std::io::stdout()
            .write_all(text.as_bytes())
            .or_else(closed)
            .context("standard output could not be written")?,
    }
    // With the formats for programs, whoever started it learns of problems as well.
    if args.format != Format::Text || args.output.is_some() {
        for problem in &audit.problems {
            let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
            crate::messages::warning(format!("{}{line}: {}", problem.path, problem.message));
        }
    }
    let least = match args.fail_on {
        FailOn::High => Some(Severity::High),
        FailOn::Medium => Some(Severity::Medium),
        FailOn::Low => Some(Severity::Low),
        FailOn::Never => None,
    };
    let fails = least.is_some_and(|least| audit.findings.iter().any(|finding| finding.severity >= least));
    let blind = audit.problems.iter().any(|problem| {
        problem.kind == ProblemKind::Unread || !args.allow_unparsed && problem.kind != ProblemKind::Note
    });
    // A finding is a finding, whatever else went wrong.
    Ok(match (fails, blind) {
        (true, _) => ExitCode::from(1),
        (false, true) => ExitCode::from(2),
        (false, false) => ExitCode::SUCCESS,
    })
}

/// Whoever read standard output has had enough: `tegmen audit | head`.
fn closed(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }
}
