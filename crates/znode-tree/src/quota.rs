//! Quotas.

/// Active quotas.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quotas {}
