//! How much is said, beside what was asked for: one choice for the whole program, made before any command begins.

use std::sync::OnceLock;

/// The options, understood before the subcommand and after it.
#[derive(clap::Args)]
pub struct Options {
    /// Say nothing but results, warnings and errors
    #[arg(long, short, global = true, display_order = 990)]
    quiet: bool,
    /// Say more: the settings that are used, what is held back, what does not apply
    #[arg(long, short, global = true, display_order = 991)]
    verbose: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Volume {
    /// Results, warnings, errors.
    Quiet,
    /// And what is done, what came of it, what to do next; progress on a terminal.
    Usual,
    /// And how that came to be.
    Verbose,
}

static CHOSEN: OnceLock<Volume> = OnceLock::new();

/// What was chosen.
pub fn volume() -> Volume {
    CHOSEN.get().copied().unwrap_or(Volume::Usual)
}

impl Options {
    /// Makes the choice. clap compares options that stand on one side of the subcommand only, so it is told of both here.
    ///
    /// # Errors
    /// Both were given.
    pub fn choose(&self, command: &mut clap::Command) -> Result<(), clap::Error> {
        let volume = match (self.quiet, self.verbose) {
            (true, true) => {
                let kind = clap::error::ErrorKind::ArgumentConflict;
                return Err(command.error(kind, "the argument '--quiet' cannot be used with '--verbose'"));
            }
            (true, false) => Volume::Quiet,
            (false, true) => Volume::Verbose,
            (false, false) => Volume::Usual,
        };
        // Nobody has asked before.
        let _ = CHOSEN.set(volume);
        Ok(())
    }
}
