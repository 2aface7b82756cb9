use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::string::ToString;
use std::vec::Vec;
use zab_core::{Message, Notification, PeerState, Vote};
use zk_types::{
    Bytes, Chain, Epoch, EpochSegments, Record, RecordBody, ServerId, SnapshotId, SnapshotMeta,
    Standing, Zxid,
};

const FRAME_BYTES_MAX: usize = 1 << 16;

fn decode(port: PortKind, wire: &[u8]) -> Result<Vec<Frame>, DecodeError> {
    let mut decoder = Decoder::new(port, FRAME_BYTES_MAX);
    decoder.push(wire);
    core::iter::from_fn(|| decoder.next().transpose()).collect()
}

fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..40).prop_map(Bytes::from)
}

fn zxid() -> impl Strategy<Value = Zxid> {
    any::<u64>().prop_map(Zxid)
}

fn epoch() -> impl Strategy<Value = Epoch> {
    any::<u32>().prop_map(Epoch)
}

fn standing() -> impl Strategy<Value = Standing> {
    prop_oneof![
        Just(Standing::Fresh),
        Just(Standing::Member),
        Just(Standing::Damaged),
        Just(Standing::Amnesiac)
    ]
}

fn segments() -> impl Strategy<Value = EpochSegments> {
    proptest::collection::btree_map(1_u32..1_000_000, any::<u32>(), 0..5).prop_map(|lasts| {
        let lasts = lasts
            .into_iter()
            .map(|(e, c)| Zxid::new(Epoch(e), c))
            .collect();
        EpochSegments::from_lasts(lasts).expect("a map's keys ascend")
    })
}

fn snapshot_id() -> impl Strategy<Value = SnapshotId> {
    (zxid(), any::<u64>(), any::<u64>()).prop_map(|(zxid, bytes, checksum)| SnapshotId {
        zxid,
        bytes,
        checksum,
    })
}

fn record() -> impl Strategy<Value = Record> {
    let body = prop_oneof![
        Just(RecordBody::Marker),
        bytes().prop_map(RecordBody::Txn),
        bytes().prop_map(RecordBody::Config)
    ];
    (zxid(), zxid(), body, any::<u64>()).prop_map(|(zxid, committed_upto, body, chain)| Record {
        zxid,
        committed_upto,
        body,
        chain: Chain(chain),
    })
}

fn vote() -> impl Strategy<Value = Vote> {
    (epoch(), zxid(), any::<u64>()).prop_map(|(epoch, zxid, leader)| Vote {
        epoch,
        zxid,
        leader: ServerId(leader),
    })
}

fn notification() -> impl Strategy<Value = Notification> {
    let state = prop_oneof![
        Just(PeerState::Looking),
        Just(PeerState::Following),
        Just(PeerState::Leading)
    ];
    (
        proptest::option::of(vote()),
        any::<u64>(),
        state,
        standing(),
    )
        .prop_map(|(vote, round, state, standing)| Notification {
            vote,
            round,
            state,
            standing,
        })
}

fn message() -> impl Strategy<Value = Message> {
    let discovery = prop_oneof![
        (epoch(), standing())
            .prop_map(|(accepted, standing)| Message::FollowerInfo { accepted, standing }),
        epoch().prop_map(|epoch| Message::LeaderInfo { epoch }),
        (
            segments(),
            zxid(),
            zxid(),
            any::<bool>(),
            proptest::option::of((snapshot_id(), any::<u64>()))
        )
            .prop_map(
                |(segments, base, committed, counted, staged)| Message::AckEpoch {
                    segments,
                    base,
                    committed,
                    counted,
                    staged
                }
            ),
    ];
    let plans = prop_oneof![
        Just(Message::Diff),
        zxid().prop_map(|to| Message::Trunc { to }),
        (snapshot_id(), zxid(), any::<u64>(), segments()).prop_map(
            |(id, zxid, chain, segments)| {
                Message::Snap {
                    id,
                    meta: SnapshotMeta {
                        zxid,
                        chain: Chain(chain),
                        segments,
                    },
                }
            }
        ),
        (snapshot_id(), any::<u64>()).prop_map(|(id, offset)| Message::SnapWant { id, offset }),
        (snapshot_id(), any::<u64>(), bytes(), any::<u64>()).prop_map(
            |(id, offset, bytes, checksum)| {
                Message::SnapChunk {
                    id,
                    offset,
                    bytes,
                    checksum,
                }
            }
        ),
        (segments(), zxid(), zxid()).prop_map(|(segments, base, committed)| Message::SnapDone {
            segments,
            base,
            committed
        }),
    ];
    let broadcast = prop_oneof![
        record().prop_map(|record| Message::Proposal { record }),
        zxid().prop_map(|zxid| Message::Ack { zxid }),
        zxid().prop_map(|zxid| Message::Commit { zxid }),
        (epoch(), zxid()).prop_map(|(epoch, target)| Message::NewLeader { epoch, target }),
        zxid().prop_map(|committed| Message::UpToDate { committed }),
        Just(Message::Readmitted),
        (any::<u64>(), zxid()).prop_map(|(round, committed)| Message::Ping { round, committed }),
        any::<u64>().prop_map(|round| Message::Pong { round }),
    ];
    let rest = prop_oneof![
        any::<u64>().prop_map(|serial| Message::Sync { serial }),
        any::<u64>().prop_map(|serial| Message::SyncDone { serial }),
        bytes().prop_map(|bytes| Message::App { bytes }),
    ];
    prop_oneof![discovery, plans, broadcast, rest]
}

proptest! {
    #[test]
    fn every_message_comes_back_however_the_bytes_are_cut(
        messages in vec(message(), 1..5),
        cut in 1_usize..40,
    ) {
        let mut wire = Vec::new();
        messages.iter().for_each(|message| encode_message(message, &mut wire));
        let mut decoder = Decoder::new(PortKind::Quorum, FRAME_BYTES_MAX);
        let mut decoded = Vec::new();
        for part in wire.chunks(cut) {
            decoder.push(part);
            while let Some(frame) = decoder.next().unwrap() {
                decoded.push(frame);
            }
        }
        let expected: Vec<Frame> = messages.into_iter().map(Frame::Message).collect();
        prop_assert_eq!(decoded, expected);
    }

    #[test]
    fn every_notification_comes_back(notification in notification()) {
        let mut wire = Vec::new();
        encode_notification(&notification, &mut wire);
        prop_assert_eq!(
            decode(PortKind::Election, &wire),
            Ok(std::vec![Frame::Notification(notification)])
        );
    }

    #[test]
    fn every_hello_comes_back(
        sender in any::<u64>(),
        storage in any::<u64>(),
        recipient in any::<u64>(),
        quorum in any::<bool>(),
    ) {
        let port = if quorum { PortKind::Quorum } else { PortKind::Election };
        let (sender, recipient) = (ServerId(sender), ServerId(recipient));
        let hello = Hello { sender, storage, recipient, port };
        let mut wire = Vec::new();
        encode_hello(&hello, &mut wire);
        prop_assert_eq!(decode(port, &wire), Ok(std::vec![Frame::Hello(hello)]));
    }

    #[test]
    fn any_bytes_decode_or_fail(wire in vec(any::<u8>(), 0..200)) {
        let _ = decode(PortKind::Quorum, &wire);
        let _ = decode(PortKind::Election, &wire);
    }

    #[test]
    fn any_payload_in_a_sound_frame_decodes_or_fails(
        kind in 0_u8..5,
        body in vec(any::<u8>(), 0..100),
    ) {
        let wire = frame_of(kind, &body);
        let _ = decode(PortKind::Quorum, &wire);
        let _ = decode(PortKind::Election, &wire);
    }

    #[test]
    fn a_flipped_bit_is_noticed(message in message(), at in any::<prop::sample::Index>()) {
        let mut wire = Vec::new();
        encode_message(&message, &mut wire);
        let bit = at.index(wire.len() * 8);
        wire[bit / 8] ^= 1 << (bit % 8);
        match decode(PortKind::Quorum, &wire) {
            Err(_) => {}
            Ok(frames) => prop_assert!(frames.is_empty(), "a longer frame is waited for"),
        }
    }
}

fn frame_of(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 1).unwrap();
    let mut wire = length.to_be_bytes().to_vec();
    wire.push(kind);
    wire.extend_from_slice(body);
    let checksum = crc32fast::hash(&wire);
    wire.extend_from_slice(&checksum.to_be_bytes());
    wire
}

#[test]
fn a_length_beyond_the_bound_is_refused_before_its_bytes_come() {
    let wire = (u32::try_from(FRAME_BYTES_MAX).unwrap() + 1).to_be_bytes();
    assert_eq!(
        decode(PortKind::Quorum, &wire),
        Err(DecodeError::Length {
            claimed: 65_537,
            max: 65_536
        })
    );
    assert_eq!(
        decode(PortKind::Quorum, &[0; 4]),
        Err(DecodeError::Length {
            claimed: 0,
            max: 65_536
        })
    );
}

#[test]
fn a_port_carries_its_own_kind_only() {
    let mut wire = Vec::new();
    encode_message(&Message::Diff, &mut wire);
    assert_eq!(decode(PortKind::Election, &wire), Err(DecodeError::Kind(2)));
    let hello = Hello {
        sender: ServerId(1),
        storage: 2,
        recipient: ServerId(2),
        port: PortKind::Election,
    };
    let mut wire = Vec::new();
    encode_hello(&hello, &mut wire);
    assert_eq!(decode(PortKind::Quorum, &wire), Err(DecodeError::Port(1)));
}

#[test]
fn a_failed_decoder_stays_failed() {
    let mut decoder = Decoder::new(PortKind::Quorum, FRAME_BYTES_MAX);
    decoder.push(&frame_of(9, b"?"));
    assert_eq!(decoder.next(), Err(DecodeError::Kind(9)));
    let mut wire = Vec::new();
    encode_message(&Message::Diff, &mut wire);
    decoder.push(&wire);
    assert_eq!(decoder.next(), Err(DecodeError::Kind(9)));
}

#[test]
fn a_later_versions_hello_is_read_as_far_as_it_is_known() {
    let hello = Hello {
        sender: ServerId(3),
        storage: 9,
        recipient: ServerId(2),
        port: PortKind::Quorum,
    };
    let mut wire = Vec::new();
    encode_hello(&hello, &mut wire);
    let mut body = wire[5..wire.len() - 4].to_vec();
    body[5] = 7;
    body.extend_from_slice(b"more");
    assert_eq!(
        decode(PortKind::Quorum, &frame_of(1, &body)),
        Ok(std::vec![Frame::Hello(hello)])
    );
    body[4..6].copy_from_slice(&[0, 0]);
    assert_eq!(
        decode(PortKind::Quorum, &frame_of(1, &body)),
        Err(DecodeError::Version(0))
    );
}

#[test]
fn bytes_behind_a_message_are_refused() {
    let wire = frame_of(2, &[3, 0]);
    let error = decode(PortKind::Quorum, &wire).unwrap_err();
    assert_eq!(
        error,
        DecodeError::Trailing {
            kind: "message",
            bytes: 1
        }
    );
    assert_eq!(error.to_string(), "1 bytes after a message");
}

/// The bytes of `docs/formats/peer-wire.md`.
#[test]
fn the_documented_examples_are_what_is_written() {
    let mut wire = Vec::new();
    encode_message(
        &Message::Commit {
            zxid: Zxid::new(Epoch(1), 2),
        },
        &mut wire,
    );
    assert_eq!(wire[..4], [0, 0, 0, 7]);
    assert_eq!(wire[4..11], [2, 11, 0x82, 0x80, 0x80, 0x80, 0x10]);
    let mut wire = Vec::new();
    let hello = Hello {
        sender: ServerId(2),
        storage: 0x0102,
        recipient: ServerId(3),
        port: PortKind::Quorum,
    };
    encode_hello(&hello, &mut wire);
    let expected =
        b"\0\0\0\x21\x01VIVP\0\x01\x02\0\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0\x03";
    assert_eq!(wire[..wire.len() - 4], expected[..]);
}
