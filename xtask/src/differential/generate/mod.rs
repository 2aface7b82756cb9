//! Scripts from seeds. Most requests meet nodes that exist, watches that were set and sessions
//! that live, because that is where servers can differ.

mod parts;
mod quotas;
mod requests;
mod strange;
mod values;

use super::opcodes;
use super::profiles::Profile;
use super::script::{Base, Field, Hello, Name, Password, Request, Script, Step};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// Sessions of a script at most.
const CONNS_MAX: usize = 5;
/// Requests of a script at least, and how many more there may be, but for what goes with the last.
const REQUESTS: (usize, usize) = (34, 26);
/// One script in this many is alone on the servers.
pub(super) const ALONE_ONE_IN: u64 = 25;

/// The script of a seed.
pub(super) fn script(seed: u64, profile: &Profile, servers: usize) -> Script {
    let mut generator = Generator {
        rng: ChaCha8Rng::seed_from_u64(seed),
        profile: *profile,
        servers,
        alone: false,
        nodes: Vec::new(),
        watched: Vec::new(),
        conns: Vec::new(),
        named: 0,
        asked_sasl: false,
        has_expired: false,
        in_multi: false,
        in_block: false,
        steps: Vec::new(),
        requests: 0,
    };
    generator.alone = generator.one_in(ALONE_ONE_IN);
    generator.write();
    Script {
        profile: profile.name.to_owned(),
        servers,
        alone: generator.alone,
        steps: generator.steps,
    }
}

struct Generator {
    rng: ChaCha8Rng,
    profile: Profile,
    servers: usize,
    alone: bool,
    /// Paths below the script's subtree that were created, and perhaps are still there.
    nodes: Vec<Node>,
    /// Paths that a watch was asked for.
    watched: Vec<String>,
    conns: Vec<Conn>,
    named: u8,
    asked_sasl: bool,
    /// Whether a session was silent until it expired, which takes seconds.
    has_expired: bool,
    /// Whether the parts of a multi are made up.
    in_multi: bool,
    /// Whether requests are pipelined: what ends the connection may come before earlier answers.
    in_block: bool,
    steps: Vec<Step>,
    /// How many of the steps are requests.
    requests: usize,
}

#[derive(Clone)]
struct Node {
    path: String,
    /// What its version may be by now.
    version: i32,
    children: i32,
}

#[derive(Clone)]
struct Conn {
    name: Name,
    server: usize,
    session: Name,
    /// Whether the client has not cut it and nothing that was sent ends it.
    open: bool,
    /// Whether the session was not closed.
    living: bool,
}

impl Generator {
    fn write(&mut self) {
        for _ in 0..1 + self.below(3) {
            self.open_new();
        }
        if self.chance(30) {
            self.set_quota();
        }
        let (least, more) = REQUESTS;
        let length = least + self.index(more);
        while self.requests < length {
            self.act();
        }
    }

    fn act(&mut self) {
        let Some(conn) = self.pick_open() else {
            return self.reopen_or_open();
        };
        if self.may_expire(conn) && self.one_in(10) {
            return self.expire(conn);
        }
        match self.below(1000) {
            0..760 => {
                let request = self.request();
                self.send_and_await(conn, request);
            }
            760..850 => self.block(conn),
            850..885 => self.cut_and_reopen(conn),
            885..905 => self.take_over(conn),
            905..925 => self.open_new(),
            925..935 => self.close(conn),
            935..950 => self.raw(),
            950..975 => self.bad_frame(conn),
            975..980 => self.odd_hello(),
            980..985 => self.internal(conn),
            _ => self.authenticate(conn),
        }
    }

    /// Requests of one connection on their way at once. Auth and SASL are not among them: Apache's
    /// answers to them overtake others. Nor is setACL: whether writes behind it are held to the new
    /// list is a matter of luck there.
    fn block(&mut self, conn: usize) {
        // A hard quota sees what is pending here, and in Apache's server does not.
        let most = if self.profile.enforces_quota { 1 } else { 7 };
        let count = 1 + self.below(most);
        self.in_block = true;
        for index in 0..count {
            let mut request = self.request();
            while matches!(
                request.op,
                opcodes::SASL | opcodes::SET_WATCHES | opcodes::SET_WATCHES_2 | opcodes::SET_ACL
            ) {
                request = self.request();
            }
            self.send(conn, request, index + 1 < count);
        }
        self.in_block = false;
    }

    /// Sends a request; one that sets watches again is followed at once by questions whether the
    /// client may read what it watches.
    fn send_and_await(&mut self, conn: usize, request: Request) {
        let is_path = |field: &&Field| matches!(field, Field::Text(Base::Subtree, _));
        let watched: Vec<Field> = match request.op {
            opcodes::SET_WATCHES | opcodes::SET_WATCHES_2 => {
                request.fields.iter().filter(is_path).cloned().collect()
            }
            _ => Vec::new(),
        };
        self.send(conn, request, !watched.is_empty());
        for (index, path) in watched.iter().enumerate() {
            let asks = Request::new(opcodes::EXISTS, vec![path.clone(), Field::Byte(0)]);
            self.send(conn, asks, index + 1 < watched.len());
        }
    }

    fn send(&mut self, conn: usize, request: Request, pipelined: bool) {
        self.requests += 1;
        self.steps.push(Step::Request {
            conn: self.conns[conn].name,
            pipelined,
            request,
        });
    }

    fn open_new(&mut self) {
        if self.conns.len() >= CONNS_MAX {
            return;
        }
        let name = self.next_name();
        let server = self.pick_server();
        let hello = self.hello();
        self.conns.push(Conn {
            name,
            server,
            session: name,
            open: true,
            living: true,
        });
        self.steps.push(Step::Open {
            conn: name,
            server,
            hello,
        });
    }

    fn hello(&mut self) -> Hello {
        let usual = Hello::default();
        Hello {
            timeout: match self.below(20) {
                _ if self.profile.expires => usual.timeout,
                0 => 0,
                1 => -5,
                2 => i32::MAX,
                3 => 15_001,
                4 => 39_999,
                _ => usual.timeout,
            },
            read_only: match self.below(8) {
                0 | 1 => None,
                2 => Some(1),
                3 => Some(7),
                _ => Some(0),
            },
            version: if self.one_in(10) { 99 } else { 0 },
            last_zxid: if self.one_in(15) { -3 } else { 0 },
            password: if self.one_in(10) {
                Password::Null
            } else {
                Password::Good
            },
            ..usual
        }
    }

    /// The client's network fails, and it comes back: here or on another server.
    fn cut_and_reopen(&mut self, conn: usize) {
        let name = self.conns[conn].name;
        self.steps.push(Step::Cut { conn: name });
        self.conns[conn].open = false;
        if self.chance(70) {
            self.reopen(conn);
        }
    }

    fn reopen(&mut self, conn: usize) {
        // Most local sessions are unknown elsewhere.
        let moves = if self.profile.local_sessions { 15 } else { 60 };
        if self.chance(moves) {
            self.conns[conn].server = self.pick_server();
        }
        let (name, server) = (self.conns[conn].name, self.conns[conn].server);
        let hello = Hello {
            session: Some(self.conns[conn].session),
            ..self.hello_again()
        };
        self.conns[conn].open = self.conns[conn].living
            && hello.password == Password::Good
            && hello.last_zxid <= 0
            && hello.cut == 0;
        self.steps.push(Step::Open {
            conn: name,
            server,
            hello,
        });
    }

    fn hello_again(&mut self) -> Hello {
        let mut hello = self.hello();
        hello.password = match self.below(12) {
            0 => Password::Wrong,
            1 => Password::Null,
            2 => Password::Short,
            _ => Password::Good,
        };
        if self.one_in(15) {
            hello.last_zxid = i64::MAX;
        }
        hello
    }

    /// A second connection takes up the session of a first, on the same server.
    fn take_over(&mut self, conn: usize) {
        if self.conns.len() >= CONNS_MAX {
            return;
        }
        let name = self.next_name();
        let (server, session) = (self.conns[conn].server, self.conns[conn].session);
        let hello = Hello {
            session: Some(session),
            ..Hello::default()
        };
        let living = self.conns[conn].living;
        self.conns[conn].open = false;
        self.conns[conn].living = false;
        self.conns.push(Conn {
            name,
            server,
            session,
            open: living,
            living,
        });
        self.steps.push(Step::Open {
            conn: name,
            server,
            hello,
        });
    }

    fn close(&mut self, conn: usize) {
        let request = Request::new(opcodes::CLOSE_SESSION, Vec::new());
        self.send(conn, request, false);
        self.conns[conn].open = false;
        self.conns[conn].living = false;
    }

    /// Behind a follower of Apache's, a session keeps the timeout it began with.
    fn may_expire(&self, conn: usize) -> bool {
        let is_led = self.conns[conn].server == 0;
        self.profile.expires && is_led && !self.alone && !self.has_expired
    }

    fn expire(&mut self, conn: usize) {
        let name = self.conns[conn].name;
        self.steps.push(Step::Expire { conn: name });
        self.conns[conn].open = false;
        self.conns[conn].living = false;
        self.has_expired = true;
    }

    fn reopen_or_open(&mut self) {
        let closed: Vec<usize> = (0..self.conns.len())
            .filter(|index| !self.conns[*index].open)
            .collect();
        if self.conns.len() < CONNS_MAX && self.chance(40) || closed.is_empty() {
            return self.open_new();
        }
        let conn = closed[self.index(closed.len())];
        self.reopen(conn);
        if !self.conns[conn].open && self.conns.iter().all(|conn| !conn.living) {
            // All sessions are over, and there may be no new ones.
            self.conns.remove(conn);
        }
    }

    fn authenticate(&mut self, conn: usize) {
        let proof = match self.below(10) {
            0..5 => [Field::text("digest"), Field::text("u:p")],
            5 | 6 => [Field::text("digest"), Field::text("v:q")],
            7 => [Field::text("digest"), Field::text("no colon")],
            8 if self.profile.knows_super => {
                [Field::text("digest"), Field::text(super::warden::WARDEN)]
            }
            8 => [Field::text("ip"), Field::text("")],
            _ => return self.fail_to_authenticate(conn),
        };
        let fields = [Field::Int(self.odd_int())].into_iter().chain(proof);
        let mut request = Request::new(opcodes::AUTH, fields.collect());
        if self.chance(50) {
            request.xid = Some(-4);
        }
        self.send(conn, request, false);
    }

    fn fail_to_authenticate(&mut self, conn: usize) {
        let proof = match self.below(6) {
            0 => [Field::text("world"), Field::text("anyone")],
            1 => [Field::text("nonsense"), Field::text("")],
            2 => [Field::text("digest"), Field::Null],
            3 => [Field::Null, Field::text("u:p")],
            4 => [Field::text("super"), Field::text("")],
            _ => [Field::text("auth"), Field::text("u:p")],
        };
        let fields = [Field::Int(0)].into_iter().chain(proof).collect();
        self.send(conn, Request::new(opcodes::AUTH, fields), false);
        self.conns[conn].open = false;
    }

    fn next_name(&mut self) -> Name {
        let name = char::from(b'a' + self.named % 22);
        self.named += 1;
        name
    }

    fn pick_open(&mut self) -> Option<usize> {
        let open: Vec<usize> = (0..self.conns.len())
            .filter(|index| self.conns[*index].open)
            .collect();
        if open.is_empty() {
            return None;
        }
        Some(open[self.index(open.len())])
    }

    fn pick_server(&mut self) -> usize {
        self.index(self.servers)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.rng.next_u64() % bound
    }

    fn index(&mut self, count: usize) -> usize {
        usize::try_from(self.below(count as u64)).expect("it is below a count")
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.index(of.len())].clone()
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}
