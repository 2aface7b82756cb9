//! Requests as a client sends them.

use super::{Request, SetWatches, encode_op};
use crate::frame::sized;
use crate::multi::encode_multi_read;
use crate::records::write_strings;
use crate::{OpCode, RequestHeader, Xid};
use alloc::vec::Vec;
use jute::Writer;
use zk_types::RawPath;

impl Request<'_> {
    /// Appends the request as a whole frame.
    ///
    /// # Panics
    /// When a multi holds what no multi may hold.
    pub fn encode(&self, xid: Xid, out: &mut Vec<u8>) {
        sized(out, |out| {
            let opcode = self.opcode().code();
            RequestHeader { xid, opcode }.write(&mut Writer::new(out));
            self.encode_body(out);
        });
    }

    /// Appends what follows the header.
    ///
    /// # Panics
    /// As [`Request::encode`].
    pub fn encode_body(&self, out: &mut Vec<u8>) {
        match self {
            Request::Ping | Request::WhoAmI => {}
            Request::Write(op) => encode_op(op, out),
            Request::Exists { path, watch }
            | Request::GetData { path, watch }
            | Request::GetChildren { path, watch }
            | Request::GetChildren2 { path, watch } => write_path_watch(out, path, *watch),
            Request::GetAcl { path }
            | Request::GetAllChildrenNumber { path }
            | Request::GetEphemerals { prefix: path }
            | Request::Sync { path } => Writer::new(out).ustring(path.as_deref()),
            Request::MultiRead(ops) => encode_multi_read(ops, out),
            Request::CheckWatches { path, kind } | Request::RemoveWatches { path, kind } => {
                write_path_int(out, path, kind.code());
            }
            Request::AddWatch { path, mode } => write_path_int(out, path, mode.code()),
            Request::SetWatches(watches) => write_set_watches(out, watches),
            Request::Auth(packet) => {
                let mut writer = Writer::new(out);
                writer.int(0);
                writer.ustring(packet.scheme.as_deref());
                writer.buffer(packet.auth.as_deref());
            }
            Request::Sasl { token } => Writer::new(out).buffer(token.as_deref()),
            Request::Reconfig(reconfig) => {
                let mut writer = Writer::new(out);
                writer.ustring(reconfig.joining.as_deref());
                writer.ustring(reconfig.leaving.as_deref());
                writer.ustring(reconfig.members.as_deref());
                writer.long(reconfig.config_version);
            }
            Request::GetChildrenPage(page) => page.write(&mut Writer::new(out)),
            Request::Keeper(read) => read.write(&mut Writer::new(out)),
        }
    }
}

fn write_path_watch(out: &mut Vec<u8>, path: &RawPath<'_>, watch: bool) {
    let mut writer = Writer::new(out);
    writer.ustring(path.as_deref());
    writer.boolean(watch);
}

fn write_path_int(out: &mut Vec<u8>, path: &RawPath<'_>, number: i32) {
    let mut writer = Writer::new(out);
    writer.ustring(path.as_deref());
    writer.int(number);
}

fn write_set_watches(out: &mut Vec<u8>, watches: &SetWatches<'_>) {
    let mut writer = Writer::new(out);
    writer.long(watches.relative_zxid);
    write_strings(&mut writer, &watches.data);
    write_strings(&mut writer, &watches.exist);
    write_strings(&mut writer, &watches.child);
    if watches.opcode() == OpCode::SetWatches2 {
        write_strings(&mut writer, &watches.persistent);
        write_strings(&mut writer, &watches.persistent_recursive);
    }
}
