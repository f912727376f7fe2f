//! A line on a terminal that says what is being done.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The line; nothing where nobody would see it.
pub struct Spinner(Option<ProgressBar>);

impl Spinner {
    pub fn new(quiet: bool) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        Self(Some(bar))
    }

    /// Shows a step.
    pub fn say(&self, name: &str, step: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(format!("{name}: {step}"));
            bar.enable_steady_tick(Duration::from_millis(120));
        }
    }

    /// Takes the line away, so that something else can be said.
    pub fn clear(&self) {
        if let Some(bar) = &self.0 {
            bar.disable_steady_tick();
            bar.set_message("");
            bar.finish_and_clear();
            bar.reset();
        }
    }
}
