//! Where the findings go: standard output or a file, in the format that was asked for.

use std::io::{IsTerminal, Write};

use anyhow::{Context, bail};
use camino::Utf8Path;
use tegmen_report::{Input, Width};

use super::{Args, Format};
use crate::messages;
use crate::stdout;
use crate::volume::{Volume, volume};

/// Renders and writes. With the formats for programs, whoever started it learns of problems as well.
pub fn write(args: &Args, input: &Input<'_>) -> anyhow::Result<()> {
    let text = match args.format {
        Format::Text => text(args, input),
        Format::Json => tegmen_report::json(input),
        Format::Sarif => tegmen_report::sarif(input),
        Format::Html => tegmen_report::html(input)?,
        Format::Markdown => tegmen_report::markdown(input),
        Format::Github => tegmen_report::github(input),
        Format::Gitlab => tegmen_report::gitlab(input),
        Format::Junit => tegmen_report::junit(input)?,
    };
    match &args.output {
        Some(path) => {
            to_file(path, text.as_bytes(), "--output")?;
            messages::note(format!("{}; written to {path}", tegmen_report::summary(input)));
        }
        None => stdout::write(&text)?,
    }
    if args.format != Format::Text || args.output.is_some() {
        for problem in input.problems {
            let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
            messages::warning(tegmen_report::visible(&format!("{}{line}: {}", problem.path, problem.message)));
        }
    }
    Ok(())
}

fn text(args: &Args, input: &Input<'_>) -> String {
    let columns = window(args.output.as_deref());
    let width = columns.map_or(Width::Unknown, |columns| Width::Window(columns.clamp(60, 200)));
    let text = tegmen_report::text(input, args.color.of_text(args.output.is_some()), width);
    if volume() > Volume::Quiet {
        return text;
    }
    // The summary comes last.
    let summary = width.line(&tegmen_report::summary(input));
    let rest = text.trim_end().strip_suffix(&summary).unwrap_or(&text);
    rest.trim_end().to_owned() + if rest.is_empty() { "" } else { "\n" }
}

/// The columns of the window in which somebody reads what is printed; `None` where it goes elsewhere, or to that file.
pub fn window(file: Option<&Utf8Path>) -> Option<usize> {
    let is_shown = file.is_none() && std::io::stdout().is_terminal();
    if is_shown { tegmen_sys::terminal::columns(std::io::stdout()).map(usize::from) } else { None }
}

/// Writes a file so that it is there whole or not at all.
pub fn to_file(path: &Utf8Path, text: &[u8], option: &str) -> anyhow::Result<()> {
    // What is no file (/dev/stdout, a pipe) has to be written where it is.
    if path.exists() && !path.is_file() {
        return std::fs::write(path, text).with_context(|| format!("{path} could not be written ({option})"));
    }
    let written = || -> std::io::Result<()> {
        // A link stays one, and what it leads to is written.
        let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.as_std_path().to_owned());
        let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty());
        let mut file = tempfile::Builder::new()
            .prefix(".tegmen-")
            .permissions(permissions(&target))
            .tempfile_in(directory.unwrap_or(std::path::Path::new(".")))?;
        file.write_all(text)?;
        file.persist(&target)?;
        Ok(())
    };
    written().with_context(|| format!("{path} could not be written; choose another file with {option}"))
}

/// Those of the file that is replaced, else those that the process gives to new files.
fn permissions(target: &std::path::Path) -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(target).map_or_else(|_| std::fs::Permissions::from_mode(0o666), |known| known.permissions())
}

/// Says before the work that a file cannot be written after it.
pub fn can_be_written(path: &Utf8Path, option: &str) -> anyhow::Result<()> {
    if path.is_dir() {
        bail!("{path} is a directory; name a file in it with {option}");
    }
    match path.parent().filter(|parent| !parent.as_str().is_empty()) {
        Some(parent) if !parent.is_dir() => {
            bail!(
                "{path} cannot be written: there is no directory {parent}; make it first, or choose another with {option}"
            )
        }
        _ => Ok(()),
    }
}
