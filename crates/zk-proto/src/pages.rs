//! Children a page at a time: an operation of this project's own.
//!
//! ```text
//! request  ustring path | boolean watch | i32 names_max | i64 before | ustring after
//! reply    vector of ustring names | Stat of the parent | i64 next
//! ```
//!
//! Source: `docs/children-pages.md`.

use crate::records::{read_stat, read_strings, write_stat, write_strings};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use jute::{DecodeError, Reader, Writer};
use zk_types::{RawPath, Stat};

/// Asks for a page of children, the latest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest<'a> {
    /// Node.
    pub path: RawPath<'a>,
    /// Whether to set a one-shot watch, as `getChildren` does.
    pub watch: bool,
    /// How many names are enough, at least 1. The server may be content with fewer, and goes on to
    /// the last child of the same transaction.
    pub names_max: i32,
    /// What the page before this one said of the next; 0 for the first.
    pub before: i64,
    /// The last name of the page before this one, null for the first: where the server looks
    /// first. Any name makes for the same page.
    pub after: RawPath<'a>,
}

/// A page of children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildrenPage<'a> {
    /// Names, none of which any other page has.
    pub names: Vec<Cow<'a, str>>,
    /// The parent's Stat as of this page.
    pub stat: Stat,
    /// What to ask the next page with; 0 when this is the last.
    pub next: i64,
}

impl<'a> PageRequest<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(PageRequest {
            path: reader.ustring("path")?,
            watch: reader.boolean("watch")?,
            names_max: reader.int("names_max")?,
            before: reader.long("before")?,
            after: reader.ustring("after")?,
        })
    }

    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.ustring(self.path.as_deref());
        writer.boolean(self.watch);
        writer.int(self.names_max);
        writer.long(self.before);
        writer.ustring(self.after.as_deref());
    }
}

impl<'a> ChildrenPage<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(ChildrenPage {
            names: read_strings(reader, "names")?,
            stat: read_stat(reader)?,
            next: reader.long("next")?,
        })
    }

    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        write_strings(writer, &self.names);
        write_stat(writer, &self.stat);
        writer.long(self.next);
    }
}
