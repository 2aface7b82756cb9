//! Requests made of several operations.

use super::super::opcodes;
use super::super::script::{Field, Request};
use super::Generator;

impl Generator {
    pub(super) fn multi(&mut self) -> Request {
        let mut fields = Vec::new();
        // A hard quota sees what is pending here, and in Apache's server does not.
        let most = if self.profile.enforces_quota { 2 } else { 6 };
        let count = match self.below(20) {
            0 => 0,
            _ => 1 + self.below(most - 1),
        };
        self.in_multi = true;
        for _ in 0..count {
            self.add_part(&mut fields);
        }
        self.in_multi = false;
        if self.profile.local_sessions || !self.one_in(60) {
            fields.push(Field::Done);
        }
        Request::new(opcodes::MULTI, fields)
    }

    fn add_part(&mut self, fields: &mut Vec<Field>) {
        // A follower of Apache's that looks for ephemeral nodes in a multi it cannot read forwards
        // what it has not looked at yet.
        let kinds = if self.profile.local_sessions { 95 } else { 100 };
        match self.below(kinds) {
            0..45 => {
                let (op, record) = self.create_fields();
                fields.push(Field::Part(op));
                fields.extend(record);
            }
            45..62 => {
                let part = self.set_data();
                fields.push(Field::Part(part.op));
                fields.extend(part.fields);
            }
            62..77 => {
                let part = self.delete();
                fields.push(Field::Part(part.op));
                fields.extend(part.fields);
            }
            77..95 => {
                let path = self.path();
                let version = self.version_of(&path);
                fields.extend([Field::Part(opcodes::CHECK), path, Field::Int(version)]);
            }
            95..97 => fields.extend([Field::Part(opcodes::GET_DATA), self.path(), Field::Byte(0)]),
            97 => {
                let path = self.path();
                fields.extend([Field::Part(opcodes::SET_ACL), path]);
                fields.extend(self.acl());
                fields.push(Field::Int(-1));
            }
            98 => {
                let op = self.pick(&[99, -11, 0, 20, 14, 22, 9]);
                fields.push(Field::Part(op));
            }
            _ => fields.extend([
                Field::Raw(vec![0, 0, 0, 2, 7, 0, 0, 0, 9]),
                self.path(),
                Field::Int(-1),
            ]),
        }
    }

    pub(super) fn multi_read(&mut self) -> Request {
        let mut fields = Vec::new();
        for _ in 0..self.below(5) {
            let op = match self.below(20) {
                0..10 => opcodes::GET_DATA,
                10..19 => opcodes::GET_CHILDREN,
                _ => self.pick(&[
                    opcodes::EXISTS,
                    opcodes::GET_CHILDREN_2,
                    opcodes::CHECK,
                    opcodes::DELETE,
                ]),
            };
            let watch = self.pick(&[0, 1]);
            fields.extend([Field::Part(op), self.path(), Field::Byte(watch)]);
        }
        if !self.one_in(40) {
            fields.push(Field::Done);
        }
        Request::new(opcodes::MULTI_READ, fields)
    }
}
