//! Streaming redaction: takes values, in any encoding, out of text. No I/O.
