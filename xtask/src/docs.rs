//! `cargo xtask docs`: the documentation that is generated from the program itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

/// Arguments of `cargo xtask docs`.
#[derive(clap::Args)]
pub struct Args {
    /// Write nothing; fail if a file is not what would be written
    #[arg(long)]
    check: bool,
}

/// Where manual pages go: one of the program, one of each command.
const MANUAL: &str = "docs/man";

/// Generated files: where, and the arguments of `tegmen` that print them.
const PAGES: &[(&str, &[&str])] = &[
    ("docs/reference/cli.md", &["reference", "cli"]),
    ("docs/rules.md", &["explain", "--all", "--format", "markdown"]),
    ("docs/reference/doctor.md", &["doctor", "--list", "--format", "markdown"]),
    ("docs/reference/risk.md", &["reference", "risk"]),
];

/// Writes or checks all generated files.
///
/// # Errors
/// `tegmen` cannot be built or run, a file cannot be written, or, with `--check`, a file differs.
pub fn docs(args: &Args) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask stands inside the repository")?;
    let mut pages: Vec<(String, Vec<String>)> = PAGES
        .iter()
        .map(|(file, arguments)| ((*file).to_owned(), arguments.iter().map(ToString::to_string).collect()))
        .collect();
    pages.extend(manual(root)?);
    let mut stale: Vec<PathBuf> = unknown(root, &pages)?;
    if !args.check {
        for path in stale.drain(..) {
            std::fs::remove_file(&path).with_context(|| format!("{} could not be removed", path.display()))?;
            println!("removed {}", path.display());
        }
    }
    for (file, arguments) in &pages {
        let path = root.join(file);
        let wanted = tegmen(root, arguments)?;
        if std::fs::read(&path).ok().as_deref() == Some(&wanted) {
            continue;
        }
        if args.check {
            stale.push(path);
            continue;
        }
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(|| format!("{} could not be made", parent.display()))?;
        }
        std::fs::write(&path, wanted).with_context(|| format!("{} could not be written", path.display()))?;
        println!("wrote {file}");
    }
    if let [first, ..] = &stale[..] {
        bail!("{} is not what the program says; run `cargo xtask docs` and commit the result", first.display());
    }
    Ok(())
}

/// The manual pages: of the program, and of all commands that it has.
fn manual(root: &Path) -> anyhow::Result<Vec<(String, Vec<String>)>> {
    let names = String::from_utf8(tegmen(root, &["reference", "commands"])?).context("a command's name is not text")?;
    let page = |name: &str| {
        let words = std::iter::once("tegmen").chain(name.split_whitespace());
        let file = format!("{MANUAL}/{}.1", words.collect::<Vec<_>>().join("-"));
        let arguments = ["reference", "man"].into_iter().chain(name.split_whitespace()).map(str::to_owned);
        (file, arguments.collect())
    };
    Ok(std::iter::once("").chain(names.lines()).map(page).collect())
}

/// Manual pages of commands that there are no more.
fn unknown(root: &Path, pages: &[(String, Vec<String>)]) -> anyhow::Result<Vec<PathBuf>> {
    let Ok(entries) = std::fs::read_dir(root.join(MANUAL)) else { return Ok(Vec::new()) };
    let paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    let is_known = |path: &PathBuf| pages.iter().any(|(file, _)| root.join(file) == *path);
    Ok(paths.into_iter().filter(|path| !is_known(path)).collect())
}

/// What `tegmen` prints, from the sources as they are.
fn tegmen(root: &Path, arguments: &[impl AsRef<str>]) -> anyhow::Result<Vec<u8>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(root)
        .args(["run", "--quiet", "--package", "tegmen", "--"])
        .args(arguments.iter().map(AsRef::as_ref))
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cargo could not be started")?;
    if !output.status.success() {
        bail!(
            "`tegmen {}` failed with {}",
            arguments.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(" "),
            output.status
        );
    }
    Ok(output.stdout)
}
