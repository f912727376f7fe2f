//! A bar on a terminal, when the audit takes long enough for anybody to wonder.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tegmen_audit::Progress;

use crate::volume::{Volume, volume};

/// Nothing is shown before.
const PATIENCE: Duration = Duration::from_millis(400);
/// How often the bar moves.
const TICK: Duration = Duration::from_millis(100);

/// A bar that is there until this is dropped.
pub struct Bar {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Shows how far the audit is, on a terminal.
pub fn show(progress: &Arc<Progress>) -> Option<Bar> {
    if volume() == Volume::Quiet || !std::io::stderr().is_terminal() {
        return None;
    }
    let progress = Arc::clone(progress);
    let (stop, stopped) = channel();
    let thread = std::thread::Builder::new().spawn(move || draw(&progress, &stopped)).ok()?;
    Some(Bar { stop: Some(stop), thread: Some(thread) })
}

fn draw(progress: &Progress, stopped: &Receiver<()>) {
    if stopped.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
        return;
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let counting = ProgressStyle::with_template("auditing {bar:40} {pos}/{len} files").ok();
    bar.set_style(
        ProgressStyle::with_template("{spinner} looking for files").unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let mut counting = counting;
    loop {
        let (done, total) = progress.get();
        if total > 0 {
            if let Some(style) = counting.take() {
                bar.set_style(style);
            }
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        }
        bar.tick();
        if stopped.recv_timeout(TICK) != Err(RecvTimeoutError::Timeout) {
            bar.finish_and_clear();
            return;
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
