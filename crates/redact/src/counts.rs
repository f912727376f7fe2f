//! [`Counts`]: how often what was masked, without a byte of the text.

use std::collections::BTreeMap;

use crate::patterns::Patterns;

/// How often each label was written. Keeps no text, no place and no time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// By the number of the label.
    numbered: Vec<u64>,
    /// Of labels of earlier sets.
    named: BTreeMap<String, u64>,
}

impl Counts {
    /// By label, in alphabetical order, those that were never written left out. `patterns` are those that the text was
    /// searched for last.
    pub fn by_label(&self, patterns: &Patterns) -> BTreeMap<String, u64> {
        let mut counts = self.named.clone();
        for (label, count) in patterns.labels().zip(&self.numbered).filter(|(_, count)| **count > 0) {
            *counts.entry(label.to_owned()).or_default() += count;
        }
        counts
    }

    /// How many spans were masked.
    pub fn total(&self) -> u64 {
        self.numbered.iter().chain(self.named.values()).sum()
    }

    pub(crate) fn add(&mut self, label: u32) {
        let label = label as usize;
        if self.numbered.len() <= label {
            self.numbered.resize(label + 1, 0);
        }
        self.numbered[label] += 1;
    }

    /// Other patterns number their labels anew.
    pub(crate) fn settle(&mut self, patterns: &Patterns) {
        if self.numbered.iter().any(|count| *count > 0) {
            self.named = self.by_label(patterns);
        }
        self.numbered.clear();
    }
}
