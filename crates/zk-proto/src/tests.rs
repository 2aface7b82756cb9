//! Statements of the reference.
