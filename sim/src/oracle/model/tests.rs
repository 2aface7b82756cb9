use super::*;

fn create(path: &str, flags: i32) -> Request {
    Request::Create {
        path: path.into(),
        data: None,
        flags,
        with_stat: false,
        ttl_ms: -1,
    }
}

fn perform(model: &mut Model, session: i64, zxid: u64, request: &Request) -> Answer {
    let (change, answer) = model.expect(session, zxid, 0, request);
    model.apply(session, zxid, 0, &change).unwrap();
    answer
}

fn with_session() -> Model {
    let mut model = Model::new();
    model
        .apply(7, 1, 0, &Change::CreateSession { timeout_ms: 9 })
        .unwrap();
    model
}

#[test]
fn a_fresh_root_looks_as_documented() {
    let stat = Model::new().node("/").unwrap().stat();
    assert_eq!((stat.cversion, stat.children), (-1, 1));
}

#[test]
fn sequential_names_count_every_creation_and_no_deletion() {
    let mut model = with_session();
    perform(&mut model, 7, 2, &create("/a", 0));
    perform(&mut model, 7, 3, &create("/a/plain", 0));
    perform(
        &mut model,
        7,
        4,
        &Request::Delete {
            path: "/a/plain".into(),
            version: -1,
        },
    );
    let answer = perform(&mut model, 7, 5, &create("/a/s-", 2));
    let path = "/a/s-0000000001".into();
    assert_eq!(answer, Answer::Created { path, stat: None });
}

#[test]
fn a_failed_multi_leaves_nothing_and_says_which_part_failed() {
    let mut model = with_session();
    let multi = Request::Multi(vec![create("/a", 0), create("/a", 0), create("/b", 0)]);
    let answer = perform(&mut model, 7, 2, &multi);
    assert_eq!(answer, Answer::Multi(vec![Err(0), Err(-110), Err(-2)]));
    assert!(model.node("/a").is_none());
}

#[test]
fn the_end_of_a_session_must_take_exactly_its_ephemerals() {
    let mut model = with_session();
    perform(&mut model, 7, 2, &create("/e", 1));
    let wrong = Change::CloseSession { paths: Vec::new() };
    assert!(model.clone().apply(7, 3, 0, &wrong).is_err());
    let right = Change::CloseSession {
        paths: vec!["/e".into()],
    };
    model.apply(7, 3, 0, &right).unwrap();
    assert_eq!(model.changes_of("/e"), [2, 3]);
    assert!(model.node("/e").is_none());
}

#[test]
fn an_access_list_is_looked_at_where_the_documentation_says() {
    let mut model = with_session();
    perform(&mut model, 7, 2, &create("/a", 0));
    let close = Request::SetAcl {
        path: "/a".into(),
        perms: 1 | 16,
        version: -1,
    };
    perform(&mut model, 7, 3, &close);
    assert_eq!(model.node("/a").unwrap().aversion, 1);
    let denied = Answer::Error(code::NO_AUTH);
    assert_eq!(perform(&mut model, 7, 4, &create("/a/b", 0)), denied);
    let delete = |path: &str| Request::Delete {
        path: path.into(),
        version: -1,
    };
    // Before the node is looked for.
    assert_eq!(perform(&mut model, 7, 5, &delete("/a/none")), denied);
    assert_eq!(perform(&mut model, 7, 6, &delete("/a")), Answer::Void);
}

#[test]
fn nothing_goes_by_itself_before_its_time() {
    let mut model = with_session();
    perform(&mut model, 7, 2, &create("/plain", 0));
    perform(&mut model, 7, 3, &create("/container", 4));
    let reap = |path: &str| Change::Reap { path: path.into() };
    for path in ["/plain", "/container"] {
        assert!(model.apply(0, 4, 0, &reap(path)).is_err(), "{path}");
    }
    perform(&mut model, 7, 5, &create("/container/c", 0));
    assert!(model.apply(0, 6, 0, &reap("/container")).is_err());
    let delete = Request::Delete {
        path: "/container/c".into(),
        version: -1,
    };
    perform(&mut model, 7, 7, &delete);
    assert!(model.apply(0, 8, 0, &reap("/container")).is_ok());
}
