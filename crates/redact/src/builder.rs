//! [`PatternsBuilder`]: values and literals to forms, forms to [`Patterns`].

use std::collections::HashMap;
use std::sync::Arc;

use tegmen_secret::SecretBytes;

use crate::display;
use crate::forms::{self, Bytes, Forms, Reach};
use crate::layer::Layer;
use crate::patterns::Patterns;
use crate::policy::{self, Refused, Strength, Warning};

/// A set of more forms than this has so many values that each is to take little memory: those of a thousand tokens.
const MANY: usize = 25_000;

/// A token that is longer is not looked for in base64 and the like, in bytes.
const LONG_TOKEN: usize = 128;

/// A form on its way into an index.
#[derive(Clone)]
pub(crate) struct Form {
    pub(crate) bytes: Bytes,
    pub(crate) label: u32,
    /// Matches as a whole word only.
    pub(crate) bounded: bool,
}

impl Form {
    /// Whether one of the two bytes occurs in it.
    pub(crate) fn contains(&self, one: u8, other: u8) -> bool {
        memchr::memchr2(one, other, &self.bytes).is_some()
    }
}

/// Collects what to look for. Made by [`Patterns::builder`], or by [`Patterns::extend`] to add to a set.
#[derive(Default)]
pub struct PatternsBuilder {
    layers: Vec<Arc<Layer>>,
    forms: Vec<Form>,
    labels: Vec<String>,
    numbers: HashMap<String, u32>,
    warnings: Vec<Warning>,
    is_bare: bool,
}

impl PatternsBuilder {
    /// Adds a value, in clear and in all its encodings, shown as `[label]`. White space around it does not count.
    /// Where two labels have one value, the first one is shown.
    ///
    /// # Errors
    /// When the value is empty or so short that it would be found everywhere. Nothing is added then.
    pub fn value(&mut self, label: &str, value: &SecretBytes) -> Result<(), Refused> {
        self.judged(label, value, Reach::Full)
    }

    /// Adds one of very many values (the records of a pool): as [`Self::value`], but without the forms that are rare and
    /// long, base64 of base64 and hex with separators. Takes about half the memory.
    ///
    /// # Errors
    /// As [`Self::value`].
    pub fn record(&mut self, label: &str, value: &SecretBytes) -> Result<(), Refused> {
        self.judged(label, value, Reach::Lean)
    }

    /// Adds one value of which there may be very many, such as the token of each simulated user: in all its forms while
    /// the set is small, as a [`record`](Self::record) from some thousands of forms on.
    ///
    /// # Errors
    /// As [`Self::value`].
    pub fn value_or_record(&mut self, label: &str, value: &SecretBytes) -> Result<(), Refused> {
        let known: usize = self.layers.iter().map(|layer| layer.len()).sum();
        let reach = if known + self.forms.len() > MANY { Reach::Lean } else { Reach::Full };
        self.judged(label, value, reach)
    }

    /// Adds a token that the target has issued, one of very many: as a [`record`](Self::record) where it is short, and a
    /// long one (a JWT) as it is and as text carries it.
    ///
    /// # Errors
    /// As [`Self::value`].
    pub fn token(&mut self, label: &str, value: &[u8]) -> Result<(), Refused> {
        if value.len() <= LONG_TOKEN {
            return self.judged_bytes(label, value, Reach::Lean);
        }
        self.add(label, forms::of_long_token(value), false);
        Ok(())
    }

    /// Adds a token as it is, and in no other form.
    pub fn as_it_is(&mut self, label: &str, value: &[u8]) {
        self.add(label, forms::one(value), !policy::is_long(value));
    }

    /// Adds one of very many texts that are no secrets but stand for one, of letters and digits: as it is, in capitals and
    /// backwards.
    pub fn mark(&mut self, label: &str, text: &str) {
        let capitals = text.to_ascii_uppercase();
        let backwards: String = text.chars().rev().collect();
        for text in [text, &capitals, &backwards] {
            self.add(label, forms::one(text.as_bytes()), !policy::is_long(text.as_bytes()));
        }
    }

    /// Has labels be shown as they are, without brackets: they are texts of the caller's that hold no pattern.
    pub fn bare(mut self) -> Self {
        self.is_bare = true;
        self
    }

    fn judged(&mut self, label: &str, value: &SecretBytes, reach: Reach) -> Result<(), Refused> {
        self.judged_bytes(label, value.expose(), reach)
    }

    fn judged_bytes(&mut self, label: &str, value: &[u8], reach: Reach) -> Result<(), Refused> {
        let value = value.trim_ascii();
        match policy::judge(label, value)? {
            Strength::Strong => self.add(label, forms::all(value, reach), false),
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
        let forms = if bounded { forms::text(text.as_bytes()) } else { forms::all(text.as_bytes(), Reach::Full) };
        self.add(label, forms, bounded);
    }

    /// The values that are looked for as whole words only, and why.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The finished set.
    pub fn build(mut self) -> Patterns {
        let known = |form: &Form, layers: &[Arc<Layer>]| layers.iter().any(|layer| layer.has(form));
        self.forms.retain(|form| !known(form, &self.layers));
        let displays = match self.is_bare {
            true => display::bare(&self.labels),
            false => display::choose(&self.labels, &self.forms, &self.layers),
        };
        self.forms.extend(displays.forms.into_iter().filter(|form| !known(form, &self.layers)));
        Layer::add(&mut self.layers, self.forms);
        Patterns::new(self.layers, self.labels, displays.shown, &displays.anonymous)
    }

    /// Goes on from a set: its layers and its labels.
    pub(crate) fn from_parts(layers: Vec<Arc<Layer>>, labels: Vec<String>) -> Self {
        let numbers = labels.iter().cloned().zip(0..).collect();
        Self { layers, labels, numbers, ..Self::default() }
    }

    /// The number of a label, which it has from now on.
    pub(crate) fn label(&mut self, label: &str) -> u32 {
        let next = self.labels.len() as u32;
        *self.numbers.entry(label.to_owned()).or_insert_with(|| {
            self.labels.push(label.to_owned());
            next
        })
    }

    fn add(&mut self, label: &str, forms: Forms, bounded: bool) {
        let label = self.label(label);
        self.forms.extend(forms.into_vec().into_iter().map(|bytes| Form { bytes, label, bounded }));
    }
}

/// Shows how many forms there are, nothing of them.
impl std::fmt::Debug for PatternsBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PatternsBuilder({} labels, {} forms)", self.labels.len(), self.forms.len())
    }
}
