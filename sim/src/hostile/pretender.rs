//! Somebody who greets as a server of the ensemble, and goes on as none would.
//!
//! It claims no more than a server can find out to be wrong, or may take for true without harm:
//! whoever answers for records that it does not have is no stranger but a traitor, and there is no
//! protocol against those. Nor does it claim to be a member before there are any: those who found an
//! ensemble wait for members.

use crate::decide::Dice;
use crate::net::Port;

/// Above any epoch.
const EPOCH_NONE: u64 = 0x7fff_ffff;
const FOLLOWER_INFO: u64 = 0;
/// Messages by number and their fields, none of which may follow a greeting or FOLLOWERINFO.
const MISPLACED: [&[u64]; 15] = [
    &[1, 1],
    // A base above all that it has.
    &[2, 1, 0x1_0000_0005, 0x2_0000_0000, 0x2_0000_0000, 0, 0],
    &[3],
    &[4, 0x1_0000_0001],
    &[6, 0x1_0000_0001, 5, 5, 0],
    &[8, 0, 0, 0],
    &[8, 1, 0x1_0000_0005, 0x2_0000_0000, 0x2_0000_0000],
    &[10, 0x1_0000_0001],
    &[11, 0x1_0000_0001],
    &[12, 1, 0],
    &[13, 0],
    &[14],
    &[15, 1, 0],
    &[16, 1],
    &[17, 1],
];

/// Says a greeting in the name of another server than `to`, and something that is out of place.
pub(super) fn speech(
    dice: &mut Dice,
    port: Port,
    (to, servers): (usize, usize),
    is_founded: bool,
) -> Vec<u8> {
    // Fresh, or a member.
    let standing = u64::from(is_founded);
    let who = (to + 1 + dice.index(servers.max(2) - 1)) % servers.max(2) + 1;
    let mut bytes = Vec::new();
    push_frame(&mut bytes, &greeting(port, who, to + 1));
    match dice.below(5) {
        0 => push_message(&mut bytes, dice.pick(&MISPLACED)),
        1 => {
            push_message(&mut bytes, &[FOLLOWER_INFO, dice.below(4), standing]);
            push_message(&mut bytes, dice.pick(&MISPLACED));
        }
        2 => push_message(&mut bytes, &[FOLLOWER_INFO, EPOCH_NONE, standing]),
        // A later epoch than the leader's: such a server has to be won back.
        3 => push_message(&mut bytes, &[FOLLOWER_INFO, dice.range(1, 60), standing]),
        _ => {
            push_message(&mut bytes, &[FOLLOWER_INFO, 0, standing]);
            push_message(&mut bytes, &[FOLLOWER_INFO, 0, standing]);
        }
    }
    bytes
}

fn greeting(port: Port, who: usize, to: usize) -> Vec<u8> {
    let id = |server: usize| u64::try_from(server).expect("few servers").to_be_bytes();
    let mut payload = vec![1];
    payload.extend_from_slice(b"VIVP");
    payload.extend_from_slice(&[0, 1, if port == Port::Election { 1 } else { 2 }, 0]);
    payload.extend_from_slice(&id(who));
    payload.extend_from_slice(&[0; 8]);
    payload.extend_from_slice(&id(to));
    payload
}

fn push_message(bytes: &mut Vec<u8>, numbers: &[u64]) {
    let mut payload = vec![2];
    for number in numbers {
        let mut left = *number;
        loop {
            let group = u8::try_from(left & 0x7f).expect("seven bits");
            left >>= 7;
            payload.push(if left == 0 { group } else { group | 0x80 });
            if left == 0 {
                break;
            }
        }
    }
    push_frame(bytes, &payload);
}

fn push_frame(bytes: &mut Vec<u8>, payload: &[u8]) {
    let from = bytes.len();
    let length = u32::try_from(payload.len()).expect("a short frame");
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(payload);
    let check = crc32fast::hash(&bytes[from..]);
    bytes.extend_from_slice(&check.to_be_bytes());
}
