//! [`PatternsBuilder`]: values and literals to forms, forms to [`Patterns`].

use std::collections::HashMap;

use tegmen_secret::SecretBytes;

use crate::display;
use crate::forms::{self, Bytes, Forms};
use crate::index::Index;
use crate::patterns::Patterns;
use crate::policy::{self, Refused, Strength, Warning};

/// From this length on a form is looked for with long grams and strides; shorter ones do not slow those down.
const LONG_TIER: usize = 12;

/// A form on its way into an index.
pub(crate) struct Form {
    pub(crate) bytes: Bytes,
    pub(crate) label: u32,
    /// Matches as a whole word only.
    pub(crate) bounded: bool,
}

/// Collects what to look for. Made by [`Patterns::builder`].
#[derive(Default)]
pub struct PatternsBuilder {
    forms: Vec<Form>,
    labels: Vec<String>,
    numbers: HashMap<String, u32>,
    warnings: Vec<Warning>,
}

impl PatternsBuilder {
    /// Adds a value, in clear and in all its encodings, shown as `[label]`. White space around it does not count.
    /// Where two labels have one value, the first one is shown.
    ///
    /// # Errors
    /// When the value is empty or so short that it would be found everywhere. Nothing is added then.
    pub fn value(&mut self, label: &str, value: &SecretBytes) -> Result<(), Refused> {
        let value = value.expose().trim_ascii();
        match policy::judge(label, value)? {
            Strength::Strong => self.add(label, forms::all(value), false),
            Strength::Weak(weakness) => {
                self.add(label, forms::text(value), true);
                self.warnings.push(Warning { label: label.to_owned(), weakness });
            }
        }
        Ok(())
    }

    /// Adds a text that is no secret but stands for one (a placeholder), in clear and in its encodings, shown as
    /// `[label]`. An empty text is nothing; one under six bytes matches as a whole word only.
    pub fn literal(&mut self, label: &str, text: &str) {
        let bounded = !policy::is_long(text.as_bytes());
        let forms = if bounded { forms::text(text.as_bytes()) } else { forms::all(text.as_bytes()) };
        self.add(label, forms, bounded);
    }

    /// The values that are looked for as whole words only, and why.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The finished set.
    pub fn build(mut self) -> Patterns {
        let displays = display::choose(&self.labels, &mut self.forms);
        // Sorted by bytes; of equal ones the label that was declared first stays.
        self.forms
            .sort_by(|a, b| (a.bounded, a.bytes.as_slice(), a.label).cmp(&(b.bounded, b.bytes.as_slice(), b.label)));
        self.forms.dedup_by(|next, first| next.bounded == first.bounded && next.bytes == first.bytes);
        let tier = |wanted: &dyn Fn(&Form) -> bool| {
            let forms: Vec<(&[u8], u32)> =
                self.forms.iter().filter(|form| wanted(form)).map(|form| (form.bytes.as_slice(), form.label)).collect();
            Index::new(&forms)
        };
        let anywhere = [
            tier(&|form| !form.bounded && form.bytes.len() >= LONG_TIER),
            tier(&|form| !form.bounded && form.bytes.len() < LONG_TIER),
        ];
        let bounded = tier(&|form| form.bounded);
        Patterns::new(anywhere.into_iter().flatten().collect(), bounded, displays, &self.forms)
    }

    fn add(&mut self, label: &str, forms: Forms, bounded: bool) {
        let next = self.labels.len() as u32;
        let label = *self.numbers.entry(label.to_owned()).or_insert_with(|| {
            self.labels.push(label.to_owned());
            next
        });
        self.forms.extend(forms.into_vec().into_iter().map(|bytes| Form { bytes, label, bounded }));
    }
}

/// Shows how many forms there are, nothing of them.
impl std::fmt::Debug for PatternsBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PatternsBuilder({} labels, {} forms)", self.labels.len(), self.forms.len())
    }
}
