use super::*;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use zab_core::LinkId;
use zk_types::Zxid;
use znode_tree::TreeConfig;

const CHECKED: ReconfigRules = ReconfigRules::Checked { voters_min: 2 };

fn super_user() -> Vec<Identity> {
    vec![Identity {
        scheme: "super".into(),
        id: String::new(),
    }]
}

fn members() -> Vec<(ServerId, String)> {
    (1..=3)
        .map(|id| {
            (
                ServerId(id),
                ["h", &id.to_string(), ":1:2:participant;0.0.0.0:3"].concat(),
            )
        })
        .collect()
}

fn learner(id: u64, state: LearnerState) -> LearnerSummary {
    LearnerSummary {
        server: ServerId(id),
        link: LinkId(id),
        state,
        sent: Zxid::ZERO,
        acked: Zxid::ZERO,
        counted: true,
    }
}

fn joining(joining: &str) -> Reconfig<'_> {
    Reconfig {
        joining: Some(joining.into()),
        leaving: None,
        members: None,
        config_version: -1,
    }
}

fn leaving(leaving: &str) -> Reconfig<'_> {
    Reconfig {
        joining: None,
        leaving: Some(leaving.into()),
        members: None,
        config_version: -1,
    }
}

fn replacing(members: &str) -> Reconfig<'_> {
    Reconfig {
        joining: None,
        leaving: None,
        members: Some(members.into()),
        config_version: -1,
    }
}

struct Question<'q> {
    rules: ReconfigRules,
    members: Vec<(ServerId, String)>,
    learners: Vec<LearnerSummary>,
    identities: Vec<Identity>,
    session_check: Result<(), ErrorCode>,
    request: Reconfig<'q>,
}

impl<'q> Question<'q> {
    /// A request of the super user to an ensemble in which everybody is in sync.
    fn of(request: Reconfig<'q>) -> Self {
        Question {
            rules: CHECKED,
            members: members(),
            learners: vec![
                learner(2, LearnerState::Synced),
                learner(3, LearnerState::Synced),
            ],
            identities: super_user(),
            session_check: Ok(()),
            request,
        }
    }

    fn refusal(&self) -> ErrorCode {
        let ensemble = Ensemble {
            members: &self.members,
            me: ServerId(1),
            learners: &self.learners,
        };
        let asker = Asker {
            tree: &Tree::new(TreeConfig::new([1, 2])),
            pending: &Pending::new(),
            identities: &self.identities,
            session_check: self.session_check,
        };
        refusal(self.rules, &ensemble, &asker, &self.request)
    }
}

fn answer(request: Reconfig<'_>) -> ErrorCode {
    Question::of(request).refusal()
}

const RIGHT: &str = "server.999=0.0.0.0:1234:2345:observer;3456";

#[test]
fn a_request_without_a_fault_is_refused_because_members_do_not_change() {
    for request in [
        joining(RIGHT),
        joining("server.4=g:1:2;3, server.5=g:4:5;6"),
        leaving("3"),
        leaving("77"),
        replacing("server.1=h1:1:2;3,server.2=h2:1:2;3"),
        replacing("server.1=h1:1:2;3\nserver.2=h2:1:2:participant\n"),
    ] {
        assert_eq!(
            answer(request.clone()),
            ErrorCode::Unimplemented,
            "{request:?}"
        );
    }
}

#[test]
fn a_member_that_is_not_spelled_right_is_a_bad_argument() {
    for request in [
        joining("some thing"),
        joining("server.4=g:1:2"),
        joining("server.4=g:1:2;3=4"),
        joining("server.4=g:1;3"),
        joining("server.4=g:1:1;3"),
        joining("server.4=h1:9:2;3"),
        replacing("server.1"),
        replacing("server.x=h1:1:2;3"),
        replacing("group.1=1:2"),
        replacing("server.1=h1:1:2;3,server.2=h1:1:5;3"),
        replacing(""),
    ] {
        assert_eq!(
            answer(request.clone()),
            ErrorCode::BadArguments,
            "{request:?}"
        );
    }
}

#[test]
fn a_number_that_is_none_is_a_marshalling_error() {
    assert_eq!(answer(leaving("two")), ErrorCode::MarshallingError);
    assert_eq!(
        answer(joining("server.x=g:1:2;3")),
        ErrorCode::MarshallingError
    );
}

#[test]
fn too_few_voters_are_a_bad_argument() {
    assert_eq!(answer(leaving("2,3")), ErrorCode::BadArguments);
    let mut alone = Question::of(leaving("2,3"));
    alone.rules = ReconfigRules::Checked { voters_min: 1 };
    assert_eq!(alone.refusal(), ErrorCode::Unimplemented);
    alone.request = leaving("1,2,3");
    assert_eq!(alone.refusal(), ErrorCode::BadArguments);
}

#[test]
fn a_new_quorum_has_to_be_in_sync() {
    let mut question = Question::of(joining("server.4=g:1:2;3,server.5=g:4:5;6"));
    question.learners.pop();
    assert_eq!(question.refusal(), ErrorCode::NewConfigNoQuorum);
    question.learners.push(learner(3, LearnerState::Transfer));
    assert_eq!(question.refusal(), ErrorCode::NewConfigNoQuorum);
    question.learners.push(learner(4, LearnerState::Synced));
    assert_eq!(question.refusal(), ErrorCode::Unimplemented);
    let strangers = "server.4=g:1:2;3,server.5=g:4:5;6";
    assert_eq!(answer(replacing(strangers)), ErrorCode::NewConfigNoQuorum);
}

#[test]
fn the_first_fault_is_named() {
    let mut question = Question::of(joining("some thing"));
    question.identities.clear();
    question.session_check = Err(ErrorCode::SessionExpired);
    question.members.clear();
    question.request.config_version = 7;
    question.rules = ReconfigRules::Disabled;
    assert_eq!(question.refusal(), ErrorCode::ReconfigDisabled);
    question.rules = CHECKED;
    assert_eq!(question.refusal(), ErrorCode::SessionExpired);
    question.session_check = Ok(());
    assert_eq!(question.refusal(), ErrorCode::Unimplemented);
    question.members = members();
    assert_eq!(question.refusal(), ErrorCode::BadVersion);
    question.request.config_version = 0;
    assert_eq!(question.refusal(), ErrorCode::BadArguments);
    question.request = joining("server.4=g:1:2;3,server.5=g:4:5;6,server.6=g:7:8;9");
    question.learners.clear();
    assert_eq!(question.refusal(), ErrorCode::NewConfigNoQuorum);
    question.request = joining(RIGHT);
    question.learners = vec![learner(2, LearnerState::Synced)];
    assert_eq!(question.refusal(), ErrorCode::NoAuth);
    question.identities = super_user();
    assert_eq!(question.refusal(), ErrorCode::Unimplemented);
}

#[test]
fn whoever_may_not_even_read_the_members_learns_nothing_else() {
    let mut tree = Tree::new(TreeConfig::new([1, 2]));
    let acl = zk_types::Acl {
        perms: Perms::ALL,
        scheme: "digest".into(),
        id: "u:h".into(),
    };
    let header = zk_types::TxnHeader {
        session: zk_types::SessionId(1),
        cxid: 1,
        zxid: Zxid(1),
        time: zk_types::WallTime(0),
    };
    let txn = zk_types::Txn::SetAcl {
        path: CONFIG_PATH.into(),
        acl: vec![acl],
        version: 0,
    };
    tree.apply(&header, &txn, &mut |_| {});
    let ensemble = Ensemble {
        members: &members(),
        me: ServerId(1),
        learners: &[],
    };
    let asker = Asker {
        tree: &tree,
        pending: &Pending::new(),
        identities: &[],
        session_check: Ok(()),
    };
    let mut request = joining("some thing");
    request.config_version = 7;
    let code = refusal(CHECKED, &ensemble, &asker, &request);
    assert_eq!(code, ErrorCode::NoAuth);
}
