//! The table.

use super::{Class, KeyGroup, Origin};

const OFF: &[&str] = &["false", "no", ""];
const OFF_NUMBER: &[&str] = &["0", "-1"];
const JAVA: &str = "it tunes something that only the Java server has";
const APACHE_FILES: &str = "it is about the file formats of Apache, and this server has its own";
const NO_TLS: &str = "this server has no TLS yet, so what it protects travels in plain text";
const NO_KERBEROS: &str = "this server has no Kerberos; SASL users have passwords here";
const NO_ADMIN: &str = "this server has no admin HTTP port yet; use four-letter words";
const NO_METRICS: &str = "this server has no metrics port yet; use the four-letter word mntr";

/// Every known key.
pub const KEYS: &[KeyGroup] = &[
    KeyGroup {
        names: &[
            "dataDir",
            "dataLogDir",
            "clientPort",
            "clientPortAddress",
            "clientPortListenBacklog",
            "tickTime",
            "minSessionTimeout",
            "maxSessionTimeout",
            "maxClientCnxns",
            "initLimit",
            "syncLimit",
            "server.*",
            "electionAlg",
            "quorumListenOnAllIPs",
            "autopurge.snapRetainCount",
            "autopurge.purgeInterval",
            "dynamicConfigFile",
            "reconfigEnabled",
            "localSessionsEnabled",
            "localSessionsUpgradingEnabled",
        ],
        origin: Origin::File,
        class: Class::Works,
    },
    KeyGroup {
        names: &[
            "maxCnxns",
            "snapCount",
            "snapSizeLimitInKb",
            "preAllocSize",
            "globalOutstandingLimit",
            "extendedTypesEnabled",
            "enforceQuota",
            "skipACL",
            "4lw.commands.whitelist",
            "DigestAuthenticationProvider.superDigest",
            "DigestAuthenticationProvider.enabled",
            "DigestAuthenticationProvider.digestAlg",
            "authProvider.*",
            "superUser",
            "superUser.*",
            "SASLAuthenticationProvider.superPassword",
            "allowSaslFailedClients",
            "letAnySaslUserDoX",
            "kerberos.removeHostFromPrincipal",
            "kerberos.removeRealmFromPrincipal",
            "sasl.serverconfig",
            "sasl.usersFile",
            "sessionRequireClientSASLAuth",
            "enforce.auth.enabled",
            "enforce.auth.schemes",
            "ensembleAuthName",
            "nio.sessionlessCnxnTimeout",
            "request_throttle_max_requests",
            "request_stale_latency_check",
            "throttled_op_wait_time",
            "largeRequestThreshold",
            "largeRequestMaxBytes",
            "connection_throttle_tokens",
            "connection_throttle_fill_time",
            "connection_throttle_fill_count",
            "connection_throttle_freeze_time",
            "connection_throttle_drop_increase",
            "connection_throttle_drop_decrease",
            "connection_throttle_decrease_ratio",
            "connection_throttle_weight_enabled",
            "connection_throttle_global_session_weight",
            "connection_throttle_local_session_weight",
            "connection_throttle_renew_session_weight",
            "datadir.autocreate",
        ],
        origin: Origin::Property,
        class: Class::Works,
    },
    KeyGroup {
        names: &[
            "jute.maxbuffer",
            "readonlymode.enabled",
            "java.security.auth.login.config",
            "znode.container.checkIntervalMs",
            "znode.container.maxPerMinute",
            "znode.container.maxNeverUsedIntervalMs",
        ],
        origin: Origin::BareProperty,
        class: Class::Works,
    },
    KeyGroup {
        names: &["standaloneEnabled"],
        origin: Origin::File,
        class: Class::Missing {
            instead: "one server alone always runs as a standalone server",
            off: &["true"],
        },
    },
    KeyGroup {
        names: &["peerType"],
        origin: Origin::File,
        class: Class::NoEffect("the role in this server's own server.N line decides"),
    },
    KeyGroup {
        names: &["group.*", "weight.*"],
        origin: Origin::File,
        class: Class::Missing {
            instead: "every server has one vote and a majority of all is a quorum",
            off: &[],
        },
    },
    KeyGroup {
        names: &["secureClientPort", "secureClientPortAddress"],
        origin: Origin::File,
        class: Class::Missing {
            instead: NO_TLS,
            off: OFF,
        },
    },
    KeyGroup {
        names: &["portUnification", "sslQuorum", "sslQuorumReloadCertFiles"],
        origin: Origin::File,
        class: Class::Missing {
            instead: NO_TLS,
            off: OFF,
        },
    },
    KeyGroup {
        names: &["client.portUnification", "client.certReload", "ssl.*"],
        origin: Origin::Property,
        class: Class::Missing {
            instead: NO_TLS,
            off: OFF,
        },
    },
    KeyGroup {
        names: &[
            "ssl.context.supplier.class",
            "ssl.quorum.context.supplier.class",
        ],
        origin: Origin::Property,
        class: Class::Refused("it names a Java class, which this server cannot load"),
    },
    KeyGroup {
        names: &["ssl.sslProvider"],
        origin: Origin::Property,
        class: Class::NoEffect(JAVA),
    },
    KeyGroup {
        names: &["ssl.authProvider"],
        origin: Origin::Property,
        class: Class::OneOf {
            instead: NO_TLS,
            off: &["x509"],
            known: &[],
        },
    },
    KeyGroup {
        names: &[
            "quorum.auth.enableSasl",
            "quorum.auth.learnerRequireSasl",
            "quorum.auth.serverRequireSasl",
            "quorum.auth.*",
        ],
        origin: Origin::File,
        class: Class::Missing {
            instead: "servers do not authenticate each other: whoever reaches the quorum ports may join, so \
                      keep them off public networks",
            off: OFF,
        },
    },
    KeyGroup {
        names: &["quorum.cnxn.threads.size"],
        origin: Origin::File,
        class: Class::NoEffect(JAVA),
    },
    KeyGroup {
        names: &["observerMasterPort"],
        origin: Origin::File,
        class: Class::Missing {
            instead: "there are no observers yet",
            off: OFF_NUMBER,
        },
    },
    KeyGroup {
        names: &["observer.syncEnabled", "syncEnabled"],
        origin: Origin::Property,
        class: Class::Missing {
            instead: "there are no observers yet",
            off: &["true"],
        },
    },
    KeyGroup {
        names: &[
            "observer.reconnectDelayMs",
            "observer.election.DelayMs",
            "observerMaster.sizeLimit",
            "leader.maxConcurrentSnapSyncs",
            "leader.maxConcurrentDiffSyncs",
        ],
        origin: Origin::Property,
        class: Class::NoEffect("it is about observers, and there are none yet"),
    },
    KeyGroup {
        names: &["oraclePath"],
        origin: Origin::File,
        class: Class::Missing {
            instead: "two servers serve only while both are up; an oracle that errs could lose \
                      acknowledged writes",
            off: &[""],
        },
    },
    KeyGroup {
        names: &["multiAddress.*"],
        origin: Origin::Property,
        class: Class::Missing {
            instead: "a server has one address for its peers",
            off: &["false", "1000", "true"],
        },
    },
    KeyGroup {
        names: &["connectToLearnerMasterLimit", "jvm.pause.*"],
        origin: Origin::File,
        class: Class::NoEffect(JAVA),
    },
    KeyGroup {
        names: &["metricsProvider.className"],
        origin: Origin::File,
        class: Class::OneOf {
            instead: NO_METRICS,
            off: &[
                "org.apache.zookeeper.metrics.impl.defaultmetricsprovider",
                "org.apache.zookeeper.metrics.impl.nullmetricsprovider",
            ],
            known: &["org.apache.zookeeper.metrics.prometheus.prometheusmetricsprovider"],
        },
    },
    KeyGroup {
        names: &["metricsProvider.*"],
        origin: Origin::File,
        class: Class::Missing {
            instead: NO_METRICS,
            off: &[],
        },
    },
    KeyGroup {
        names: &["forceSync"],
        origin: Origin::Property,
        class: Class::NoEffect("what is acknowledged is always on disk first, which is cheap here"),
    },
    KeyGroup {
        names: &[
            "commitLogCount",
            "snapshotSizeFactor",
            "txnLogSizeLimitInKb",
            "flushDelay",
            "maxWriteQueuePollTime",
            "maxBatchSize",
        ],
        origin: Origin::Property,
        class: Class::NoEffect("this server finds the right measure by itself"),
    },
    KeyGroup {
        names: &[
            "snapshot.trust.empty",
            "snapshot.compression.method",
            "emulate353TTLNodes",
            "serializeLastProcessedZxid.enabled",
            "closeSessionTxn.enabled",
            "db.autocreate",
        ],
        origin: Origin::Property,
        class: Class::NoEffect(APACHE_FILES),
    },
    KeyGroup {
        names: &["digest.enabled"],
        origin: Origin::Property,
        class: Class::NoEffect("the digest of the tree is always kept, at no cost"),
    },
    KeyGroup {
        names: &["fsync.warningthresholdms"],
        origin: Origin::Property,
        class: Class::NoEffect("slow disks are seen in the latencies of mntr"),
    },
    KeyGroup {
        names: &[
            "forceSnapshotSync",
            "test.allowDiscontinuousProposals",
            "testingonly.*",
        ],
        origin: Origin::Property,
        class: Class::Ignored,
    },
    KeyGroup {
        names: &["leaderServes"],
        origin: Origin::Property,
        class: Class::Missing {
            instead: "the leader serves clients too",
            off: &["yes"],
        },
    },
    KeyGroup {
        names: &[
            "leader.ackLoggingFrequency",
            "leader.closeSocketAsync",
            "learner.closeSocketAsync",
            "learner.asyncSending",
            "follower.skipLearnerRequestToNextProcessor",
            "forward_learner_requests_to_commit_processor_disabled",
            "commitProcessor.*",
            "maxResponseCacheSize",
            "maxGetChildrenResponseCacheSize",
            "serverCnxnFactory",
            "nio.*",
            "netty.*",
            "intBufferStartingSizeBytes",
            "watchManagerName",
            "watcherCleanThreadsNum",
            "watcherCleanThreshold",
            "watcherCleanIntervalInSeconds",
            "watcherClean*",
            "maxInProcessingDeadWatchers",
            "bitHashCacheSize",
            "pathStats.*",
            "messageTracker.*",
            "jmx.*",
            "request_throttler.shutdownTimeout",
            "kinit",
            "IPAuthenticationProvider.*",
        ],
        origin: Origin::Property,
        class: Class::NoEffect(JAVA),
    },
    KeyGroup {
        names: &[
            "learner.asyncSending.*",
            "follower.nodelay",
            "leader.nodelay",
        ],
        origin: Origin::BareProperty,
        class: Class::NoEffect("peers never delay what they send"),
    },
    KeyGroup {
        names: &[
            "leader.maxTimeToWaitForEpoch",
            "leaderConnectDelayDuringRetryMs",
            "fastleader.minNotificationInterval",
            "fastleader.maxNotificationInterval",
            "cnxTimeout",
            "quorumCnxnTimeoutMs",
            "electionPortBindRetry",
        ],
        origin: Origin::Property,
        class: Class::NoEffect("the timing of elections and dials is fixed here"),
    },
    KeyGroup {
        names: &["tcpKeepAlive", "clientTcpKeepAlive"],
        origin: Origin::Property,
        class: Class::NoEffect("dead connections are found by their own pings"),
    },
    KeyGroup {
        names: &["jute.maxbuffer.extrasize"],
        origin: Origin::BareProperty,
        class: Class::NoEffect("a frame that was taken can always be stored and read back"),
    },
    KeyGroup {
        names: &["enableEagerACLCheck"],
        origin: Origin::Property,
        class: Class::NoEffect("the leader checks, and a refusal costs no transaction here"),
    },
    KeyGroup {
        names: &["request_throttle_stall_time"],
        origin: Origin::Property,
        class: Class::NoEffect("what waits goes on as soon as there is room"),
    },
    KeyGroup {
        names: &[
            "request_throttle_drop_stale",
            "request_stale_connection_check",
        ],
        origin: Origin::Property,
        class: Class::NoEffect("what waits for a closed connection is always dropped"),
    },
    KeyGroup {
        names: &["X509AuthenticationProvider.*"],
        origin: Origin::Property,
        class: Class::Missing {
            instead: NO_TLS,
            off: OFF,
        },
    },
    KeyGroup {
        names: &["requireKerberosConfig", "security.auth_to_local"],
        origin: Origin::Property,
        class: Class::Missing {
            instead: NO_KERBEROS,
            off: &["false", "no", "", "default"],
        },
    },
    KeyGroup {
        names: &["kerberos.*"],
        origin: Origin::Property,
        class: Class::NoEffect(NO_KERBEROS),
    },
    KeyGroup {
        names: &["java.security.*"],
        origin: Origin::BareProperty,
        class: Class::NoEffect(NO_KERBEROS),
    },
    KeyGroup {
        names: &["jaasLoginRenew"],
        origin: Origin::File,
        class: Class::NoEffect(NO_KERBEROS),
    },
    KeyGroup {
        names: &["requireClientAuthScheme"],
        origin: Origin::File,
        class: Class::Missing {
            instead: "no server reads it, and clients are let in without authentication; set \
                      sessionRequireClientSASLAuth or enforce.auth.enabled",
            off: OFF,
        },
    },
    KeyGroup {
        names: &["sasl.*"],
        origin: Origin::Property,
        class: Class::NoEffect("it is about clients"),
    },
    KeyGroup {
        names: &["fips-mode"],
        origin: Origin::Property,
        class: Class::NoEffect("it chooses between Java's implementations of cryptography"),
    },
    KeyGroup {
        names: &["audit.enable"],
        origin: Origin::Property,
        class: Class::Missing {
            instead: "there is no audit log yet",
            off: OFF,
        },
    },
    KeyGroup {
        names: &["audit.impl.class"],
        origin: Origin::Property,
        class: Class::OneOf {
            instead: "there is no audit log yet",
            off: &["org.apache.zookeeper.audit.slf4jauditlogger"],
            known: &[],
        },
    },
    KeyGroup {
        names: &["admin.enableServer"],
        origin: Origin::Property,
        class: Class::Missing {
            instead: NO_ADMIN,
            off: OFF,
        },
    },
    KeyGroup {
        names: &["admin.*"],
        origin: Origin::Property,
        class: Class::NoEffect("it is about the admin HTTP port, and there is none yet"),
    },
    KeyGroup {
        names: &[
            "client.*",
            "clientCnxnSocket",
            "disableAutoWatchReset",
            "shuffleDnsResponse",
            "server.principal",
            "server.realm",
            "request.timeout",
        ],
        origin: Origin::Property,
        class: Class::NoEffect("it is about clients"),
    },
];
