//! One wheel with two native parts: the extension module, which maturin builds, and the command line, which cargo builds
//! first and which goes into the wheel through maturin's data directory. The layout there is that of the wheel format's
//! `.data` directory: `scripts/` lands in the environment's `bin`, `purelib/` in its `site-packages`, `data/` in its root, where `man`
//! finds `share/man` beside `bin`, and shells what completes the command.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use clap::ValueEnum;

/// Where maturin looks for the data directory, from the root. Stands in pyproject.toml too.
const DATA: &str = "target/wheel-data";
/// Where maturin looks for the bill of materials, from the root. Stands in pyproject.toml too.
const BILL: &str = "target/tegmen.cyclonedx.json";
/// Tracked in git, written by `cargo xtask docs`.
const MANUAL: &str = "docs/man";
/// Where shells look for what completes a command, below the root of an environment.
const COMPLETIONS: &[(&str, &str)] = &[
    ("bash", "share/bash-completion/completions/tegmen"),
    ("zsh", "share/zsh/site-functions/_tegmen"),
    ("fish", "share/fish/vendor_completions.d/tegmen.fish"),
];
/// Tracked in git; runs at every start of an interpreter that has the wheel, so it is one short line.
const AUTOLOAD: &str = "python/tegmen-autoload.pth";

#[derive(Clone, Copy, ValueEnum)]
pub enum Profile {
    /// Quick to build, for the tests.
    Dev,
    /// For users.
    Release,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
        }
    }

    /// The folder under the target directory; for `dev` cargo calls it otherwise than the profile.
    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

#[derive(clap::Args)]
pub struct WheelArgs {
    /// The cargo profile of both native parts.
    #[arg(long, value_enum, default_value = "release")]
    profile: Profile,
    /// The folder that gets the wheel. Older wheels of Tegmen in it are removed.
    #[arg(long, default_value = "dist")]
    out: PathBuf,
}

#[derive(clap::Args)]
pub struct DataArgs {
    /// The cargo profile of the command line.
    #[arg(long, value_enum, default_value = "release")]
    pub profile: Profile,
}

/// Builds both native parts and packs the wheel.
pub fn wheel(args: &WheelArgs) -> anyhow::Result<()> {
    let _turn = wait_for_turn()?;
    stage(args.profile)?;
    let out = root().join(&args.out);
    remove_wheels(&out)?;
    let mut maturin = Command::new(maturin()?);
    maturin.current_dir(root()).args(["build", "--profile", args.profile.name(), "--out"]).arg(&out);
    if let Profile::Dev = args.profile {
        // Stays on this machine: neither packed tightly nor checked against the manylinux rules.
        maturin.args(["--compatibility", "linux", "--compression-method", "stored"]);
    }
    println!("    Building the extension module and packing the wheel");
    run_quietly(&mut maturin)
}

/// Builds the command line and fills maturin's data directory.
pub fn data(profile: Profile) -> anyhow::Result<()> {
    let _turn = wait_for_turn()?;
    stage(profile)
}

/// Two builds at the same time would take each other's files away: the data directory and maturin's staging area are
/// one each. Held until the file is dropped.
fn wait_for_turn() -> anyhow::Result<fs::File> {
    let path = root().join("target/wheel.lock");
    fs::create_dir_all(root().join("target"))?;
    let file = fs::File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

fn stage(profile: Profile) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    run(Command::new(cargo)
        .current_dir(root())
        .args(["build", "--package", "tegmen", "--bin", "tegmen"])
        .args(["--profile", profile.name()]))?;
    let data = root().join(DATA);
    if data.exists() {
        fs::remove_dir_all(&data).with_context(|| format!("cannot empty {}", data.display()))?;
    }
    let program = target().join(profile.folder()).join("tegmen");
    copy(&program, &data.join("scripts/tegmen"))?;
    copy(&root().join(AUTOLOAD), &data.join("purelib/tegmen-autoload.pth"))?;
    let pages = root().join(MANUAL);
    for page in fs::read_dir(&pages).with_context(|| format!("cannot read {}", pages.display()))? {
        let page = page?;
        copy(&page.path(), &data.join("data/share/man/man1").join(page.file_name()))?;
    }
    for (shell, place) in COMPLETIONS {
        complete(&program, shell, &data.join("data").join(place))?;
    }
    let bill = root().join(BILL);
    fs::write(&bill, crate::sbom::bill(root())?).with_context(|| format!("cannot write {}", bill.display()))
}

fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

fn target() -> PathBuf {
    root().join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// maturin of the checkout's own environment if it has one, else the one on the path.
fn maturin() -> anyhow::Result<PathBuf> {
    let own = root().join(".venv/bin/maturin");
    if own.exists() {
        return Ok(own);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    match std::env::split_paths(&path).map(|folder| folder.join("maturin")).find(|file| file.is_file()) {
        Some(found) => Ok(found),
        None => bail!("maturin is neither in .venv nor on the path; `make wheel` installs it into .venv"),
    }
}

fn remove_wheels(folder: &Path) -> anyhow::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("tegmen-") && name.ends_with(".whl") {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

/// Has the program write its completions for a shell.
fn complete(program: &Path, shell: &str, to: &Path) -> anyhow::Result<()> {
    let output = Command::new(program).args(["completions", shell]).output();
    let output = output.with_context(|| format!("cannot run {}", program.display()))?;
    if !output.status.success() {
        bail!("`tegmen completions {shell}` failed: {}", output.status);
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    fs::write(to, output.stdout).with_context(|| format!("cannot write {}", to.display()))
}

/// Shows what the program wrote only if it fails. maturin warns at each start that pip would build with something else
/// than maturin, which is how we want it.
fn run_quietly(command: &mut Command) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        let written = [output.stdout, output.stderr].concat();
        bail!("{program} failed: {}\n{}", output.status, String::from_utf8_lossy(&written));
    }
    Ok(())
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("cannot run {program}"))?;
    if !status.success() {
        bail!("{program} failed: {status}");
    }
    Ok(())
}
