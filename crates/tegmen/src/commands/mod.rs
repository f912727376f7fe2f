//! One file per subcommand: its arguments, and the calls that they become; and what several of them have in common.

pub mod audit;
mod choices;
pub mod completions;
pub mod doctor;
pub mod explain;
pub mod fix;
pub mod guide;
pub mod init;
mod names;
mod progress;
pub mod prove;
pub mod redact;
pub mod reference;
pub mod report;
pub mod rotate;
pub mod run;
pub mod secrets;
mod settings;
mod spinner;
