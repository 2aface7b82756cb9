//! Names and numbers of operations.

use anyhow::{Context, Result};

/// What marks a failed part of a multi, and its end.
pub(crate) const ERROR: i32 = -1;
pub(crate) const CREATE: i32 = 1;
pub(crate) const DELETE: i32 = 2;
pub(crate) const EXISTS: i32 = 3;
pub(crate) const GET_DATA: i32 = 4;
pub(crate) const SET_DATA: i32 = 5;
pub(crate) const GET_ACL: i32 = 6;
pub(crate) const SET_ACL: i32 = 7;
pub(crate) const GET_CHILDREN: i32 = 8;
pub(crate) const SYNC: i32 = 9;
pub(crate) const PING: i32 = 11;
pub(crate) const GET_CHILDREN_2: i32 = 12;
pub(crate) const CHECK: i32 = 13;
pub(crate) const MULTI: i32 = 14;
pub(crate) const CREATE_2: i32 = 15;
pub(crate) const RECONFIG: i32 = 16;
pub(crate) const CHECK_WATCHES: i32 = 17;
pub(crate) const REMOVE_WATCHES: i32 = 18;
pub(crate) const CREATE_CONTAINER: i32 = 19;
pub(crate) const DELETE_CONTAINER: i32 = 20;
pub(crate) const CREATE_TTL: i32 = 21;
pub(crate) const MULTI_READ: i32 = 22;
pub(crate) const AUTH: i32 = 100;
pub(crate) const SET_WATCHES: i32 = 101;
pub(crate) const SASL: i32 = 102;
pub(crate) const GET_EPHEMERALS: i32 = 103;
pub(crate) const GET_ALL_CHILDREN_NUMBER: i32 = 104;
pub(crate) const SET_WATCHES_2: i32 = 105;
pub(crate) const ADD_WATCH: i32 = 106;
pub(crate) const WHO_AM_I: i32 = 107;
pub(crate) const CREATE_SESSION: i32 = -10;
pub(crate) const CLOSE_SESSION: i32 = -11;

const NAMES: [(&str, i32); 31] = [
    ("create", CREATE),
    ("delete", DELETE),
    ("exists", EXISTS),
    ("getData", GET_DATA),
    ("setData", SET_DATA),
    ("getACL", GET_ACL),
    ("setACL", SET_ACL),
    ("getChildren", GET_CHILDREN),
    ("sync", SYNC),
    ("ping", PING),
    ("getChildren2", GET_CHILDREN_2),
    ("check", CHECK),
    ("multi", MULTI),
    ("create2", CREATE_2),
    ("reconfig", RECONFIG),
    ("checkWatches", CHECK_WATCHES),
    ("removeWatches", REMOVE_WATCHES),
    ("createContainer", CREATE_CONTAINER),
    ("deleteContainer", DELETE_CONTAINER),
    ("createTTL", CREATE_TTL),
    ("multiRead", MULTI_READ),
    ("auth", AUTH),
    ("setWatches", SET_WATCHES),
    ("sasl", SASL),
    ("getEphemerals", GET_EPHEMERALS),
    ("getAllChildrenNumber", GET_ALL_CHILDREN_NUMBER),
    ("setWatches2", SET_WATCHES_2),
    ("addWatch", ADD_WATCH),
    ("whoAmI", WHO_AM_I),
    ("createSession", CREATE_SESSION),
    ("closeSession", CLOSE_SESSION),
];

/// The name of an operation, or its number when it has none.
pub(crate) fn name(code: i32) -> String {
    match NAMES.iter().find(|(_, it)| *it == code) {
        Some((name, _)) => (*name).to_owned(),
        None => code.to_string(),
    }
}

/// The number of an operation.
pub(crate) fn code(name: &str) -> Result<i32> {
    match NAMES.iter().find(|(it, _)| *it == name) {
        Some((_, code)) => Ok(*code),
        None => name.parse().context("no operation has this name"),
    }
}

/// Whether clients may ask for it alone.
pub(crate) fn is_known(code: i32) -> bool {
    code != CHECK && NAMES.iter().any(|(_, it)| *it == code)
}

/// Whether it changes what all servers share.
pub(crate) fn is_write(code: i32) -> bool {
    matches!(
        code,
        CREATE
            | CREATE_2
            | CREATE_CONTAINER
            | CREATE_TTL
            | DELETE
            | SET_DATA
            | SET_ACL
            | MULTI
            | RECONFIG
            | CLOSE_SESSION
            | CREATE_SESSION
            | DELETE_CONTAINER
    )
}
