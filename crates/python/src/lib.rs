//! The native part of the Python package: conversions only.
