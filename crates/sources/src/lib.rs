//! The manifest, and where values come from.
