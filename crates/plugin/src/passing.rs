//! What is asked of every request, every answer and every event, in one call each and as quickly as it can be said: a
//! load test has to run at the speed that it has without.

use zeroize::Zeroize;

use crate::{Client, ClientError};

/// The head of an answer, or what an event tells: texts of which it is asked whether a value or a placeholder stands in
/// one of them. Searched as one text with a line for each.
#[derive(Default)]
pub struct Texts(Vec<u8>);

impl Texts {
    /// Room for the usual number of header fields.
    pub fn new() -> Self {
        Self(Vec::with_capacity(1024))
    }

    /// One more, of several parts.
    pub fn add(&mut self, parts: &[&[u8]]) {
        for part in parts {
            self.0.extend_from_slice(part);
        }
        self.0.push(b'\n');
    }
}

impl Client {
    /// Whether a value or a placeholder stands in one of the texts.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn knows(&mut self, mut texts: Texts) -> Result<bool, ClientError> {
        self.keep_up()?;
        let found = self.patterns.patterns().find(&texts.0).is_some();
        if found {
            texts.0.zeroize();
        }
        Ok(found)
    }

    /// Whether answers of some host are sealed: which ones, [`Self::seals`] says.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn seals_any(&mut self) -> Result<bool, ClientError> {
        self.keep_up()?;
        Ok(self.shared.seals_any() || self.local.seals_any())
    }

    /// Whether some secret may go over a connection that does not verify where it leads.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn allows_unverified(&mut self) -> Result<bool, ClientError> {
        self.keep_up()?;
        Ok(self.shared.allows_unverified() || self.local.allows_unverified())
    }

    /// Whether the target has issued a token that is known here.
    pub fn has_issued(&self) -> bool {
        !self.issued.patterns().is_empty()
    }
}
