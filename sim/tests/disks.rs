//! Disks that fail, rot and lie, one at a time, in small worlds driven by hand.

use client_core::{ClientRequest, Create, CreateMode, CreateReply, Response};
use sim::{Harm, LieKind, Report, Sizes, Stage, Trouble};
use zk_types::{Acl, Perms};

const NODE: &str = "/acknowledged";

fn create() -> ClientRequest {
    ClientRequest::Create(Create {
        path: NODE.to_owned(),
        data: Some(b"x".to_vec()),
        acl: vec![Acl::world(Perms::ALL)],
        mode: CreateMode::Persistent,
        reply: CreateReply::Path,
    })
}

/// A world with some history, an acknowledged node, and some more history.
fn begun(seed: u64, snapshot_txns: u32) -> Stage {
    begun_with(
        seed,
        Sizes {
            snapshot_txns,
            ..Sizes::default()
        },
    )
}

fn begun_with(seed: u64, sizes: Sizes) -> Stage {
    let mut stage = Stage::new(seed, sizes);
    stage.work_ms(2_000);
    stage.ask(0, create()).expect("all is well");
    stage.work_ms(2_000);
    stage
}

/// Everybody serves again, the node is there, and no rule was broken.
fn ended(mut stage: Stage) -> Report {
    stage.settle();
    let exists = ClientRequest::Exists {
        path: NODE.to_owned(),
        watch: None,
    };
    let answer = (0..20).find_map(|_| stage.ask(1, exists.clone()).ok());
    assert!(
        matches!(answer, Some(Response::Exists(Some(_)))),
        "{answer:?}"
    );
    stage.finish()
}

fn times(report: &Report, what: &str) -> u64 {
    report.faults.get(what).copied().unwrap_or_default()
}

fn trouble(trouble: Trouble, length: u64) -> Harm {
    Harm::Trouble { trouble, length }
}

#[test]
fn what_a_failed_sync_gave_up_is_not_acknowledged_from_the_cache() {
    for seed in 1..4 {
        let mut stage = begun(seed, 10_000);
        let follower = stage.follower();
        assert!(stage.harm(follower, trouble(Trouble::SyncError, 60_000_000), false));
        stage.work_ms(4_000);
        stage.cut_power(follower);
        stage.work_ms(500);
        stage.start(follower);
        let report = ended(stage);
        assert_eq!(times(&report, "failed sync"), 1);
    }
}

#[test]
fn a_server_stops_when_an_operation_fails_and_comes_back() {
    let kinds = [
        (Trouble::WriteError, "write error"),
        (Trouble::ShortWrite, "short write"),
        (Trouble::NoDescriptor, "out of descriptors"),
        (Trouble::ReadOnly, "read-only disk"),
        (Trouble::LogGone, "log disk gone"),
    ];
    for (kind, name) in kinds {
        let mut stage = begun(5, 10_000);
        let leader = stage.leader();
        assert!(stage.harm(leader, trouble(kind, 2_000_000), false));
        stage.work_ms(4_000);
        let report = ended(stage);
        assert!(times(&report, name) > 0, "{name}");
    }
}

#[test]
fn a_lost_disk_of_snapshots_stops_a_server_until_it_is_back() {
    let mut stage = begun(6, 20);
    let leader = stage.leader();
    assert!(stage.harm(leader, trouble(Trouble::SnapshotsGone, 2_000_000), false));
    stage.work_ms(4_000);
    let report = ended(stage);
    assert!(times(&report, "snapshot disk gone") > 0);
    assert!(times(&report, "refused to start") > 0);
}

#[test]
fn snapshots_wait_for_space_and_nobody_stops() {
    let sizes = Sizes {
        snapshot_txns: 20,
        segment_bytes: Some(1 << 20),
        ..Sizes::default()
    };
    let mut stage = begun_with(7, sizes);
    let leader = stage.leader();
    let deaths = stage.noted("dies");
    assert!(stage.harm(leader, trouble(Trouble::Full, 1_500_000), false));
    stage.work_ms(1_000);
    assert_eq!(stage.noted("dies"), deaths);
    stage.work_ms(3_000);
    let report = ended(stage);
    assert!(times(&report, "disk full at a write") > 0);
    assert!(times(&report, "waited for space") > 0);
}

#[test]
fn space_that_is_missing_at_a_sync_stops_a_server() {
    let mut stage = begun(8, 20);
    let leader = stage.leader();
    assert!(stage.harm(leader, trouble(Trouble::FullAtSync, 2_000_000), false));
    stage.work_ms(4_000);
    let report = ended(stage);
    assert!(times(&report, "disk full at a sync") > 0);
}

#[test]
fn a_sync_of_a_snapshot_may_end_long_after_later_ones_of_the_log() {
    let mut stage = begun(9, 20);
    for server in 0..3 {
        let harm = Harm::StallLane {
            background: true,
            length: 1_500_000,
        };
        assert!(stage.harm(server, harm, false));
    }
    stage.work_ms(4_000);
    ended(stage);
}

#[test]
fn rot_in_one_copy_of_a_small_file_costs_nothing() {
    for file in ["promise", "manifest", "identity"] {
        for copy in 0..2 {
            let mut stage = begun(10, 10_000);
            let follower = stage.follower();
            let file = file.to_owned();
            assert!(stage.harm(follower, Harm::RotCopy { file, copy }, true));
            stage.work_ms(1_000);
            ended(stage);
        }
    }
}

#[test]
fn a_server_without_a_manifest_is_brought_up_again() {
    let mut stage = begun(11, 10_000);
    let follower = stage.follower();
    let file = "manifest".to_owned();
    assert!(stage.harm(follower, Harm::LoseCopies { file }, true));
    stage.work_ms(2_000);
    ended(stage);
}

#[test]
fn a_server_that_cannot_tell_whose_its_data_is_refuses_to_start() {
    let mut stage = begun(12, 10_000);
    let follower = stage.follower();
    let file = "identity".to_owned();
    assert!(stage.harm(follower, Harm::LoseCopies { file }, true));
    stage.work_ms(3_000);
    let report = ended(stage);
    assert_eq!(times(&report, "refused to start"), 1);
    assert_eq!(times(&report, "disk replaced"), 1);
}

#[test]
fn sectors_that_went_astray_are_noticed() {
    let mut stage = begun(13, 10_000);
    let follower = stage.follower();
    let (file, offset) = stage.old_sector(follower);
    assert!(stage.harm(follower, Harm::Misdirect { file, offset }, true));
    stage.work_ms(2_000);
    let report = ended(stage);
    assert_eq!(times(&report, "misdirected write"), 1);

    let mut stage = begun(14, 10_000);
    let follower = stage.follower();
    let (file, offset) = stage.old_sector(follower);
    let key = 3;
    assert!(stage.harm(follower, Harm::Misread { file, offset, key }, true));
    stage.work_ms(2_000);
    let report = ended(stage);
    assert_eq!(times(&report, "misdirected read"), 1);
}

#[test]
fn a_server_that_cannot_read_its_log_stops_until_it_has_another_disk() {
    let mut stage = begun(15, 10_000);
    let follower = stage.follower();
    let (file, offset) = stage.old_sector(follower);
    assert!(stage.harm(follower, Harm::Unreadable { file, offset }, true));
    stage.work_ms(3_000);
    let report = ended(stage);
    assert!(times(&report, "unreadable sector") > 0);
    assert_eq!(times(&report, "disk replaced"), 1);
}

#[test]
fn a_snapshot_that_is_cut_off_is_replaced_by_an_older_one_or_by_the_leaders() {
    for permille in [0, 500, 999] {
        let mut stage = begun(16, 20);
        let follower = stage.follower();
        assert!(stage.harm(follower, Harm::CutSnapshot { permille }, true));
        stage.work_ms(2_000);
        ended(stage);
    }
}

#[test]
fn a_segment_that_is_gone_is_missed() {
    let is_missed = |seed| {
        let mut stage = begun(seed, 10_000);
        stage.work_ms(4_000);
        let follower = stage.follower();
        if !stage.harm(follower, Harm::LoseSegment, true) {
            return false;
        }
        stage.work_ms(2_000);
        ended(stage);
        true
    };
    assert!((17..30).any(is_missed));
}

#[test]
fn stray_files_mean_nothing() {
    for key in 0..4 {
        let mut stage = begun(18, 40);
        let follower = stage.follower();
        assert!(stage.harm(follower, Harm::Litter { key }, true));
        stage.work_ms(1_000);
        ended(stage);
    }
}

#[test]
fn a_disk_that_lied_about_what_others_hold_does_no_harm() {
    let kinds = [
        (LieKind::PhantomWrite, "phantom write"),
        (LieKind::LyingSync, "lying sync"),
        (LieKind::StaleImage, "stale image"),
    ];
    for (kind, name) in kinds {
        let is_told = |seed| {
            let mut stage = begun(seed, 10_000);
            let follower = stage.follower();
            let key = seed;
            assert!(stage.harm(follower, Harm::Lie { kind, key }, false));
            stage.work_ms(100);
            stage.pass_ms(1_000);
            stage.cut_power(follower);
            stage.start(follower);
            stage.work_ms(1_000);
            times(&ended(stage), name) > 0
        };
        assert!((19..25).any(is_told), "{name}");
    }
}

#[test]
fn a_restored_backup_is_brought_up_to_date() {
    let mut stage = begun(26, 10_000);
    let follower = stage.follower();
    let kind = LieKind::OldBackup;
    assert!(stage.harm(follower, Harm::Lie { kind, key: 0 }, false));
    stage.work_ms(1_000);
    stage.pass_ms(1_000);
    assert!(stage.harm(follower, Harm::Restore, true));
    stage.work_ms(2_000);
    let report = ended(stage);
    assert_eq!(times(&report, "old backup"), 1);
}

#[test]
fn servers_with_each_others_disks_refuse_to_start() {
    let mut stage = begun(27, 10_000);
    let (one, with) = (stage.leader(), stage.follower());
    let length = 3_000_000;
    assert!(stage.harm(one, Harm::Swap { with, length }, true));
    stage.work_ms(6_000);
    let report = ended(stage);
    assert!(times(&report, "refused to start") >= 2);
    assert_eq!(times(&report, "disk replaced"), 0);
}
