//! The numbers of operations.

/// A number that names an operation on the wire or a record in a log.
///
/// Source: `client-protocol.md` §4; from 500 on, `docs/keeper-extensions.md`; 2260,
/// `docs/children-pages.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
pub enum OpCode {
    /// Begins a session; inside the ensemble only.
    CreateSession = -10,
    /// Ends the session that asks.
    CloseSession = -11,
    /// Marks a failed part of a multi; never a request.
    Error = -1,
    /// Marks a watch event; never a request.
    Notification = 0,
    /// Creates a node; the reply is its path.
    Create = 1,
    /// Deletes a node.
    Delete = 2,
    /// Asks whether a node exists.
    Exists = 3,
    /// Reads data.
    GetData = 4,
    /// Sets data.
    SetData = 5,
    /// Reads an access list.
    GetAcl = 6,
    /// Sets an access list.
    SetAcl = 7,
    /// Lists children.
    GetChildren = 8,
    /// Catches this server up with its leader.
    Sync = 9,
    /// Keeps the session alive.
    Ping = 11,
    /// Lists children and reports the parent's Stat.
    GetChildren2 = 12,
    /// Checks a version; inside a multi only.
    Check = 13,
    /// Several writes, all or nothing.
    Multi = 14,
    /// Creates a node; the reply is its path and Stat.
    Create2 = 15,
    /// Changes the ensemble's configuration.
    Reconfig = 16,
    /// Asks whether a watch exists.
    CheckWatches = 17,
    /// Removes a watch.
    RemoveWatches = 18,
    /// Creates a container.
    CreateContainer = 19,
    /// Deletes an empty container or an expired TTL node; inside the ensemble only.
    DeleteContainer = 20,
    /// Creates a TTL node.
    CreateTtl = 21,
    /// Several reads.
    MultiRead = 22,
    /// Proves an identity.
    Auth = 100,
    /// Re-arms watches after a reconnect.
    SetWatches = 101,
    /// One step of a SASL exchange.
    Sasl = 102,
    /// Lists the session's ephemeral nodes.
    GetEphemerals = 103,
    /// Counts all descendants.
    GetAllChildrenNumber = 104,
    /// Re-arms watches, persistent ones included.
    SetWatches2 = 105,
    /// Sets a persistent watch.
    AddWatch = 106,
    /// Lists the connection's identities.
    WhoAmI = 107,
    /// Lists persistent or ephemeral children; of ClickHouse Keeper, as are those that follow.
    FilteredList = 500,
    /// Checks that a node does not exist.
    CheckNotExists = 501,
    /// Creates a node; one that exists is no failure.
    CreateIfNotExists = 502,
    /// Deletes a node and everything below it.
    DeleteRecursive = 503,
    /// Checks a version and a Stat.
    CheckStat = 504,
    /// Deletes a node if that is possible.
    TryDelete = 505,
    /// Lists children with their Stats and their data.
    ListWithStatsAndData = 506,
    /// Lists the paths of all descendants.
    ListRecursive = 507,
    /// Lists children a page at a time; of this project alone.
    GetChildrenPage = 2260,
}

impl OpCode {
    /// Every opcode.
    pub const ALL: [OpCode; 42] = [
        OpCode::CreateSession,
        OpCode::CloseSession,
        OpCode::Error,
        OpCode::Notification,
        OpCode::Create,
        OpCode::Delete,
        OpCode::Exists,
        OpCode::GetData,
        OpCode::SetData,
        OpCode::GetAcl,
        OpCode::SetAcl,
        OpCode::GetChildren,
        OpCode::Sync,
        OpCode::Ping,
        OpCode::GetChildren2,
        OpCode::Check,
        OpCode::Multi,
        OpCode::Create2,
        OpCode::Reconfig,
        OpCode::CheckWatches,
        OpCode::RemoveWatches,
        OpCode::CreateContainer,
        OpCode::DeleteContainer,
        OpCode::CreateTtl,
        OpCode::MultiRead,
        OpCode::Auth,
        OpCode::SetWatches,
        OpCode::Sasl,
        OpCode::GetEphemerals,
        OpCode::GetAllChildrenNumber,
        OpCode::SetWatches2,
        OpCode::AddWatch,
        OpCode::WhoAmI,
        OpCode::FilteredList,
        OpCode::CheckNotExists,
        OpCode::CreateIfNotExists,
        OpCode::DeleteRecursive,
        OpCode::CheckStat,
        OpCode::TryDelete,
        OpCode::ListWithStatsAndData,
        OpCode::ListRecursive,
        OpCode::GetChildrenPage,
    ];

    /// The number on the wire.
    pub fn code(self) -> i32 {
        self as i32
    }

    /// The opcode of a number, if it has one.
    pub fn from_code(code: i32) -> Option<OpCode> {
        Some(match code {
            -11 => OpCode::CloseSession,
            -10 => OpCode::CreateSession,
            -1 => OpCode::Error,
            0 => OpCode::Notification,
            1 => OpCode::Create,
            2 => OpCode::Delete,
            3 => OpCode::Exists,
            4 => OpCode::GetData,
            5 => OpCode::SetData,
            6 => OpCode::GetAcl,
            7 => OpCode::SetAcl,
            8 => OpCode::GetChildren,
            9 => OpCode::Sync,
            11 => OpCode::Ping,
            12 => OpCode::GetChildren2,
            13 => OpCode::Check,
            14 => OpCode::Multi,
            15 => OpCode::Create2,
            16 => OpCode::Reconfig,
            17 => OpCode::CheckWatches,
            18 => OpCode::RemoveWatches,
            19 => OpCode::CreateContainer,
            20 => OpCode::DeleteContainer,
            21 => OpCode::CreateTtl,
            22 => OpCode::MultiRead,
            100 => OpCode::Auth,
            101 => OpCode::SetWatches,
            102 => OpCode::Sasl,
            103 => OpCode::GetEphemerals,
            104 => OpCode::GetAllChildrenNumber,
            105 => OpCode::SetWatches2,
            106 => OpCode::AddWatch,
            107 => OpCode::WhoAmI,
            500 => OpCode::FilteredList,
            501 => OpCode::CheckNotExists,
            502 => OpCode::CreateIfNotExists,
            503 => OpCode::DeleteRecursive,
            504 => OpCode::CheckStat,
            505 => OpCode::TryDelete,
            506 => OpCode::ListWithStatsAndData,
            507 => OpCode::ListRecursive,
            2260 => OpCode::GetChildrenPage,
            _ => return None,
        })
    }
}
