//! A line on a terminal that says what is being done.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::volume::{Volume, volume};

/// The line; nothing where nobody would see it.
pub struct Spinner {
    is_seen: bool,
    bar: RefCell<Option<ProgressBar>>,
}

impl Spinner {
    pub fn new() -> Self {
        Self { is_seen: volume() > Volume::Quiet && std::io::stderr().is_terminal(), bar: RefCell::default() }
    }

    /// Shows a step.
    pub fn say(&self, step: impl Into<Cow<'static, str>>) {
        if self.is_seen {
            let mut bar = self.bar.borrow_mut();
            bar.get_or_insert_with(bar_that_ticks).set_message(step);
        }
    }

    /// Takes the line away, so that something else can be said.
    pub fn clear(&self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn bar_that_ticks() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
