//! Frames: a length word and that many bytes, cut anywhere by the network.

use crate::FourLetterWord;
use alloc::vec::Vec;

/// Apache's default of `jute.maxbuffer`: the longest frame that is accepted, in bytes.
pub const FRAME_BYTES_MAX_DEFAULT: usize = 0xfffff;

/// Why a stream of bytes cannot be cut into frames any further; the connection is to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A length word that is negative or above the limit.
    #[error("a frame states the length {length}, at most {limit} is accepted")]
    Length {
        /// The length as stated.
        length: i32,
        /// The longest frame that is accepted, in bytes.
        limit: usize,
    },
}

/// One unit of what a connection sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming<'f> {
    /// A four-letter word in place of the first frame; everything after it is ignored.
    Word(FourLetterWord),
    /// The payload of a whole frame, without its length word.
    Frame(&'f [u8]),
}

/// Cuts a stream of bytes into frames.
///
/// A frame that lies whole in the bytes at hand is lent from there; any other is gathered in one
/// buffer, which grows with what arrives and never by what a length word claims.
///
/// Source: `client-protocol.md` §1.1 and §12.1.
#[derive(Debug, Clone)]
pub struct FrameDecoder {
    gathered: Vec<u8>,
    lent: Lent,
    state: State,
    limit: usize,
}

impl FrameDecoder {
    /// A decoder of what a client sends: its first four bytes may be a four-letter word.
    /// Frames are at most `limit` bytes long.
    pub fn for_requests(limit: usize) -> Self {
        FrameDecoder::new(State::First, limit)
    }

    /// A decoder of what a server sends: frames of at most `limit` bytes and nothing else.
    pub fn for_replies(limit: usize) -> Self {
        FrameDecoder::new(State::Frames, limit)
    }

    fn new(state: State, limit: usize) -> Self {
        FrameDecoder {
            gathered: Vec::new(),
            lent: Lent::No,
            state,
            limit,
        }
    }

    /// Takes bytes off the front of `bytes` up to the end of the next unit and returns it; `None`
    /// when they are used up. Call it until then, or keep the rest of `bytes` for later.
    ///
    /// # Errors
    /// A length word outside its limits; nothing can be read after that.
    pub fn next<'f, 'b: 'f>(
        &'f mut self,
        bytes: &mut &'b [u8],
    ) -> Result<Option<Incoming<'f>>, FrameError> {
        self.drop_lent();
        if self.state == State::Ended {
            *bytes = &[];
            return Ok(None);
        }
        if self.gathered.is_empty()
            && let Some((word, rest)) = bytes.split_first_chunk::<4>()
            && let Head::Frame(length) = self.head(*word)?
            && let Some((frame, rest)) = rest.split_at_checked(length)
        {
            *bytes = rest;
            self.state = State::Frames;
            return Ok(Some(Incoming::Frame(frame)));
        }
        self.gather(bytes)
    }

    /// How many bytes of an incomplete frame are held.
    pub fn held(&self) -> usize {
        match self.lent {
            Lent::No => self.gathered.len(),
            Lent::Yes => 0,
        }
    }

    /// The frames that lie whole in `bytes`, which are about to be taken. Where three bytes or fewer
    /// of a length word are held, none.
    pub fn look_ahead<'b>(&self, bytes: &'b [u8]) -> impl Iterator<Item = &'b [u8]> + use<'b> {
        let missing = match (self.held(), self.gathered.first_chunk()) {
            (0, _) => Some(0),
            (held, Some(word)) => (HEAD_BYTES + length_of(*word)).checked_sub(held),
            (_, None) => None,
        };
        let mut rest = missing.and_then(|missing| bytes.get(missing..));
        core::iter::from_fn(move || {
            let (word, behind) = rest?.split_first_chunk()?;
            let (frame, behind) = behind.split_at_checked(length_of(*word))?;
            rest = Some(behind);
            Some(frame)
        })
    }

    fn gather(&mut self, bytes: &mut &[u8]) -> Result<Option<Incoming<'_>>, FrameError> {
        let Some(word) = self
            .gather_upto(HEAD_BYTES, bytes)
            .first_chunk::<4>()
            .copied()
        else {
            return Ok(None);
        };
        match self.head(word)? {
            Head::Word(FourLetterWord::Stmk { mask: _ }) => {
                let gathered = self.gather_upto(HEAD_BYTES + MASK_BYTES, bytes);
                let Some(mask) = gathered[HEAD_BYTES..].first_chunk::<8>() else {
                    return Ok(None);
                };
                let mask = i64::from_be_bytes(*mask);
                Ok(Some(self.end_with(FourLetterWord::Stmk { mask }, bytes)))
            }
            Head::Word(word) => Ok(Some(self.end_with(word, bytes))),
            Head::Frame(length) => {
                let whole = HEAD_BYTES + length;
                if self.gather_upto(whole, bytes).len() < whole {
                    return Ok(None);
                }
                self.lent = Lent::Yes;
                self.state = State::Frames;
                Ok(Some(Incoming::Frame(&self.gathered[HEAD_BYTES..])))
            }
        }
    }

    /// Moves bytes into the buffer until it holds `wanted`, or there are no more.
    fn gather_upto(&mut self, wanted: usize, bytes: &mut &[u8]) -> &[u8] {
        let missing = wanted.saturating_sub(self.gathered.len()).min(bytes.len());
        let (taken, rest) = bytes.split_at(missing);
        self.gathered.extend_from_slice(taken);
        *bytes = rest;
        &self.gathered
    }

    fn head(&mut self, word: [u8; 4]) -> Result<Head, FrameError> {
        if self.state == State::First
            && let Some(word) = FourLetterWord::from_bytes(word)
        {
            return Ok(Head::Word(word));
        }
        let length = i32::from_be_bytes(word);
        match usize::try_from(length) {
            Ok(accepted) if accepted <= self.limit => Ok(Head::Frame(accepted)),
            Ok(_) | Err(_) => {
                self.state = State::Ended;
                Err(FrameError::Length {
                    length,
                    limit: self.limit,
                })
            }
        }
    }

    fn end_with(&mut self, word: FourLetterWord, bytes: &mut &[u8]) -> Incoming<'static> {
        self.state = State::Ended;
        self.gathered = Vec::new();
        *bytes = &[];
        Incoming::Word(word)
    }

    fn drop_lent(&mut self) {
        match self.lent {
            Lent::No => {}
            Lent::Yes if self.gathered.capacity() > KEPT_BYTES_MAX => self.gathered = Vec::new(),
            Lent::Yes => self.gathered.clear(),
        }
        self.lent = Lent::No;
    }
}

/// Whether the buffer holds a frame that was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lent {
    No,
    Yes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was decoded: a four-letter word may come.
    First,
    Frames,
    /// After a four-letter word or an error.
    Ended,
}

enum Head {
    Word(FourLetterWord),
    Frame(usize),
}

const HEAD_BYTES: usize = 4;
const MASK_BYTES: usize = 8;

/// A buffer that grew beyond this is given back once its frame is done with.
const KEPT_BYTES_MAX: usize = 16 * 1024;

/// Room for most frames, so that a buffer does not grow word by word.
const USUAL_BYTES: usize = 256;

/// Appends what `fill` appends, preceded by its length: a frame, or a buffer inside one.
fn length_of(word: [u8; 4]) -> usize {
    usize::try_from(u32::from_be_bytes(word)).expect("addresses have 32 bits or more")
}

pub(crate) fn sized(out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.reserve(USUAL_BYTES);
    out.extend_from_slice(&[0; HEAD_BYTES]);
    fill(out);
    let length = out.len() - start - HEAD_BYTES;
    patch(out, start, length);
}

/// Overwrites the count or length word at `at`.
pub(crate) fn patch(out: &mut [u8], at: usize, count: usize) {
    let count = i32::try_from(count).expect("what is sent was held in memory within its bound");
    out[at..at + HEAD_BYTES].copy_from_slice(&count.to_be_bytes());
}
