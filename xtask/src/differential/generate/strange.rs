//! What no good client sends.

use super::super::opcodes;
use super::super::script::{Field, Hello, Request, Step};
use super::Generator;
use super::values::FRAME_BYTES_MAX;

/// The last ones are operations here, for clients who have asked for them.
const UNKNOWN: [i32; 21] = [
    0,
    -1,
    13,
    99,
    10,
    23,
    24,
    108,
    1_000,
    -12,
    i32::MIN,
    i32::MAX,
    500,
    501,
    502,
    503,
    504,
    505,
    506,
    507,
    2260,
];
const WORDS: [&str; 8] = [
    "ruok", "isro", "ruok\n", "RUOK", "abcd", "lead", "stop", "gtmk",
];

impl Generator {
    /// A record that is too short, too long, or lies about its lengths; or an unknown opcode; or a
    /// frame that is none.
    pub(super) fn bad_frame(&mut self, conn: usize) {
        let mut request = self.request();
        let spares_multis = self.profile.local_sessions;
        while self.spares_writes()
            && opcodes::is_write(request.op)
            && (spares_multis || request.op != opcodes::MULTI)
        {
            request = self.request();
        }
        let sets_watches = matches!(request.op, opcodes::SET_WATCHES | opcodes::SET_WATCHES_2);
        if sets_watches {
            request.cut = 1;
        }
        match self.below(12) {
            0..5 => {
                request.cut = 1 + self.index(12);
                // Without its header a request ends the connection, as these do without their end.
                if matches!(
                    request.op,
                    opcodes::PING | opcodes::WHO_AM_I | opcodes::SASL | opcodes::AUTH
                ) {
                    self.conns[conn].open = false;
                }
            }
            // Nothing asks what these may show: see `send_and_await`.
            5 | 6 if sets_watches => {}
            5 => request.fields.push(Field::Raw(vec![1, 2, 3])),
            6 => {
                let length = FRAME_BYTES_MAX + 1 - self.index(3);
                request.fields.push(Field::Pad(length));
                if length > FRAME_BYTES_MAX {
                    self.conns[conn].open = false;
                }
            }
            // What is read behind it may be a list that is null: see `acl`.
            7 if self.spares_writes() && request.op == opcodes::MULTI => {}
            7 => {
                let at = self.index(request.fields.len() + 1);
                let length = self.pick(&[-2, i32::MIN, 2_000_000, i32::MAX]);
                request.fields.insert(at, Field::Int(length));
            }
            8 => request.fields.clear(),
            9 => {
                request.op = self.pick(&UNKNOWN);
                self.conns[conn].open = false;
            }
            10 => {
                request = Request::new(opcodes::PING, Vec::new());
                request.length = Some(self.pick(&[-1, i32::MIN, i32::MAX, 1_048_576, 7, 3, 0]));
                self.conns[conn].open = false;
            }
            _ => {
                request = Request::new(opcodes::AUTH, Vec::new());
                self.conns[conn].open = false;
            }
        }
        // A creation that lost its time to live must not be sent: see `create_fields`.
        if request.op == opcodes::CREATE_TTL && !request.fields.is_empty() && request.cut == 0 {
            return;
        }
        self.send(conn, request, false);
    }

    /// Whether writes must be whole. An ensemble of Apache's gives one it cannot decode the zxid of
    /// the write before it, and then commits no more.
    pub(super) fn spares_writes(&self) -> bool {
        self.servers > 1
    }

    /// Operations that only servers may ask for.
    pub(super) fn internal(&mut self, conn: usize) {
        let request = if self.chance(50) {
            let path = Field::path("/no such container");
            Request::new(opcodes::DELETE_CONTAINER, vec![path])
        } else {
            Request::new(opcodes::CREATE_SESSION, vec![Field::Int(30_000)])
        };
        self.send(conn, request, false);
        self.conns[conn].open = false;
        self.conns[conn].living = false;
    }

    /// A first frame that is refused.
    pub(super) fn odd_hello(&mut self) {
        let conn = 'z';
        let server = self.pick_server();
        let hello = match self.below(3) {
            0 => Hello {
                cut: 18 + self.index(20),
                ..Hello::default()
            },
            1 => Hello {
                last_zxid: i64::MAX,
                ..Hello::default()
            },
            _ => Hello {
                session: Some('y'),
                ..Hello::default()
            },
        };
        self.steps.push(Step::Open {
            conn,
            server,
            hello,
        });
    }

    /// Bytes of a client that has no session, nor wants one.
    pub(super) fn raw(&mut self) {
        let server = self.pick_server();
        let bytes = if self.chance(75) {
            self.pick(&WORDS).as_bytes().to_vec()
        } else {
            let absurd: [&[u8]; 6] = [
                b"GET / HTTP/1.1\r\n\r\n",
                &[0x16, 3, 1, 0, 200, 1, 0, 0, 196],
                &[0xff; 8],
                &[0x00, 0x10, 0x00, 0x01, 0],
                &[0, 0, 0, 0],
                &[0, 0, 0, 4, 1, 2, 3, 4],
            ];
            self.pick(&absurd).to_vec()
        };
        self.steps.push(Step::Raw { server, bytes });
    }
}
