//! Values that cannot be printed or serialised: locked in memory, wiped when dropped.
//!
//! Nothing in here implements `Display` or `Serialize`, and `Debug` shows no byte. What holds a value in Tegmen
//! holds it as [`SecretBytes`]; a name beside it makes it a [`Secret`].

mod bytes;
mod sealed;

pub use bytes::SecretBytes;
pub use sealed::{Sealed, SealedError};

/// A named sensitive value. Its `Debug` says the name only.
#[derive(Clone)]
pub struct Secret {
    name: String,
    value: SecretBytes,
}

impl Secret {
    /// A secret called `name` (the key in the manifest, `[A-Za-z_][A-Za-z0-9_.]*`).
    pub fn new(name: impl Into<String>, value: SecretBytes) -> Self {
        Self { name: name.into(), value }
    }

    /// The name, as the manifest has it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value. Calling [`SecretBytes::expose`] on it is what a reviewer looks for.
    pub fn value(&self) -> &SecretBytes {
        &self.value
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a type that can be displayed there are two of these, and a call that does not say which does not compile.
    trait Shown<How> {
        fn only_one() {}
    }

    struct Displayed;

    impl<T> Shown<()> for T {}
    impl<T: std::fmt::Display> Shown<Displayed> for T {}

    #[test]
    fn none_of_them_can_be_displayed() {
        <SecretBytes as Shown<_>>::only_one();
        <Secret as Shown<_>>::only_one();
        <Sealed as Shown<_>>::only_one();
    }
}
