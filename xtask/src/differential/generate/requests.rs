//! Requests that are well formed, though not always wise.

use super::super::opcodes;
use super::super::script::{Base, Field, Request};
use super::Generator;

const TTLS: [i64; 8] = [
    100_000_000,
    1,
    (1 << 40) - 1,
    1 << 40,
    0,
    -1,
    i64::MIN,
    i64::MAX,
];

impl Generator {
    pub(super) fn request(&mut self) -> Request {
        let mut request = match self.below(100) {
            0..22 => self.create(),
            22..29 => self.delete(),
            29..38 => self.set_data(),
            // A leader of Apache's answers a write by the list it has applied, while the server that
            // answered the setACL is ahead of it.
            38..42 if self.servers == 1 => self.set_acl(),
            38..42 => self.create(),
            42..52 => self.multi(),
            52..55 => self.multi_read(),
            55..86 => self.read(),
            86..96 => self.watching(),
            _ => self.small(),
        };
        if self.one_in(30) {
            let xid = self.pick(&[0, -2, -4, -8, -7, i32::MIN, i32::MAX]);
            request.xid = Some(xid);
        }
        request
    }

    fn create(&mut self) -> Request {
        let (op, fields) = self.create_fields();
        Request::new(op, fields)
    }

    /// An opcode and its record.
    pub(super) fn create_fields(&mut self) -> (i32, Vec<Field>) {
        let op = match self.below(20) {
            0..10 => opcodes::CREATE,
            10..16 => opcodes::CREATE_2,
            16..18 => opcodes::CREATE_CONTAINER,
            _ => opcodes::CREATE_TTL,
        };
        let flags: i32 = match self.below(30) {
            0..15 => 0,
            15..20 => 1,
            20..23 => 2,
            23..25 => 3,
            25 => 4,
            26 => 5,
            27 => 6,
            _ => self.pick(&[7, -1, 4, 5, 99]),
        };
        // See `add_part`: a mode that this operation does not have cannot be read.
        let flags = if self.in_multi && self.profile.local_sessions {
            flags.rem_euclid(4)
        } else {
            flags
        };
        let path = self.path_to_create(flags);
        let data = if is_limits(&path) {
            Field::text("count=-1,bytes=-1")
        } else {
            self.data()
        };
        let mut fields = vec![path, data];
        fields.extend(self.acl());
        if op == opcodes::CREATE_TTL {
            // Other flags without a time would end Apache's server for good.
            let flags = if self.chance(75) {
                5 + flags % 2
            } else {
                flags
            };
            let is_timed = matches!(flags, 5 | 6);
            let ttl = if self.chance(60) {
                TTLS[0]
            } else {
                self.pick(&TTLS)
            };
            fields.push(Field::Int(flags));
            fields.push(Field::Long(if is_timed { ttl } else { ttl.max(0) }));
        } else {
            // Apache takes a container for ephemeral while it is pending, if its flags say so.
            let flags = match (op, flags) {
                (opcodes::CREATE_CONTAINER, 1) => 0,
                (opcodes::CREATE_CONTAINER, 3) => 2,
                _ => flags,
            };
            fields.push(Field::Int(flags));
        }
        (op, fields)
    }

    fn path_to_create(&mut self, flags: i32) -> Field {
        if self.one_in(10) {
            let path = self.path();
            // With a number behind it, it would be a node outside the script's subtree.
            let is_top = matches!(&path, Field::Text(_, text) if text.is_empty());
            return if is_top { Field::path("/") } else { path };
        }
        if self.alone && self.one_in(6) {
            return Field::text("/zookeeper/other");
        }
        let path = self.fresh_path();
        if matches!(flags, 2 | 3 | 6) {
            // What number it gets is known only to the server; the first ones are good guesses.
            let guess = self.below(4);
            self.remember(format!("{path}{guess:010}"));
            if self.one_in(5) {
                return Field::path(&format!("{}/", self.known_path()));
            }
        } else {
            self.remember(path.clone());
        }
        Field::path(&path)
    }

    pub(super) fn delete(&mut self) -> Request {
        let mut path = self.path();
        if path == Field::path("") {
            path = Field::path("/n0");
        }
        let version = self.version_of(&path);
        Request::new(opcodes::DELETE, vec![path, Field::Int(version)])
    }

    pub(super) fn set_data(&mut self) -> Request {
        let path = self.path();
        if is_usage(&path) {
            return self.set_data();
        }
        let path = if is_limits(&path) && self.chance(90) {
            let limits = self.limits();
            let version = Field::Int(-1);
            return Request::new(opcodes::SET_DATA, vec![path, limits, version]);
        } else {
            path
        };
        if is_limits(&path) {
            return self.set_data();
        }
        let version = self.version_of(&path);
        if let Field::Text(Base::Subtree, path) = &path
            && let Some(node) = self
                .nodes
                .iter_mut()
                .find(|node| node.path.as_bytes() == path)
            && (version == -1 || version == node.version)
        {
            node.version += 1;
        }
        let data = self.data();
        Request::new(opcodes::SET_DATA, vec![path, data, Field::Int(version)])
    }

    fn set_acl(&mut self) -> Request {
        let mut fields = vec![self.path()];
        fields.extend(self.acl());
        let version = if self.chance(70) { -1 } else { self.odd_int() };
        fields.push(Field::Int(version));
        Request::new(opcodes::SET_ACL, fields)
    }

    fn read(&mut self) -> Request {
        let op = self.pick(&[
            opcodes::EXISTS,
            opcodes::EXISTS,
            opcodes::GET_DATA,
            opcodes::GET_DATA,
            opcodes::GET_CHILDREN,
            opcodes::GET_CHILDREN_2,
            opcodes::GET_ACL,
            opcodes::GET_ALL_CHILDREN_NUMBER,
            opcodes::GET_EPHEMERALS,
        ]);
        let path = self.path();
        let mut fields = vec![path.clone()];
        if matches!(
            op,
            opcodes::EXISTS | opcodes::GET_DATA | opcodes::GET_CHILDREN | opcodes::GET_CHILDREN_2
        ) {
            // Apache's root has a second name, under which its watches never fire.
            let watch = if path == Field::text("") {
                0
            } else {
                self.pick(&[0, 1, 1, 7])
            };
            fields.push(Field::Byte(watch));
            self.remember_watch(&path);
        }
        Request::new(op, fields)
    }

    fn watching(&mut self) -> Request {
        match self.below(10) {
            0..4 => {
                let path = if self.chance(90) {
                    Field::path(&self.known_path())
                } else {
                    self.path()
                };
                let mode = match self.below(20) {
                    0..10 => 0,
                    10..18 => 1,
                    _ => self.odd_int(),
                };
                self.remember_watch(&path);
                Request::new(opcodes::ADD_WATCH, vec![path, Field::Int(mode)])
            }
            4..7 => {
                let op = self.pick(&[opcodes::CHECK_WATCHES, opcodes::REMOVE_WATCHES]);
                let path = self.watched_path();
                let kind = match self.below(20) {
                    0..18 => 1 + i32::try_from(self.below(5)).expect("it is small"),
                    _ => self.pick(&[0, 6, -1, i32::MAX]),
                };
                Request::new(op, vec![path, Field::Int(kind)])
            }
            _ => self.set_watches(),
        }
    }

    fn set_watches(&mut self) -> Request {
        let (op, lists) = if self.chance(50) {
            (opcodes::SET_WATCHES, 3)
        } else {
            (opcodes::SET_WATCHES_2, 5)
        };
        let relative = match self.below(8) {
            0..5 => {
                let rank = self.index(6);
                Field::Zxid(rank)
            }
            5 => Field::Long(0),
            6 => Field::Long(i64::MAX),
            _ => Field::Long(-1),
        };
        let mut fields = vec![relative];
        for list in 0..lists {
            // With a later list, Apache has done half of it before it trips over the null.
            if list == 0 && self.one_in(20) {
                fields.push(Field::Null);
                continue;
            }
            let count = self.below(3);
            fields.push(Field::Int(i32::try_from(count).expect("it is small")));
            for _ in 0..count {
                fields.push(self.watched_path());
            }
        }
        Request::new(op, fields)
    }

    fn watched_path(&mut self) -> Field {
        if self.watched.is_empty() || self.chance(15) {
            return Field::path(&self.known_path());
        }
        let index = self.index(self.watched.len());
        Field::path(&self.watched[index].clone())
    }

    fn remember_watch(&mut self, path: &Field) {
        if let Field::Text(Base::Subtree, path) = path
            && let Ok(path) = std::str::from_utf8(path)
        {
            self.watched.push(path.to_owned());
        }
    }

    fn small(&mut self) -> Request {
        match self.below(6) {
            0 => Request::new(opcodes::PING, Vec::new()),
            1 => Request::new(opcodes::SYNC, vec![self.path()]),
            2 => Request::new(opcodes::WHO_AM_I, Vec::new()),
            3 if !self.asked_sasl => {
                // A second token is refused, and by Apache's server answered with nothing again.
                self.asked_sasl = true;
                Request::new(opcodes::SASL, vec![self.data()])
            }
            3 => Request::new(opcodes::WHO_AM_I, Vec::new()),
            4 if self.chance(50) => self.reconfig(),
            4 => {
                let fields = vec![Field::text("/zookeeper/config"), Field::Byte(0)];
                Request::new(opcodes::GET_DATA, fields)
            }
            _ => Request::new(opcodes::SYNC, vec![Field::path("")]),
        }
    }

    fn reconfig(&mut self) -> Request {
        const SPECS: [&str; 7] = [
            "",
            "nonsense",
            "3",
            "server.4=127.0.0.1:1:2:participant;127.0.0.1:3",
            "server.1=127.0.0.1:1:2;3,server.2=127.0.0.1:4:5;6",
            "server.4=127.0.0.1",
            "server.x=127.0.0.1:1:2;3",
        ];
        let spec = |generator: &mut Generator| {
            if generator.chance(50) {
                Field::Null
            } else {
                Field::text(generator.pick(&SPECS))
            }
        };
        let fields = vec![
            spec(self),
            spec(self),
            spec(self),
            Field::Long(i64::from(self.odd_int())),
        ];
        Request::new(opcodes::RECONFIG, fields)
    }
}

/// Whether a path is a node of usage: what is in it is the server's to say.
pub(super) fn is_usage(path: &Field) -> bool {
    matches!(path, Field::Text(_, path) if path.ends_with(b"zookeeper_stats"))
}

pub(super) fn is_limits(path: &Field) -> bool {
    matches!(path, Field::Text(_, path) if path.ends_with(b"zookeeper_limits"))
}
