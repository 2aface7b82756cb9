//! One file per suite.

pub(super) mod c;
pub(super) mod curator;
pub(super) mod go;
pub(super) mod java_shell;
pub(super) mod kazoo;
pub(super) mod kazoo_tests;
pub(super) mod node;
pub(super) mod rust;
pub(super) mod sasl;
