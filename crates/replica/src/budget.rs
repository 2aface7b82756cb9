//! What answering one read may cost: a small request may ask for a large node often.

use zk_types::ErrorCode;

/// Bytes of an answer that is bounded.
const BYTES_MAX: usize = 16 << 20;

/// Children that one `multiRead` may walk through, told or passed over: as many as have names of
/// four bytes in an answer of the largest size.
const CHILDREN_MAX: usize = 2 << 20;

/// Bytes of one part's answer besides names and data: a result header, lengths and a Stat.
const PART_BYTES: usize = 81;

/// Bytes of a Stat on the wire.
pub(crate) const STAT_BYTES: usize = 68;

/// What is left to answer one request with. Once it is spent the whole request fails.
#[derive(Clone)]
pub(crate) struct Budget {
    children: usize,
    bytes: usize,
    is_spent: bool,
}

impl Budget {
    /// A `multiRead`'s.
    pub(crate) fn of_multi_read() -> Self {
        Budget {
            children: CHILDREN_MAX,
            bytes: BYTES_MAX,
            is_spent: false,
        }
    }

    /// That of a list which stands alone: it goes through its children once. One that tells no
    /// more than names is as free as those that Apache knows.
    pub(crate) fn of_list(tells_more_than_names: bool) -> Self {
        Budget {
            children: usize::MAX,
            bytes: if tells_more_than_names {
                BYTES_MAX
            } else {
                usize::MAX
            },
            is_spent: false,
        }
    }

    /// Before a part of a `multiRead`, whatever comes of it.
    pub(crate) fn begin_part(&mut self) -> Result<(), ErrorCode> {
        self.visit()?;
        self.tell(PART_BYTES)
    }

    /// Before a child is looked at.
    pub(crate) fn visit(&mut self) -> Result<(), ErrorCode> {
        self.is_spent |= self.children == 0;
        self.children = self.children.saturating_sub(1);
        self.checked()
    }

    /// Before so many bytes are answered.
    pub(crate) fn tell(&mut self, bytes: usize) -> Result<(), ErrorCode> {
        self.is_spent |= self.bytes < bytes;
        self.bytes = self.bytes.saturating_sub(bytes);
        self.checked()
    }

    /// Fails once it is spent.
    pub(crate) fn checked(&self) -> Result<(), ErrorCode> {
        if self.is_spent {
            Err(ErrorCode::MarshallingError)
        } else {
            Ok(())
        }
    }
}
