//! Valid inputs of every kind, to start from.

mod client;
mod keeper;
mod peer;

pub(crate) use client::{
    client_frames, client_stream, connect_request, connect_response, replies, requests,
    transactions, watcher_event,
};
pub(crate) use peer::{election_port, peer_stream, quorum_port};

/// Ten primitives and what they are read from.
pub(crate) fn jute_reader() -> Vec<Vec<u8>> {
    let mut bytes = vec![9, 0, 1, 2, 3, 4, 4, 5, 5, 6];
    let mut values = Vec::new();
    let mut writer = jute::Writer::new(&mut values);
    writer.int(-2);
    writer.long(1 << 40);
    writer.byte(7);
    writer.boolean(true);
    writer.buffer(Some(b"bytes"));
    writer.buffer(None);
    writer.ustring(Some("/é"));
    writer.ustring(None);
    writer.count(2);
    writer.ustring(Some("a"));
    writer.ustring(None);
    bytes.extend(values);
    vec![bytes]
}

/// Edits that hit the small files, the segments and the snapshots.
pub(crate) fn log_recovery() -> Vec<Vec<u8>> {
    let edit = |command: u8, file: u8, at: u16, argument: u8| {
        let [high, low] = at.to_be_bytes();
        vec![command, file, high, low, argument]
    };
    let mut seeds = vec![Vec::new()];
    for command in 0..7 {
        for file in 0..10 {
            seeds.push(edit(command, file, 70 + u16::from(file) * 300, 0x55));
        }
    }
    seeds
}

/// A whole file, to be read as it is and with its head summed again.
pub(crate) fn snapshot_file() -> Vec<Vec<u8>> {
    let files = crate::log::image().iter();
    files
        .filter(|(file, _)| file.directory == wal::Directory::Data)
        .flat_map(|(_, bytes)| [[&[2], &bytes[..]].concat(), [&[3], &bytes[..]].concat()])
        .collect()
}

/// Snapshots of a tree with nothing in it, and with something of everything.
pub(crate) fn tree_loader() -> Vec<Vec<u8>> {
    crate::tree::samples()
        .into_iter()
        .flat_map(|snapshot| {
            [
                [&[0], &snapshot[..]].concat(),
                [&[9], &snapshot[..]].concat(),
            ]
        })
        .collect()
}

/// Two clients that send every request there is, one of them damaged, and time that passes.
pub(crate) fn client_port() -> Vec<Vec<u8>> {
    let count = u8::try_from(client_stream().len()).expect("few requests");
    let mut all = vec![4, 0, 15, 255];
    let mut seeds = vec![Vec::new()];
    for request in 0..count {
        all.extend([4, request, 15, 255]);
        let bytes = &client_stream()[usize::from(request)];
        let length = u8::try_from(bytes.len().min(255)).expect("it was bounded");
        let mut own = vec![20, 0, 15, 255, 16, length];
        own.extend(&bytes[..usize::from(length)]);
        own.extend([15, 255]);
        seeds.push(own);
    }
    all.extend([27, 200]);
    seeds.push(all);
    seeds
}

/// Links of both ports on which every frame there is arrives, as it is and taken apart.
pub(crate) fn peer_ports() -> Vec<Vec<u8>> {
    let count = u8::try_from(peer_stream().len()).expect("few frames");
    let mut all = vec![0, 0, 16, 0, 8, 0, 24, 1];
    let mut seeds = vec![Vec::new()];
    for frame in 0..count {
        all.extend([8, frame, 15, 255, 24, frame, 13, 50]);
        let wire = &peer_stream()[usize::from(frame)];
        let payload = &wire[4..wire.len() - 4];
        for (accept, greeting) in [(0, 0), (16, 1)] {
            let length = u8::try_from(payload.len()).expect("short frames");
            let mut own = vec![accept, 0, 8, greeting, 15, 255, 5, length];
            own.extend(payload);
            own.extend([15, 255, 13, 100]);
            seeds.push(own);
        }
    }
    seeds.push(all);
    seeds
}

/// Scripts that lead somewhere, and some that may not.
pub(crate) fn tree_commands() -> Vec<Vec<u8>> {
    let mut seeds = commands();
    seeds.push(crate::tree::SAMPLE_SCRIPT.as_flattened().to_vec());
    seeds
}

/// An empty token, and an answer to the challenge with everything in its place but the response.
pub(crate) fn sasl_tokens() -> Vec<Vec<u8>> {
    let nonce = "A".repeat(40);
    let answer = format!(
        "charset=utf-8,username=\"bob\",realm=\"zk-sasl-md5\",nonce=\"{nonce}\",nc=00000001,\
         cnonce=\"c\",digest-uri=\"zookeeper/zk-sasl-md5\",maxbuf=65536,\
         response=00112233445566778899aabbccddeeff,qop=auth,authzid=\"bob\""
    );
    vec![vec![0], [&[0], answer.as_bytes()].concat()]
}

/// Scripts of several lengths; any bytes are one.
pub(crate) fn commands() -> Vec<Vec<u8>> {
    [6u16, 60, 300]
        .map(|length| {
            (0..length)
                .map(|at| (at.wrapping_mul(at + 7) % 251).to_be_bytes()[1])
                .collect()
        })
        .to_vec()
}
