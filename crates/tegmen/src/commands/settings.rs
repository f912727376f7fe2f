//! What `audit` and `fix` look at: their common options, the settings of `tegmen.toml` or `pyproject.toml`, which options
//! overrule, and the baseline.

use anyhow::{Context, bail};
use camino::{Utf8Path, Utf8PathBuf};
use clap::ValueEnum;
use tegmen_audit::{Baseline, BaselineFile, Options, Patterns, PerFile};
use tegmen_findings::{Confidence, Severity};
use tegmen_sources::{AuditConfig, AuditTable};

use crate::messages;

/// What is looked at, and what is left out.
#[derive(clap::Args)]
pub struct Choice {
    /// Files and directories to look at
    #[arg(default_value = ".")]
    pub paths: Vec<Utf8PathBuf>,
    /// Only these rules: ids, codes or beginnings of codes, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "RULE")]
    pub select: Vec<String>,
    /// Not these rules
    #[arg(long, value_delimiter = ',', value_name = "RULE")]
    pub ignore: Vec<String>,
    /// Leave out findings that are less sure
    #[arg(long, value_enum, value_name = "CONFIDENCE")]
    min_confidence: Option<Level>,
    /// Leave out files and directories that match, as in .gitignore
    #[arg(long, value_delimiter = ',', value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Hold back what this file knows; only what is new counts
    #[arg(long, value_name = "FILE")]
    baseline: Option<Utf8PathBuf>,
    /// Use no baseline, whatever the configuration says
    #[arg(long, conflicts_with = "baseline")]
    no_baseline: bool,
    /// Whose marks in comments are honoured (tegmen: ignore; noqa, nosec and others) [default: all]
    #[arg(long, value_enum, value_name = "WHOSE")]
    marks: Option<Marks>,
    /// Read the settings from this tegmen.toml or pyproject.toml
    #[arg(long, value_name = "FILE")]
    config: Option<Utf8PathBuf>,
    /// Read no settings from files
    #[arg(long, conflicts_with = "config")]
    no_config: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Level {
    Low,
    Medium,
    High,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Marks {
    All,
    Own,
    None,
}

impl From<Level> for Confidence {
    fn from(level: Level) -> Self {
        match level {
            Level::Low => Self::Low,
            Level::Medium => Self::Medium,
            Level::High => Self::High,
        }
    }
}

impl From<Level> for Severity {
    fn from(level: Level) -> Self {
        match level {
            Level::Low => Self::Low,
            Level::Medium => Self::Medium,
            Level::High => Self::High,
        }
    }
}

impl From<Marks> for tegmen_audit::Marks {
    fn from(marks: Marks) -> Self {
        match marks {
            Marks::All => Self::All,
            Marks::Own => Self::Own,
            Marks::None => Self::None,
        }
    }
}

/// What was chosen.
pub struct Settings {
    /// What the audit is asked for.
    pub options: Options,
    /// From which severity on the audit fails, as the file says.
    pub fail_on: Option<String>,
    /// What is known.
    pub baseline: Option<BaselineFile>,
}

/// Which baseline counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Baselines {
    /// That of the options, else that of the settings.
    All,
    /// That of the options only: the one of the settings is about to be written, and need not be there yet.
    Given,
}

impl Settings {
    /// Settings from files and options.
    ///
    /// # Errors
    /// A file with settings, or a baseline, that cannot be read or is none; a pattern that is none.
    pub fn new(args: &Choice, baselines: Baselines) -> anyhow::Result<Self> {
        let found = find(args)?;
        let file = found.as_ref().map(|(path, _)| path.clone());
        let here = tegmen_audit::absolute(Utf8Path::new("."));
        let (directory, config) = match found {
            Some((path, config)) => {
                (Some(tegmen_audit::absolute(&path).parent().map(Utf8Path::to_path_buf).unwrap_or_default()), config)
            }
            None => (None, AuditConfig::default()),
        };
        let base = directory.clone().unwrap_or_else(|| here.clone());
        let mut per_file = Vec::new();
        for (pattern, rules) in config.per_file_ignores {
            let files = Patterns::new(&base, std::slice::from_ref(&pattern))?;
            per_file.push(PerFile { files, pattern, rules });
        }
        let exclude = match &args.exclude[..] {
            [] => Patterns::new(&base, &config.exclude)?,
            given => Patterns::new(&here, given)?,
        };
        let severities = config
            .severity
            .into_iter()
            .filter_map(|(selector, level)| Some((selector, Severity::from(Level::from_str(&level, false).ok()?))));
        let level = |text: Option<String>| text.and_then(|text| Level::from_str(&text, false).ok());
        let marks = args.marks.or_else(|| config.marks.and_then(|text| Marks::from_str(&text, false).ok()));
        let options = Options {
            select: if args.select.is_empty() { config.select } else { args.select.clone() },
            ignore: if args.ignore.is_empty() { config.ignore } else { args.ignore.clone() },
            min_confidence: args.min_confidence.or_else(|| level(config.min_confidence)).map(Into::into),
            severities: severities.collect(),
            per_file,
            exclude: Some(exclude),
            marks: marks.map(Into::into).unwrap_or_default(),
            root: Some(directory.or_else(|| repository(&here)).unwrap_or(here)),
            variable_prefix: config.naming,
            ..Options::default()
        };
        let baseline = match (&args.baseline, args.no_baseline) {
            (Some(path), _) => Some(path.clone()),
            (None, true) => None,
            (None, false) => config.baseline.map(|path| shown(&base.join(path))),
        };
        let baseline = baseline.filter(|_| baselines == Baselines::All || args.baseline.is_some());
        let baseline = baseline.as_deref().map(read_baseline).transpose()?;
        match &file {
            Some(path) => messages::detail(format_args!("settings from {path}")),
            None => messages::detail("no settings in a file"),
        }
        Ok(Self { options, fail_on: config.fail_on, baseline })
    }
}

fn read_baseline(path: &Utf8Path) -> anyhow::Result<BaselineFile> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!("the baseline {path} could not be read; write one with `tegmen audit --write-baseline {path}`")
    })?;
    let baseline = Baseline::parse(&text).map_err(|error| anyhow::anyhow!("{path} {error}"))?;
    Ok(BaselineFile { baseline, path: path.to_owned() })
}

/// The file with the settings, and what it says: that of `--config`, else the nearest one from what is audited upward, not above the
/// repository.
fn find(args: &Choice) -> anyhow::Result<Option<(Utf8PathBuf, AuditConfig)>> {
    if args.no_config {
        return Ok(None);
    }
    if let Some(path) = &args.config {
        let table =
            if path.file_name() == Some("pyproject.toml") { AuditTable::PyProject } else { AuditTable::Manifest };
        let config = read(path, table)?;
        let Some(config) = config else {
            bail!("{path} has no table [{}], which --config asks for", name(table));
        };
        return Ok(Some((path.clone(), config)));
    }
    for directory in start(&args.paths).ancestors() {
        let mut found = Vec::new();
        for (file, table) in [("tegmen.toml", AuditTable::Manifest), ("pyproject.toml", AuditTable::PyProject)] {
            let path = shown(&directory.join(file));
            if path.is_file()
                && let Some(config) = read(&path, table)?
            {
                found.push((path, config));
            }
        }
        if let [(first, _), (second, _)] = &found[..] {
            bail!(
                "{first} and {second} both have settings for the audit; keep those of one of them, or choose with --config"
            );
        }
        if let Some(found) = found.pop() {
            return Ok(Some(found));
        }
        if directory.join(".git").exists() {
            return Ok(None);
        }
    }
    Ok(None)
}

fn name(table: AuditTable) -> &'static str {
    match table {
        AuditTable::Manifest => "audit",
        AuditTable::PyProject => "tool.tegmen.audit",
    }
}

fn read(path: &Utf8Path, table: AuditTable) -> anyhow::Result<Option<AuditConfig>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{path} could not be read; mend it, or go on with --no-config"))?;
    // Most have no such table, and other tools' mistakes are not ours to tell.
    if !text.contains("audi") && table == AuditTable::Manifest
        || !text.contains("tegmen") && table == AuditTable::PyProject
    {
        return Ok(None);
    }
    let rules = |selector: &str| match tegmen_audit::is_rule(selector) {
        true => Ok(()),
        false => Err(tegmen_audit::nearest_rule(selector)),
    };
    Ok(AuditConfig::parse(path.as_std_path(), &text, table, &rules)?)
}

/// The directory that all paths lie in.
fn start(paths: &[Utf8PathBuf]) -> Utf8PathBuf {
    let mut directories = paths.iter().map(|path| {
        let whole = tegmen_audit::absolute(path);
        if whole.is_dir() { whole } else { whole.parent().map(Utf8Path::to_path_buf).unwrap_or(whole) }
    });
    let Some(first) = directories.next() else { return tegmen_audit::absolute(Utf8Path::new(".")) };
    directories.fold(first, |common, directory| {
        common
            .ancestors()
            .find(|ancestor| directory.starts_with(ancestor))
            .map(Utf8Path::to_path_buf)
            .unwrap_or_default()
    })
}

fn repository(start: &Utf8Path) -> Option<Utf8PathBuf> {
    start.ancestors().find(|directory| directory.join(".git").exists()).map(Utf8Path::to_path_buf)
}

/// A path as a person at this directory would write it.
fn shown(path: &Utf8Path) -> Utf8PathBuf {
    let here = tegmen_audit::absolute(Utf8Path::new("."));
    path.strip_prefix(&here).map(Utf8Path::to_path_buf).unwrap_or_else(|_| path.to_owned())
}
