//! What several commands let one choose, each defined once.

use clap::ValueEnum;
use tegmen_findings::Severity;
use tegmen_posture::risk::Level;

/// The least severity that makes the exit status 1.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    High,
    Medium,
    Low,
    Never,
}

impl FailOn {
    /// The severity; `None`: never.
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::High => Some(Severity::High),
            Self::Medium => Some(Severity::Medium),
            Self::Low => Some(Severity::Low),
            Self::Never => None,
        }
    }
}

/// The least residual risk that makes the exit status 1: a scale of its own, with one step more.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOnRisk {
    Critical,
    High,
    Medium,
    Low,
    Never,
}

impl FailOnRisk {
    /// The level; `None`: never.
    pub fn level(self) -> Option<Level> {
        match self {
            Self::Critical => Some(Level::Critical),
            Self::High => Some(Level::High),
            Self::Medium => Some(Level::Medium),
            Self::Low => Some(Level::Low),
            Self::Never => None,
        }
    }
}

/// Whether text has colours.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colours {
    Auto,
    Always,
    Never,
}

impl Colours {
    /// What was chosen, for text that goes to standard output or, with `to_file`, elsewhere. `auto` has colours on a terminal
    /// that shows them, unless NO_COLOR is set.
    pub fn of_text(self, to_file: bool) -> tegmen_report::Colour {
        let coloured = match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => !to_file && anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never,
        };
        if coloured { tegmen_report::Colour::Always } else { tegmen_report::Colour::Never }
    }
}
