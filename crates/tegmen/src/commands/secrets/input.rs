//! A value from a prompt or from standard input. Never from an argument.

use std::io::{IsTerminal, Read};

use tegmen_secret::SecretBytes;
use tegmen_sources::store::StoreError;

use crate::messages;

/// The longest value, in bytes.
const LONGEST: usize = 1 << 20;

pub(super) fn value(name: &str, keep_newline: bool) -> Result<SecretBytes, StoreError> {
    let input = std::io::stdin();
    let value = if input.is_terminal() {
        super::prompt::ask(&format!("Value of {name} (not shown): "))?
    } else {
        let mut bytes = Vec::with_capacity(LONGEST + 1);
        input.lock().take(LONGEST as u64 + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        if bytes.len() > LONGEST {
            // Wiped on the way out.
            drop(SecretBytes::new(bytes));
            return Err(StoreError::new(format!("the value is longer than {LONGEST} bytes"), "check what is piped in"));
        }
        let length = match bytes.as_slice() {
            _ if keep_newline => bytes.len(),
            [start @ .., b'\r', b'\n'] | [start @ .., b'\n'] => start.len(),
            all => all.len(),
        };
        if length < bytes.len() {
            messages::note("the newline at the end of the value was stripped (--keep-newline keeps it)");
        }
        bytes.truncate(length);
        SecretBytes::new(bytes)
    };
    if value.is_empty() {
        return Err(StoreError::new("the value is empty", "give the value at the prompt or on standard input"));
    }
    Ok(value)
}

fn unreadable(error: &std::io::Error) -> StoreError {
    StoreError::new(format!("the value cannot be read: {error}"), "give it at a prompt or on standard input")
}
