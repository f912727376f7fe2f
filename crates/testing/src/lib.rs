//! What the tests share: a real OpenBao, temporary projects. Not published.

mod door;
mod openbao;
mod project;

pub use door::Door;
pub use openbao::{OpenBao, Options, skip_openbao};
pub use project::{Project, contains};
