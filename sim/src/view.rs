//! Pictures of a run, made of its [`Chronicle`](crate::trace::Chronicle): a ladder for terminals,
//! a drawing of a short stretch, and a page for browsers.

mod html;
mod ladder;
mod svg;

pub use self::html::page;
pub use self::ladder::{Ladder, Paint, ladder};
pub use self::svg::drawing;
