//! What the tests share: a real OpenBao, temporary projects. Not published.

mod openbao;
mod project;

pub use openbao::{OpenBao, Options, skip_openbao};
pub use project::{Project, contains};
