//! Findings as text, JSON and SARIF. The only crate that renders.
