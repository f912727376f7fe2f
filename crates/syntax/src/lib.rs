//! Python source to facts: the only crate that names the parser.
