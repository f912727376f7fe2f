//! One file per subcommand: its arguments, and the calls that they become.

pub mod audit;
pub mod completions;
pub mod explain;
pub mod fix;
pub mod redact;
pub mod run;
pub mod secrets;
