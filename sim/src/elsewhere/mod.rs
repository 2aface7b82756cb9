//! The same scenario elsewhere: on real servers, ours and Apache's. What of it they can be asked to
//! do, and what to think of what they did.
//!
//! Sockets, processes and clocks are not here: a program plays a [`Plan`] and hands in
//! [`Evidence`], which is judged as the end of a simulated run is.

mod evidence;
mod judge;
mod logs;
mod plan;

pub use self::evidence::{Blob, Conversation, Evidence, LogFile, Piece, Reigned, Speaker};
pub use self::judge::{Finding, judge};
pub use self::logs::durable;
pub use self::plan::{Deed, Plan, Target, Way};

#[cfg(test)]
mod tests;
