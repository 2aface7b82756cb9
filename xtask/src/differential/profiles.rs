//! How servers are set up.

use super::warden::WARDEN_DIGEST;

/// Settings of both servers, and what scripts may count on.
#[derive(Clone, Copy)]
pub(super) struct Profile {
    pub(super) name: &'static str,
    lines: &'static str,
    /// Whether scripts may be the super user.
    pub(super) knows_super: bool,
    pub(super) enforces_quota: bool,
    /// Whether sessions may be silent until they expire, and what is the shortest timeout: long
    /// where a script must not be overtaken by it on a busy machine.
    pub(super) expires: bool,
    timeout_min_ms: u32,
    /// Whether members can be changed by who is allowed to.
    reconfigures: bool,
    /// Whether sessions begin without a transaction, which only ensembles know.
    pub(super) local_sessions: bool,
}

const PLAIN: Profile = Profile {
    name: "default",
    lines: "4lw.commands.whitelist=srvr\n",
    knows_super: false,
    enforces_quota: false,
    expires: false,
    timeout_min_ms: 15_000,
    reconfigures: false,
    local_sessions: false,
};

pub(super) const PROFILES: [Profile; 9] = [
    PLAIN,
    Profile {
        name: "extended",
        lines: "extendedTypesEnabled=true\n4lw.commands.whitelist=srvr\n",
        ..PLAIN
    },
    Profile {
        name: "quota",
        lines: "enforceQuota=true\n4lw.commands.whitelist=srvr\n",
        enforces_quota: true,
        ..PLAIN
    },
    Profile {
        name: "super",
        knows_super: true,
        ..PLAIN
    },
    Profile {
        name: "words",
        lines: "4lw.commands.whitelist=*\n",
        ..PLAIN
    },
    Profile {
        name: "skip-acl",
        lines: "skipACL=yes\n4lw.commands.whitelist=srvr\n",
        ..PLAIN
    },
    Profile {
        name: "expiry",
        expires: true,
        timeout_min_ms: 500,
        ..PLAIN
    },
    Profile {
        name: "reconfig",
        lines: "reconfigEnabled=true\n4lw.commands.whitelist=srvr\n",
        reconfigures: true,
        ..PLAIN
    },
    Profile {
        name: "local-sessions",
        lines: "localSessionsEnabled=true\nlocalSessionsUpgradingEnabled=true\n\
                4lw.commands.whitelist=srvr\n",
        local_sessions: true,
        ..PLAIN
    },
];

impl Profile {
    /// Whether scripts may be played on so many servers. Apache's leader judges by the usage that it
    /// has applied, while the server that answered the last write is ahead of it. Where members can
    /// be changed, its first configuration has a version of chance. When a silent session is found
    /// to be over, and who has heard of that, differs from run to run where there are followers.
    pub(super) fn is_for(&self, servers: usize) -> bool {
        if servers == 1 {
            !self.local_sessions
        } else {
            !self.enforces_quota && !self.reconfigures && !self.expires
        }
    }

    pub(super) fn named(name: &str) -> Option<Profile> {
        PROFILES.into_iter().find(|profile| profile.name == name)
    }

    /// Lines for both servers' `zoo.cfg`.
    pub(super) fn lines(&self) -> String {
        format!(
            "maxClientCnxns=0\nDigestAuthenticationProvider.superDigest={WARDEN_DIGEST}\n\
             minSessionTimeout={}\n{}",
            self.timeout_min_ms, self.lines
        )
    }
}
