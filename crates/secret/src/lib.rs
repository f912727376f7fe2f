//! Values that cannot be printed or serialised: locked in memory, wiped when dropped.
//!
//! Nothing in here implements `Display` or `Serialize`, and `Debug` shows no byte. What holds a value in Tegmen
//! holds it as [`SecretBytes`].

mod bytes;
mod sealed;

pub use bytes::SecretBytes;
pub use sealed::{Sealed, SealedError};

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
        <Sealed as Shown<_>>::only_one();
    }
}
