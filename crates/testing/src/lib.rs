//! What the tests share: a real OpenBao, what stands in for a cloud, temporary projects. Not published.

mod bao;
mod door;
mod http;
mod jwt;
mod openbao;
mod project;
mod proxy;

pub use bao::{Bao, free_port};
pub use door::Door;
pub use http::{Http, HttpRequest};
pub use jwt::Signer;
pub use openbao::{OpenBao, Options, skip_openbao, venv};
pub use project::{Project, contains};
pub use proxy::Proxy;
