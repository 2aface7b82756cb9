//! A reader of the encoding that clients and transactions use; the oracles' own.

use smol_str::SmolStr;

/// Bytes that do not say what they should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Reads big-endian numbers and sized fields off a slice.
#[derive(Clone, Debug)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (head, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*head)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn int(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_be_bytes)
    }

    pub(crate) fn long(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_be_bytes)
    }

    /// A number in as few groups of seven bits as it takes, least significant first.
    pub(crate) fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Malformed)
    }

    pub(crate) fn buffer(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        match self.int()? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| Malformed)?;
                self.take(length).map(Some)
            }
        }
    }

    pub(crate) fn word(&mut self) -> Result<&'a str, Malformed> {
        let bytes = self.buffer()?.ok_or(Malformed)?;
        str::from_utf8(bytes).map_err(|_| Malformed)
    }

    pub(crate) fn text(&mut self) -> Result<SmolStr, Malformed> {
        self.word().map(SmolStr::new)
    }

    pub(crate) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = self.int()?;
        (0..count.max(0)).map(|_| item(self)).collect()
    }

    pub(crate) fn words(&mut self) -> Result<Vec<&'a str>, Malformed> {
        self.list(Bytes::word)
    }

    pub(crate) fn texts(&mut self) -> Result<Vec<SmolStr>, Malformed> {
        self.list(Bytes::text)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
