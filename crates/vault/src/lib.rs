//! A small client for Vault and OpenBao.
