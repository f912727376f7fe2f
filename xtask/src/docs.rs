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

/// Generated files: where, and the arguments of `tegmen` that print them.
const PAGES: &[(&str, &[&str])] = &[
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
    let mut stale: Vec<PathBuf> = Vec::new();
    for (file, arguments) in PAGES {
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

/// What `tegmen` prints, from the sources as they are.
fn tegmen(root: &Path, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(root)
        .args(["run", "--quiet", "--package", "tegmen", "--"])
        .args(arguments)
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cargo could not be started")?;
    if !output.status.success() {
        bail!("`tegmen {}` failed with {}", arguments.join(" "), output.status);
    }
    Ok(output.stdout)
}
