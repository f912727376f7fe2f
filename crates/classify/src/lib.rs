//! What the name or the value of a secret looks like.
