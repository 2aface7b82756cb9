//! The primitives, in an order the input itself decides.

use crate::bytes::Script;
use jute::{DecodeError, Reader, Writer};

const LENGTH_MAX: usize = 1 << 16;

/// The first byte says how many of the following bytes each name a primitive to read; the rest is
/// what they are read from. What was read is written, and read again the same.
pub fn jute_reader(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let count = script.below(32);
    let plan: Vec<usize> = (0..count).map(|_| script.below(7)).collect();
    let input = script.rest();
    let reader = &mut Reader::new(input, LENGTH_MAX);
    let mut written = Vec::new();
    let mut read = Vec::new();
    for &primitive in &plan {
        let before = reader.remaining();
        let Ok(value) = take(reader, primitive) else {
            break;
        };
        assert!(reader.remaining() <= before, "reading takes bytes");
        assert!(
            reader.rest().len() == reader.remaining(),
            "the rest is what remains"
        );
        put(&mut Writer::new(&mut written), &value);
        read.push((primitive, value));
    }
    let again = &mut Reader::new(&written, usize::MAX);
    for (primitive, value) in read {
        assert_eq!(
            take(again, primitive),
            Ok(value),
            "what was written is read again"
        );
    }
    assert_eq!(again.remaining(), 0, "nothing more was written");
}

#[derive(Debug, PartialEq)]
enum Value {
    Int(i32),
    Long(i64),
    Byte(u8),
    Boolean(bool),
    Buffer(Option<Vec<u8>>),
    Text(Option<String>),
    Texts(Option<Vec<Option<String>>>),
}

fn take(reader: &mut Reader<'_>, primitive: usize) -> Result<Value, DecodeError> {
    Ok(match primitive {
        0 => Value::Int(reader.int("int")?),
        1 => Value::Long(reader.long("long")?),
        2 => Value::Byte(reader.byte("byte")?),
        3 => Value::Boolean(reader.boolean("boolean")?),
        4 => Value::Buffer(reader.buffer("buffer")?.map(<[u8]>::to_vec)),
        5 => Value::Text(reader.ustring("text")?.map(String::from)),
        _ => Value::Texts(reader.vector("texts", |reader| {
            Ok(reader.ustring("text")?.map(String::from))
        })?),
    })
}

fn put(writer: &mut Writer<'_>, value: &Value) {
    match value {
        Value::Int(value) => writer.int(*value),
        Value::Long(value) => writer.long(*value),
        Value::Byte(value) => writer.byte(*value),
        Value::Boolean(value) => writer.boolean(*value),
        Value::Buffer(value) => writer.buffer(value.as_deref()),
        Value::Text(value) => writer.ustring(value.as_deref()),
        Value::Texts(None) => writer.int(-1),
        Value::Texts(Some(texts)) => {
            writer.count(texts.len());
            for text in texts {
                writer.ustring(text.as_deref());
            }
        }
    }
}
