//! Statements of §1.1, §1.3 and §12.1.

use crate::{FourLetterWord, FrameDecoder, FrameError, Incoming};
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

#[derive(Debug, PartialEq)]
enum Unit {
    Word(FourLetterWord),
    Frame(Vec<u8>),
}

/// Pushes the pieces one after the other and collects what comes out.
fn decode(decoder: &mut FrameDecoder, pieces: &[&[u8]]) -> Result<Vec<Unit>, FrameError> {
    let mut units = Vec::new();
    for piece in pieces {
        let mut bytes = *piece;
        while let Some(unit) = decoder.next(&mut bytes)? {
            units.push(match unit {
                Incoming::Word(word) => Unit::Word(word),
                Incoming::Frame(frame) => Unit::Frame(frame.to_vec()),
            });
        }
        assert!(bytes.is_empty(), "everything was taken");
    }
    Ok(units)
}

#[test]
fn a_whole_frame_is_lent_from_the_bytes_at_hand() {
    let wire = [0, 0, 0, 2, 7, 8, 0, 0, 0, 1, 9];
    let mut decoder = FrameDecoder::for_requests(10);
    let mut bytes = &wire[..];
    let Ok(Some(Incoming::Frame(frame))) = decoder.next(&mut bytes) else {
        panic!("a frame")
    };
    assert_eq!(frame.as_ptr(), wire[4..].as_ptr());
    assert_eq!(bytes, &wire[6..]);
    assert_eq!(decoder.held(), 0);
}

#[test]
fn a_frame_of_the_limit_is_accepted_and_one_byte_more_is_not() {
    let limit = 3;
    let accepted = decode(
        &mut FrameDecoder::for_requests(limit),
        &[&[0, 0, 0, 3, 1, 2, 3]],
    );
    assert_eq!(accepted, Ok(vec![Unit::Frame(vec![1, 2, 3])]));
    let refused = decode(&mut FrameDecoder::for_requests(limit), &[&[0, 0, 0, 4]]);
    assert_eq!(refused, Err(FrameError::Length { length: 4, limit }));
}

#[test]
fn a_negative_length_is_refused() {
    let refused = decode(
        &mut FrameDecoder::for_requests(9),
        &[&[0xff, 0xff], &[0xff, 0xfe]],
    );
    assert_eq!(
        refused,
        Err(FrameError::Length {
            length: -2,
            limit: 9
        })
    );
}

#[test]
fn looking_ahead_shows_the_frames_that_will_be_taken_from_the_bytes_at_hand() {
    let frames: [&[u8]; 4] = [b"first", b"", b"third", b"fourth and last"];
    let mut stream = Vec::new();
    for frame in frames {
        stream.extend_from_slice(&u32::try_from(frame.len()).unwrap().to_be_bytes());
        stream.extend_from_slice(frame);
    }
    let starts = [0, 9, 13, 22];
    for cut in 0..=stream.len() {
        let (mut before, after) = stream.split_at(cut);
        let mut decoder = FrameDecoder::for_replies(100);
        while decoder.next(&mut before).unwrap().is_some() {}
        let within_a_length = (1..4).contains(&decoder.held());
        let ahead: Vec<&[u8]> = decoder.look_ahead(after).collect();
        let whole = starts
            .iter()
            .zip(frames)
            .filter(|(start, _)| **start >= cut);
        let whole: Vec<&[u8]> = whole.map(|(_, frame)| frame).collect();
        assert_eq!(ahead, if within_a_length { vec![] } else { whole }, "{cut}");
        let some = decoder.look_ahead(&after[..after.len().saturating_sub(1)]);
        assert!(some.count() < frames.len());
    }
}

#[test]
fn an_empty_frame_is_a_frame() {
    let units = decode(
        &mut FrameDecoder::for_replies(9),
        &[&[0, 0, 0, 0, 0, 0, 0, 0]],
    );
    assert_eq!(units, Ok(vec![Unit::Frame(vec![]), Unit::Frame(vec![])]));
}

#[test]
fn a_word_is_recognised_however_it_is_cut_and_the_rest_is_ignored() {
    for pieces in [
        &[&b"ruok"[..]][..],
        &[b"ruok\r\n"],
        &[b"r", b"uo", b"k\n", b"more"],
    ] {
        let units = decode(&mut FrameDecoder::for_requests(9), pieces);
        assert_eq!(units, Ok(vec![Unit::Word(FourLetterWord::Ruok)]));
    }
}

#[test]
fn a_word_after_the_first_frame_is_a_length() {
    let refused = decode(
        &mut FrameDecoder::for_requests(9),
        &[&[0, 0, 0, 1, 5], b"ruok"],
    );
    assert_eq!(
        refused,
        Err(FrameError::Length {
            length: i32::from_be_bytes(*b"ruok"),
            limit: 9
        })
    );
}

#[test]
fn a_word_of_another_case_is_a_length() {
    assert!(decode(&mut FrameDecoder::for_requests(0xfffff), &[b"RUOK"]).is_err());
    assert!(decode(&mut FrameDecoder::for_requests(0xfffff), &[b"lead"]).is_err());
}

#[test]
fn a_server_is_never_taken_to_say_a_word() {
    assert!(decode(&mut FrameDecoder::for_replies(0xfffff), &[b"ruok"]).is_err());
}

#[test]
fn the_trace_mask_is_read_after_its_word() {
    let pieces: [&[u8]; 3] = [b"stmk", &[0, 0, 0, 0], &[0, 0, 1, 50]];
    let mut decoder = FrameDecoder::for_requests(9);
    assert_eq!(decode(&mut decoder, &pieces[..2]), Ok(vec![]));
    let units = decode(&mut decoder, &pieces[2..]);
    assert_eq!(
        units,
        Ok(vec![Unit::Word(FourLetterWord::Stmk { mask: 306 })])
    );
}

#[test]
fn the_telnet_escape_is_a_word_that_does_nothing() {
    let units = decode(
        &mut FrameDecoder::for_requests(9),
        &[&[0xff, 0xf4, 0xff, 0xfd]],
    );
    assert_eq!(units, Ok(vec![Unit::Word(FourLetterWord::TelnetEscape)]));
}

#[test]
fn a_claimed_length_allocates_nothing() {
    let mut decoder = FrameDecoder::for_requests(0xfffff);
    assert_eq!(
        decode(&mut decoder, &[&[0, 0xf, 0xff, 0xff, 1]]),
        Ok(vec![])
    );
    assert_eq!(decoder.held(), 5);
}

proptest! {
    #[test]
    fn frames_do_not_depend_on_where_the_bytes_are_cut(
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..6),
        cuts in prop::collection::vec(1_usize..9, 1..40),
    ) {
        let mut wire = Vec::new();
        for frame in &frames {
            wire.extend_from_slice(&u32::try_from(frame.len()).unwrap().to_be_bytes());
            wire.extend_from_slice(frame);
        }
        let mut pieces = Vec::new();
        let mut rest = &wire[..];
        for cut in cuts.into_iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, left) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = left;
        }
        let expected: Vec<Unit> = frames.into_iter().map(Unit::Frame).collect();
        prop_assert_eq!(decode(&mut FrameDecoder::for_requests(20), &pieces), Ok(expected));
    }

    #[test]
    fn any_bytes_are_cut_or_refused_without_panic(pieces: Vec<Vec<u8>>) {
        let mut decoder = FrameDecoder::for_requests(64);
        for piece in &pieces {
            let mut bytes = &piece[..];
            while let Ok(Some(_)) = decoder.next(&mut bytes) {}
        }
    }
}
