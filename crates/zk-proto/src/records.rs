//! Records that others are made of: Stat and access lists.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use jute::{DecodeError, Reader, Writer};
use zk_types::{Acl, Perms, RawAcl, SessionId, Stat, WallTime, Zxid};

pub(crate) fn write_zxid(writer: &mut Writer<'_>, zxid: Zxid) {
    writer.long(zxid.0.cast_signed());
}

pub(crate) fn read_zxid(reader: &mut Reader<'_>, field: &'static str) -> Result<Zxid, DecodeError> {
    Ok(Zxid(reader.long(field)?.cast_unsigned()))
}

/// A string that may not be null.
pub(crate) fn read_string<'a>(
    reader: &mut Reader<'a>,
    field: &'static str,
) -> Result<Cow<'a, str>, DecodeError> {
    reader.ustring(field)?.ok_or(DecodeError::Null { field })
}

/// A vector of strings, none of them null, nor the vector.
pub(crate) fn read_strings<'a>(
    reader: &mut Reader<'a>,
    field: &'static str,
) -> Result<Vec<Cow<'a, str>>, DecodeError> {
    reader
        .vector(field, |reader| read_string(reader, field))?
        .ok_or(DecodeError::Null { field })
}

pub(crate) fn write_strings(writer: &mut Writer<'_>, strings: &[Cow<'_, str>]) {
    writer.count(strings.len());
    for string in strings {
        writer.ustring(Some(string));
    }
}

pub(crate) fn write_stat(writer: &mut Writer<'_>, stat: &Stat) {
    let mzxid = zk_types::mutant!("stat-with-the-wrong-mzxid", stat.mzxid, stat.pzxid);
    // Gathered first: one look at the room that is left instead of one for each field.
    let mut bytes = [0; STAT_BYTES];
    bytes[..8].copy_from_slice(&stat.czxid.0.to_be_bytes());
    bytes[8..16].copy_from_slice(&mzxid.0.to_be_bytes());
    bytes[16..24].copy_from_slice(&stat.ctime.0.to_be_bytes());
    bytes[24..32].copy_from_slice(&stat.mtime.0.to_be_bytes());
    bytes[32..36].copy_from_slice(&stat.version.to_be_bytes());
    bytes[36..40].copy_from_slice(&stat.cversion.to_be_bytes());
    bytes[40..44].copy_from_slice(&stat.aversion.to_be_bytes());
    bytes[44..52].copy_from_slice(&stat.ephemeral_owner.0.to_be_bytes());
    bytes[52..56].copy_from_slice(&stat.data_length.to_be_bytes());
    bytes[56..60].copy_from_slice(&stat.num_children.to_be_bytes());
    bytes[60..].copy_from_slice(&stat.pzxid.0.to_be_bytes());
    writer.raw(&bytes);
}

/// Length of a Stat.
const STAT_BYTES: usize = 68;

pub(crate) fn read_stat(reader: &mut Reader<'_>) -> Result<Stat, DecodeError> {
    Ok(Stat {
        czxid: read_zxid(reader, "czxid")?,
        mzxid: read_zxid(reader, "mzxid")?,
        ctime: WallTime(reader.long("ctime")?),
        mtime: WallTime(reader.long("mtime")?),
        version: reader.int("version")?,
        cversion: reader.int("cversion")?,
        aversion: reader.int("aversion")?,
        ephemeral_owner: SessionId(reader.long("ephemeralOwner")?),
        data_length: reader.int("dataLength")?,
        num_children: reader.int("numChildren")?,
        pzxid: read_zxid(reader, "pzxid")?,
    })
}

pub(crate) fn write_raw_acl(writer: &mut Writer<'_>, acl: Option<&[RawAcl<'_>]>) {
    let Some(acl) = acl else {
        return writer.int(-1);
    };
    writer.count(acl.len());
    for entry in acl {
        writer.int(entry.perms.0);
        writer.ustring(entry.scheme.as_deref());
        writer.ustring(entry.id.as_deref());
    }
}

pub(crate) fn read_raw_acl<'a>(
    reader: &mut Reader<'a>,
) -> Result<Option<Vec<RawAcl<'a>>>, DecodeError> {
    reader.vector("acl", |reader| {
        Ok(RawAcl {
            perms: Perms(reader.int("perms")?),
            scheme: reader.ustring("scheme")?,
            id: reader.ustring("id")?,
        })
    })
}

pub(crate) fn write_acl(writer: &mut Writer<'_>, acl: &[Acl]) {
    writer.count(acl.len());
    for entry in acl {
        writer.int(entry.perms.0);
        writer.ustring(Some(&entry.scheme));
        writer.ustring(Some(&entry.id));
    }
}

/// An access list that a server made: nothing in it is null.
pub(crate) fn read_acl(reader: &mut Reader<'_>) -> Result<Vec<Acl>, DecodeError> {
    let acl = reader.vector("acl", |reader| {
        Ok(Acl {
            perms: Perms(reader.int("perms")?),
            scheme: String::from(read_string(reader, "scheme")?),
            id: String::from(read_string(reader, "id")?),
        })
    })?;
    acl.ok_or(DecodeError::Null { field: "acl" })
}
