//! What the readers make of files of their kinds.
