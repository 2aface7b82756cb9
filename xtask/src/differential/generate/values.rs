//! Paths, data, access lists and numbers, mostly sensible.

use super::super::script::{Base, Field};
use super::{Generator, Node};

const NAMES: [&str; 6] = ["n0", "n1", "n2", "n3", "c0", "c1"];
const NODES_KEPT: usize = 12;
/// `jute.maxbuffer` of both servers.
pub(super) const FRAME_BYTES_MAX: usize = 1_048_575;

/// Paths that are none by the full rules, below a node that exists.
const BAD_NAMES: [&[u8]; 23] = [
    b"/",
    b"//a",
    b"/n0/",
    b"/n0//a",
    b"/.",
    b"/..",
    b"/./a",
    b"/../a",
    b"/n0/.",
    b"/a\x00b",
    b"/a\x01b",
    b"/a\x09",
    b"/a\x1f",
    b"/a\x7f",
    b"/a\xc2\x9f",
    b"/a\xee\x80\x80",
    b"/a\xef\xa3\xbf",
    b"/a\xef\xbf\xb0",
    b"/a\xef\xbf\xbd",
    b"/a\xf0\x9f\x98\x80",
    b"/a\xff",
    b"/a\xed\xa0\x80",
    b"/a\xc3",
];
/// Paths that only look bad.
const ODD_NAMES: [&[u8]; 11] = [
    b"/a b",
    b"/.a",
    b"/..a",
    b"/...",
    b"/a.",
    b"/\xc3\xa9\xe4\xb8\xad",
    b"/a\xc2\xa0",
    b"/a\xe2\x80\xa8",
    b"/a\xef\xa4\x80",
    b"/a\xef\xbf\xaf",
    b"/a%:\"\\b",
];
const NO_PATHS: [&str; 5] = ["a", "a/b", "//", "/nobody/has/this", "zookeeper"];
const SHARED: [&str; 6] = [
    "/",
    "/zookeeper",
    "/zookeeper/quota",
    "/zookeeper/config",
    "/zookeeper/other",
    "",
];

impl Generator {
    /// A node that most likely exists.
    pub(super) fn known_path(&mut self) -> String {
        if self.nodes.is_empty() {
            return format!("/{}", self.pick(&NAMES));
        }
        let index = self.index(self.nodes.len());
        self.nodes[index].path.clone()
    }

    /// The path of a request that is about a node there is.
    pub(super) fn path(&mut self) -> Field {
        if self.alone && self.chance(35) {
            let path = self.pick(&SHARED);
            return Field::text(path);
        }
        match self.below(100) {
            0..78 => Field::path(&self.known_path()),
            78..83 if self.alone => Field::text("/"),
            78..83 => Field::path(""),
            83..90 => Field::path(&self.fresh_path()),
            90..93 => self.quota_path(),
            _ => self.strange_path(),
        }
    }

    pub(super) fn strange_path(&mut self) -> Field {
        match self.below(10) {
            0..4 => {
                let name = self.pick(&BAD_NAMES);
                self.below_known(name)
            }
            4..7 => {
                let name = self.pick(&ODD_NAMES);
                self.below_known(name)
            }
            7 | 8 => {
                let path = self.pick(&NO_PATHS);
                Field::text(path)
            }
            _ if self.in_multi => Field::path("/no such node"),
            _ => Field::Null,
        }
    }

    fn below_known(&mut self, name: &[u8]) -> Field {
        let parent = if self.chance(50) {
            String::new()
        } else {
            self.known_path()
        };
        Field::Text(Base::Subtree, [parent.as_bytes(), name].concat())
    }

    fn quota_path(&mut self) -> Field {
        let name = self.pick(&["", "/zookeeper_limits", "/zookeeper_stats"]);
        // Limits of the root itself would end Apache's server for good.
        let node = if !self.alone && self.chance(60) {
            String::new()
        } else {
            self.known_path()
        };
        Field::Text(Base::Quota, format!("{node}{name}").into_bytes())
    }

    /// A path nobody has created, below one that may exist.
    pub(super) fn fresh_path(&mut self) -> String {
        let parent = if self.chance(45) {
            String::new()
        } else {
            self.known_path()
        };
        let parent = if parent.matches('/').count() > 3 {
            String::new()
        } else {
            parent
        };
        format!("{parent}/{}", self.pick(&NAMES))
    }

    /// Notes that a node was asked for, for later requests to meet it.
    pub(super) fn remember(&mut self, path: String) {
        if let Some((parent, _)) = path.rsplit_once('/')
            && let Some(parent) = self.nodes.iter_mut().find(|node| node.path == parent)
        {
            parent.children += 1;
        }
        if self.nodes.iter().any(|node| node.path == path) {
            return;
        }
        if self.nodes.len() >= NODES_KEPT {
            let index = self.index(self.nodes.len());
            self.nodes.remove(index);
        }
        self.nodes.push(Node {
            path,
            version: 0,
            children: 0,
        });
    }

    /// A version to expect: any, the right one as far as is known, or a wrong one.
    pub(super) fn version_of(&mut self, path: &Field) -> i32 {
        let known = self
            .nodes
            .iter()
            .find(|node| *path == Field::path(&node.path));
        let known = known.map_or(0, |node| node.version);
        match self.below(10) {
            0..5 => -1,
            5..8 => known,
            8 => known + 1,
            _ => self.odd_int(),
        }
    }

    pub(super) fn odd_int(&mut self) -> i32 {
        self.pick(&[0, 1, -1, -2, 2, 7, i32::MAX, i32::MIN])
    }

    pub(super) fn data(&mut self) -> Field {
        match self.below(100) {
            0..40 => Field::text("data"),
            40..60 => Field::text(""),
            60..70 => Field::Null,
            70..85 => {
                let size = self.index(60);
                Field::Fill(size)
            }
            85..92 => Field::Text(Base::Nothing, vec![0, 0xff, 0x80, b'\n']),
            92..99 => {
                let size = self.index(3_000);
                Field::Fill(size)
            }
            _ => {
                // Just short enough to be read back, or too long whatever is around it. Between
                // them Apache's server keeps what no client with its limit can read.
                let short = FRAME_BYTES_MAX - 88 - self.index(40);
                let long = FRAME_BYTES_MAX - self.index(20);
                let size = if self.in_block || self.in_multi {
                    200_000
                } else {
                    self.pick(&[70_000, 200_000, short, long])
                };
                Field::Fill(size)
            }
        }
    }

    /// An access list that is open more often than not.
    pub(super) fn acl(&mut self) -> Vec<Field> {
        if self.chance(70) {
            return vec![Field::OpenAcl];
        }
        if self.one_in(12) {
            return match self.below(4) {
                0 => vec![Field::Int(0)],
                1 => vec![Field::Int(-5)],
                _ if self.spares_writes() => vec![Field::Int(-2)],
                2 if !self.in_multi => vec![Field::Null],
                _ => vec![Field::Int(9), Field::Int(31)],
            };
        }
        let count = 1 + self.below(3);
        let mut fields = vec![Field::Int(i32::try_from(count).expect("it is small"))];
        for _ in 0..count {
            fields.extend(self.acl_entry());
        }
        fields
    }

    fn acl_entry(&mut self) -> [Field; 3] {
        let perms = match self.below(10) {
            0..5 => 31,
            5 => 1,
            6 => 30,
            7 => self.pick(&[2, 4, 8, 16, 17, 15]),
            8 => 0,
            _ => self.odd_int(),
        };
        let (scheme, id) = match self.below(40) {
            0..14 => ("world", "anyone"),
            14..20 => ("digest", "u:Jq7wMyA/w2Vd5WIDAkdu4OIIFEQ="),
            20 => ("digest", "v:Mfy8apI9YguGKmh+AxUmAFSwkII="),
            21..26 => ("auth", ""),
            26 | 27 => ("ip", "127.0.0.1"),
            28 => ("ip", "127.0.0.0/8"),
            29 => ("ip", "10.0.0.1"),
            30 if !self.in_multi => {
                return [Field::Int(perms), Field::text("auth"), Field::Null];
            }
            _ => return self.strange_acl_entry(perms),
        };
        [Field::Int(perms), Field::text(scheme), Field::text(id)]
    }

    fn strange_acl_entry(&mut self, perms: i32) -> [Field; 3] {
        const ENTRIES: [(&str, &str); 22] = [
            ("world", "nobody"),
            ("world", ""),
            ("digest", "no colon"),
            ("digest", "a:b:c"),
            ("digest", "a:"),
            ("digest", ":b"),
            ("digest", "a:b:"),
            ("digest", ""),
            ("ip", "::1"),
            ("ip", "127.0.0.1/33"),
            ("ip", "127.0.0.1/-1"),
            ("ip", "::1/128"),
            ("ip", "256.0.0.1"),
            ("ip", "1.2.3"),
            ("ip", "0.0.0.0/0"),
            ("ip", "127.0.0.1/"),
            ("super", ""),
            ("sasl", "bob"),
            ("x509", "CN=bob"),
            ("", ""),
            ("nonsense", "a"),
            ("auth", "whatever"),
        ];
        // Apache keeps what the earlier parts of a multi made when a null ends it.
        let least = if self.in_multi { 3 } else { 0 };
        match least + self.below(12 - least) {
            0 => [Field::Int(perms), Field::Null, Field::text("anyone")],
            1 => [Field::Int(perms), Field::text("world"), Field::Null],
            2 => [Field::Int(perms), Field::text("digest"), Field::Null],
            _ => {
                let (scheme, id) = self.pick(&ENTRIES);
                [Field::Int(perms), Field::text(scheme), Field::text(id)]
            }
        }
    }
}
