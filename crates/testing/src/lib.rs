//! What the tests share: a real OpenBao, temporary projects. Not published.
