//! Vault and OpenBao: one login for all secrets that need it, one read for each path, and what is to be done about both
//! while the test runs.

mod ending;
mod life;
mod login;
mod on_demand;
mod path;
mod server;
mod whole;

pub use ending::{Ended, Ending};
pub(super) use life::POLL;
pub(crate) use life::log_in;
pub use life::{Step, VaultLife};
pub(crate) use login::login_is_precious;
pub use on_demand::{Form, Found, FoundField, Read, Reading, Refused, Unread, UsedUp, VaultOpener};
pub(super) use path::Item;
pub(crate) use path::mount;
pub(super) use server::{config, warnings};
pub(super) use whole::expanded;
