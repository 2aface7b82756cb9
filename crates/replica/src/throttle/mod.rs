//! What holds clients back: tokens for sessions, a queue before requests.

mod connects;
mod requests;

pub(crate) use connects::Bucket;
pub(crate) use requests::ThrottleQueue;
