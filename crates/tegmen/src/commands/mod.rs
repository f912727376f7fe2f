//! One file per subcommand: its arguments, and the calls that they become.

pub mod completions;
pub mod redact;
pub mod run;
pub mod secrets;
