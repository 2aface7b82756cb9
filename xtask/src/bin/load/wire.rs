//! As much of the client protocol as a load needs, big-endian and length-prefixed.

/// Opcodes, as `ZooDefs.OpCode` numbers them.
pub(crate) mod opcode {
    pub(crate) const CREATE: i32 = 1;
    pub(crate) const DELETE: i32 = 2;
    pub(crate) const GET_DATA: i32 = 4;
    pub(crate) const SET_DATA: i32 = 5;
    pub(crate) const GET_CHILDREN: i32 = 8;
    pub(crate) const MULTI: i32 = 14;
}

/// A frame under construction at the end of a buffer.
pub(crate) struct Frame<'b> {
    buffer: &'b mut Vec<u8>,
    start: usize,
}

impl<'b> Frame<'b> {
    pub(crate) fn begin(buffer: &'b mut Vec<u8>) -> Self {
        let start = buffer.len();
        buffer.extend_from_slice(&[0; 4]);
        Frame { buffer, start }
    }

    pub(crate) fn request(buffer: &'b mut Vec<u8>, xid: i32, opcode: i32) -> Self {
        Frame::begin(buffer).int(xid).int(opcode)
    }

    pub(crate) fn int(self, value: i32) -> Self {
        self.buffer.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub(crate) fn long(self, value: i64) -> Self {
        self.buffer.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub(crate) fn bool(self, value: bool) -> Self {
        self.buffer.push(u8::from(value));
        self
    }

    pub(crate) fn bytes(self, value: &[u8]) -> Self {
        let length = i32::try_from(value.len()).expect("a load sends small values");
        let frame = self.int(length);
        frame.buffer.extend_from_slice(value);
        frame
    }

    pub(crate) fn raw(self, value: &[u8]) -> Self {
        self.buffer.extend_from_slice(value);
        self
    }

    /// One entry: everything for everybody.
    pub(crate) fn open_acl(self) -> Self {
        self.int(1).int(31).bytes(b"world").bytes(b"anyone")
    }

    pub(crate) fn end(self) {
        let length = self.buffer.len() - self.start - 4;
        let length = i32::try_from(length).expect("a load sends small frames");
        self.buffer[self.start..self.start + 4].copy_from_slice(&length.to_be_bytes());
    }
}

/// The first frame of a connection that wants a new session.
pub(crate) fn hello(buffer: &mut Vec<u8>, timeout_ms: i32) {
    Frame::begin(buffer)
        .int(0)
        .long(0)
        .int(timeout_ms)
        .long(0)
        .bytes(&[0; 16])
        .bool(false)
        .end();
}

/// The body of the first whole frame in `bytes`.
pub(crate) fn frame(bytes: &[u8]) -> Option<&[u8]> {
    let length = usize::try_from(int(bytes, 0)?).ok()?;
    bytes.get(4..4 + length)
}

/// The number at an offset.
pub(crate) fn int(bytes: &[u8], at: usize) -> Option<i32> {
    let field = bytes.get(at..at + 4)?;
    Some(i32::from_be_bytes(field.try_into().ok()?))
}
