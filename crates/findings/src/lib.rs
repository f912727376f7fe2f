//! The vocabulary of the audit: rule, finding, severity, confidence, location. No I/O, no formats.
