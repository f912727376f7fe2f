//! What the tests share: a real OpenBao, temporary projects. Not published.

mod bao;
mod door;
mod http;
mod openbao;
mod project;

pub use bao::{Bao, free_port};
pub use door::Door;
pub use http::{Http, HttpRequest};
pub use openbao::{OpenBao, Options, skip_openbao};
pub use project::{Project, contains};
