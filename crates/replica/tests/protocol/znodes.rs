//! What a node shows of itself. Source: `client-protocol.md` §6.

use crate::support::*;
use zk_proto::Response;

#[test]
fn a_created_node_is_read_back_with_its_stat() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let created = server.ask(&mut client, &create("/a", b"v1", 0));
    assert_eq!(created[0].response(), Response::Path(Some("/a".into())));
    let read = server.ask(&mut client, &get("/a", false));
    let Response::Data { data, stat } = read[0].response() else {
        panic!("data")
    };
    assert_eq!(data.as_deref(), Some(&b"v1"[..]));
    assert_eq!(
        (stat.version, stat.data_length, stat.num_children),
        (0, 2, 0)
    );
    assert_eq!(stat.czxid, stat.mzxid);
}
