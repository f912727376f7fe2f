//! [`Journal`]: what was changed, so that it can be changed back.

use crate::fetch::Trouble;

type Undo<'a> = Box<dyn FnOnce() -> Result<(), Trouble> + 'a>;

/// The changes so far, each with what takes it back.
#[derive(Default)]
pub(super) struct Journal<'a>(Vec<(String, Undo<'a>)>);

impl<'a> Journal<'a> {
    /// Something was changed at `place`.
    pub(super) fn changed(&mut self, place: impl Into<String>, undo: impl FnOnce() -> Result<(), Trouble> + 'a) {
        self.0.push((place.into(), Box::new(undo)));
    }

    /// Takes everything back, the last change first. Gives back the places where that failed, with the reason.
    pub(super) fn roll_back(self) -> Vec<(String, Trouble)> {
        let undone = self.0.into_iter().rev().map(|(place, undo)| (place, undo()));
        undone.filter_map(|(place, result)| result.err().map(|trouble| (place, trouble))).collect()
    }
}
