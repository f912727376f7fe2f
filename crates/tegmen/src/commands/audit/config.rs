//! Settings: those of `tegmen.toml` or `pyproject.toml`, and the options, which win.

use anyhow::{Context, bail};
use camino::{Utf8Path, Utf8PathBuf};
use clap::ValueEnum;
use tegmen_audit::{Options, Patterns, PerFile};
use tegmen_findings::Severity;
use tegmen_sources::{AuditConfig, AuditTable};

use super::{Args, FailOn, Level, Marks};
use crate::messages;

/// What the audit is done with.
pub struct Settings {
    /// What the audit is asked for.
    pub options: Options,
    /// From which severity on it fails.
    pub fail_on: FailOn,
    /// The baseline.
    pub baseline: Option<Utf8PathBuf>,
}

impl Settings {
    /// Settings from files and options.
    pub fn new(args: &Args) -> anyhow::Result<Self> {
        let found = find(args)?;
        if args.verbose {
            match &found {
                Some((path, _)) => messages::note(format!("settings from {path}")),
                None => messages::note("no settings in a file"),
            }
        }
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
        let fail_on = args.fail_on.or_else(|| config.fail_on.and_then(|text| FailOn::from_str(&text, false).ok()));
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
        // The file that is about to be written need not be there yet.
        let baseline = baseline.filter(|_| args.write_baseline.is_none() || args.baseline.is_some());
        Ok(Self { options, fail_on: fail_on.unwrap_or(FailOn::Low), baseline })
    }
}

/// The file with the settings, and what it says: that of `--config`, else the nearest one from what is audited upward, not above the
/// repository.
fn find(args: &Args) -> anyhow::Result<Option<(Utf8PathBuf, AuditConfig)>> {
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
