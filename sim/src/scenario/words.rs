//! The words of a line, and the small values they stand for.

use crate::queue::Micros;
use core::fmt;
use core::str::FromStr;

/// Why a line says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unclear(pub(super) String);

pub(super) type Clear<T> = Result<T, Unclear>;

pub(super) fn unclear<T>(what: impl fmt::Display) -> Clear<T> {
    Err(Unclear(what.to_string()))
}

/// A word, or what stands between quotation marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Plain(String),
    Quoted(Vec<u8>),
}

/// The words of a line that are not yet taken.
#[derive(Clone, Debug)]
pub(super) struct Words {
    words: Vec<Word>,
    taken: usize,
}

impl Words {
    pub(super) fn of(line: &str) -> Clear<Self> {
        let mut words = Vec::new();
        let mut rest = line.trim_start();
        while !rest.is_empty() {
            let (word, after) = match rest.strip_prefix('"') {
                Some(quoted) => {
                    let (bytes, after) = unquote(quoted)?;
                    (Word::Quoted(bytes), after)
                }
                None => {
                    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                    let (word, after) = rest.split_at(end);
                    (Word::Plain(word.to_owned()), after)
                }
            };
            words.push(word);
            rest = after.trim_start();
        }
        Ok(Words { words, taken: 0 })
    }

    pub(super) fn next(&mut self) -> Option<Word> {
        let word = self.words.get(self.taken).cloned();
        self.taken += usize::from(word.is_some());
        word
    }

    /// The next word, which is `what`.
    pub(super) fn word(&mut self, what: &str) -> Clear<String> {
        match self.next() {
            Some(Word::Plain(word)) => Ok(word),
            Some(Word::Quoted(bytes)) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            None => unclear(format_args!("{what} is missing")),
        }
    }

    /// Whether the next word is this one; then it is taken.
    pub(super) fn takes(&mut self, wanted: &str) -> bool {
        let is_next =
            matches!(self.words.get(self.taken), Some(Word::Plain(word)) if word == wanted);
        self.taken += usize::from(is_next);
        is_next
    }

    pub(super) fn expect(&mut self, wanted: &str) -> Clear<()> {
        if self.takes(wanted) {
            Ok(())
        } else {
            unclear(format_args!("{wanted:?} is missing"))
        }
    }

    pub(super) fn number<T: FromStr>(&mut self, what: &str) -> Clear<T> {
        let word = self.word(what)?;
        word.parse()
            .or_else(|_| unclear(format_args!("{word:?} is no {what}")))
    }

    pub(super) fn duration(&mut self, what: &str) -> Clear<Micros> {
        duration(&self.word(what)?)
    }

    /// `s2` as 1.
    pub(super) fn server(&mut self) -> Clear<usize> {
        numbered(&self.word("a server")?, 's')
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.taken == self.words.len()
    }

    /// Nothing is left.
    pub(super) fn end(&self) -> Clear<()> {
        match self.words.get(self.taken) {
            None => Ok(()),
            Some(word) => unclear(format_args!("what is {word:?}?")),
        }
    }
}

/// `s2` as 1, for the letter `s`.
pub(super) fn numbered(word: &str, letter: char) -> Clear<usize> {
    let number = word
        .strip_prefix(letter)
        .and_then(|digits| digits.parse::<usize>().ok());
    match number.and_then(|number| number.checked_sub(1)) {
        Some(index) => Ok(index),
        None => unclear(format_args!("{word:?} is not {letter}1, {letter}2, …")),
    }
}

/// `1.5ms`, `20us`, `3s`.
pub(super) fn duration(word: &str) -> Clear<Micros> {
    let wrong = || Unclear(format!("{word:?} is no time such as 20us, 1.5ms or 3s"));
    let (number, unit) = if let Some(number) = word.strip_suffix("us") {
        (number, 1)
    } else if let Some(number) = word.strip_suffix("ms") {
        (number, 1_000)
    } else if let Some(number) = word.strip_suffix('s') {
        (number, 1_000_000)
    } else {
        return Err(wrong());
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let mut micros = whole.checked_mul(unit).ok_or_else(wrong)?;
    let mut unit = unit;
    for digit in part.chars() {
        unit /= 10;
        let digit = u64::from(digit.to_digit(10).ok_or_else(wrong)?);
        micros = micros.checked_add(digit * unit).ok_or_else(wrong)?;
    }
    Ok(micros)
}

/// A time as [`duration`] reads it.
pub(super) struct Time(pub(super) Micros);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, digits, name) = match self.0 {
            0..1_000 => return write!(f, "{}us", self.0),
            1_000..10_000_000 => (1_000, 3, "ms"),
            _ => (1_000_000, 6, "s"),
        };
        write!(f, "{}", self.0 / unit)?;
        let part = self.0 % unit;
        if part > 0 {
            let part = format!("{part:0digits$}");
            write!(f, ".{}", part.trim_end_matches('0'))?;
        }
        f.write_str(name)
    }
}

/// Bytes between quotation marks, as [`unquote`] reads them.
pub(super) struct Quoted<'b>(pub(super) &'b [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for byte in self.0 {
            match byte {
                b'"' | b'\\' => write!(f, "\\{}", char::from(*byte))?,
                b' '..=b'~' => write!(f, "{}", char::from(*byte))?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        f.write_str("\"")
    }
}

/// What stands before the closing quotation mark, and what comes after it.
fn unquote(text: &str) -> Clear<(Vec<u8>, &str)> {
    let mut bytes = Vec::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Ok((bytes, &text[at + 1..])),
            '\\' => match letters.next() {
                Some((_, 'x')) => {
                    let digits = text.get(at + 2..at + 4).unwrap_or_default();
                    let Ok(byte) = u8::from_str_radix(digits, 16) else {
                        return unclear(format_args!("\\x{digits} is no byte"));
                    };
                    bytes.push(byte);
                    letters.nth(1);
                }
                Some((_, escaped)) => {
                    bytes.extend_from_slice(escaped.encode_utf8(&mut [0; 4]).as_bytes());
                }
                None => break,
            },
            _ => bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    unclear("a quotation mark is missing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for micros in [
            0, 7, 999, 1_000, 1_001, 130_000, 305_120, 9_999_999, 10_000_000, 61_000_500,
        ] {
            assert_eq!(duration(&Time(micros).to_string()), Ok(micros));
        }
        assert!(duration("5").is_err());
        assert!(duration("1.xs").is_err());
        assert!(duration("99999999999999999999s").is_err());
    }

    #[test]
    fn bytes_are_read_as_they_are_written() {
        let bytes: Vec<u8> = (0..=255).collect();
        let line = format!("a {} b", Quoted(&bytes));
        let mut words = Words::of(&line).expect("words");
        assert!(words.takes("a"));
        assert_eq!(words.next(), Some(Word::Quoted(bytes)));
        assert!(words.takes("b") && words.is_at_end());
        assert!(Words::of("\"open").is_err());
    }
}
