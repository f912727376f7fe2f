//! Placeholders, places and encodings, substitution, and the protocol between broker and plugin.
