//! Who may be counted: disks that were wiped must not vote as if they remembered.
//!
//! A disk without a memory may be a new one or a wiped one, and nothing on it tells which. So the
//! rule is about company. An ensemble is *founded* by servers that are all [`Standing::Fresh`], and by
//! all voters together: with less, wiped disks and one that never joined could found a second one
//! while the rest is away. A leader that starts as a fresh one counts fresh ones only. Once it is
//! established every server of it durably becomes a [`Standing::Member`], the leader before it
//! serves and a follower before it acknowledges a transaction; from then on leaders are members and
//! count members only.
//!
//! A fresh server that meets one that is not fresh learns that an ensemble was founded. If its own
//! log is not empty it took part in the founding with this very disk, has forgotten nothing, and is
//! a member. (Otherwise a crash in the middle of a founding could leave fewer members than a quorum
//! and nobody to join them.) If its log is empty it may have been wiped: it becomes
//! [`Standing::Amnesiac`], counts nowhere, and waits for a leader to readmit it.
//!
//! A [`Standing::Damaged`] server lost records and remembers its promise: old epochs are refused, so
//! it counts again with its next acknowledged `NEWLEADER`.
//!
//! Source: `zab.md` §17.

use zk_types::{Standing, mutant};

/// Whether votes and promises of a server with standing `theirs` count for one with `mine`.
pub(crate) fn counts_among(mine: Standing, theirs: Standing) -> bool {
    let honest = match theirs {
        Standing::Fresh => mine == Standing::Fresh,
        Standing::Member => mine != Standing::Fresh,
        Standing::Damaged | Standing::Amnesiac => false,
    };
    mutant!("forgetful-disks-counted", honest, true)
}

/// Whether a server may propose a leader, and be one.
pub(crate) fn may_propose(standing: Standing) -> bool {
    match standing {
        Standing::Fresh | Standing::Member => true,
        Standing::Damaged | Standing::Amnesiac => {
            mutant!("forgetful-disks-counted", false, true)
        }
    }
}

/// What a server becomes when it meets another, if it changes.
pub(crate) fn after_meeting(mine: Standing, theirs: Standing, log: Log) -> Option<Standing> {
    let founded = theirs != Standing::Fresh;
    match (mine, log) {
        (Standing::Fresh, Log::Empty) if founded => Some(Standing::Amnesiac),
        (Standing::Fresh, Log::Holds) if founded => Some(Standing::Member),
        (Standing::Fresh, Log::Empty | Log::Holds)
        | (Standing::Member | Standing::Damaged | Standing::Amnesiac, Log::Empty | Log::Holds) => {
            None
        }
    }
}

/// Whether a server's durable log has anything in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Log {
    Empty,
    Holds,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Standing; 4] = [
        Standing::Fresh,
        Standing::Member,
        Standing::Damaged,
        Standing::Amnesiac,
    ];

    #[test]
    fn the_fresh_count_among_the_fresh_and_members_everywhere_else() {
        for mine in ALL {
            for theirs in ALL {
                let expected = matches!(
                    (mine, theirs),
                    (Standing::Fresh, Standing::Fresh)
                        | (
                            Standing::Member | Standing::Damaged | Standing::Amnesiac,
                            Standing::Member
                        )
                );
                assert_eq!(counts_among(mine, theirs), expected, "{mine:?}, {theirs:?}");
            }
        }
    }

    #[test]
    fn only_a_fresh_server_changes_by_meeting_one_that_is_not() {
        for mine in ALL {
            for theirs in ALL {
                let changes = mine == Standing::Fresh && theirs != Standing::Fresh;
                assert_eq!(after_meeting(mine, theirs, Log::Empty).is_some(), changes);
                assert_eq!(after_meeting(mine, theirs, Log::Holds).is_some(), changes);
            }
        }
        let met = |log| after_meeting(Standing::Fresh, Standing::Member, log);
        assert_eq!(met(Log::Empty), Some(Standing::Amnesiac));
        assert_eq!(met(Log::Holds), Some(Standing::Member));
    }
}
