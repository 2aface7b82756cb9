//! Statements of `client-protocol.md` §1.2.

use crate::{DecodeError, Reader, Writer};
use proptest::prelude::*;
use std::string::String;
use std::vec;
use std::vec::Vec;

#[test]
fn null_and_empty_buffers_are_distinct() {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out);
    writer.buffer(None);
    writer.buffer(Some(b""));
    let mut reader = Reader::new(&out, 10);
    assert_eq!(reader.buffer("a"), Ok(None));
    assert_eq!(reader.buffer("b"), Ok(Some(&b""[..])));
}

#[test]
fn any_byte_but_zero_is_true() {
    assert_eq!(Reader::new(&[7], 10).boolean("flag"), Ok(true));
    assert_eq!(Reader::new(&[0], 10).boolean("flag"), Ok(false));
}

#[test]
fn a_count_below_minus_one_is_an_empty_vector() {
    let bytes = (-5_i32).to_be_bytes();
    let items = Reader::new(&bytes, 10).vector("items", |reader| reader.int("item"));
    assert_eq!(items, Ok(Some(vec![])));
}

#[test]
fn a_huge_count_runs_off_the_end_and_allocates_nothing_first() {
    let bytes = i32::MAX.to_be_bytes();
    let items = Reader::new(&bytes, 10).vector("items", |reader| reader.int("item"));
    assert_eq!(
        items,
        Err(DecodeError::Short {
            field: "item",
            needed: 4,
            left: 0
        })
    );
}

#[test]
fn a_length_above_the_limit_is_refused_by_name() {
    let bytes = [0, 0, 0, 11, 0];
    let error = Reader::new(&bytes, 10).buffer("data");
    assert_eq!(
        error,
        Err(DecodeError::Length {
            field: "data",
            length: 11
        })
    );
}

#[test]
fn a_length_below_minus_one_is_refused() {
    let bytes = (-2_i32).to_be_bytes();
    let error = Reader::new(&bytes, 10).ustring("path");
    assert_eq!(
        error,
        Err(DecodeError::Length {
            field: "path",
            length: -2
        })
    );
}

#[test]
fn malformed_utf8_is_replaced_and_not_refused() {
    let bytes = [0, 0, 0, 2, b'/', 0xff];
    let text = Reader::new(&bytes, 10)
        .ustring("path")
        .map(|text| text.map(String::from));
    assert_eq!(text, Ok(Some(String::from("/\u{fffd}"))));
}

proptest! {
    #[test]
    fn what_was_written_is_read_back(
        int: i32, long: i64, flag: bool, text: Option<String>, data: Option<Vec<u8>>
    ) {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out);
        writer.int(int);
        writer.long(long);
        writer.boolean(flag);
        writer.ustring(text.as_deref());
        writer.buffer(data.as_deref());
        let mut reader = Reader::new(&out, usize::MAX);
        prop_assert_eq!(reader.int("int"), Ok(int));
        prop_assert_eq!(reader.long("long"), Ok(long));
        prop_assert_eq!(reader.boolean("flag"), Ok(flag));
        prop_assert_eq!(reader.ustring("text").map(|read| read.map(String::from)), Ok(text));
        prop_assert_eq!(reader.buffer("data"), Ok(data.as_deref()));
        prop_assert_eq!(reader.remaining(), 0);
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_panic(bytes: Vec<u8>) {
        let mut reader = Reader::new(&bytes, 64);
        let _ = reader.vector("items", |reader| {
            reader.ustring("text")?;
            reader.buffer("data")?;
            reader.long("long")
        });
    }
}
