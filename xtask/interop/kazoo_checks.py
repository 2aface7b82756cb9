"""What a Python program sees: kazoo against a running ensemble.

Prints one line per check, `ok`, `FAILED` or `skipped`, and leaves counting to its caller.

usage: kazoo_checks.py HOST:PORT[=PID],...

With process ids, the last check kills the server that holds its session.
"""

import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections import namedtuple

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import (
    BadArgumentsError,
    BadVersionError,
    InvalidACLError,
    NoAuthError,
    NoChildrenForEphemeralsError,
    NoNodeError,
    NodeExistsError,
    NotEmptyError,
    RolledBackError,
    RuntimeInconsistency,
)
from kazoo.protocol.serialization import int_struct, long_struct, write_buffer, write_string
from kazoo.recipe.watchers import ChildrenWatch, DataWatch
from kazoo.security import OPEN_ACL_UNSAFE, make_acl, make_digest_acl

PATIENCE = 15
# Servers look for emptied containers once a minute unless they are told otherwise.
REAPED_WITHIN = 75
CHECKS = []


def check(sentence):
    def register(function):
        CHECKS.append((sentence, function))
        return function

    return register


class Skip(Exception):
    """The check does not apply here, for the reason given."""


class Ensemble:
    def __init__(self, text):
        self.servers = {}
        for part in text.split(","):
            address, _, pid = part.partition("=")
            self.servers[address] = int(pid) if pid else None
        self.hosts = ",".join(self.servers)
        self.clients = []
        self.emptied_container = None

    def client(self, timeout=10.0, hosts=None, **options):
        client = KazooClient(hosts=hosts or self.hosts, timeout=timeout, **options)
        client.start(timeout=PATIENCE)
        self.clients.append(client)
        return client

    def close(self):
        for client in self.clients:
            try:
                client.stop()
                client.close()
            except Exception:
                pass
        self.clients = []


def wait_for(what, condition, patience=PATIENCE):
    """Waits until the condition holds; fails, saying what was waited for, after a while."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "waited for " + what
        time.sleep(0.01)


def raises(kind, function, *arguments, **named):
    try:
        result = function(*arguments, **named)
    except kind:
        return
    raise AssertionError(f"{function.__name__} returned {result!r}, not {kind.__name__}")


class Typed(namedtuple("Typed", "type path data acl flags ttl")):
    """A create that kazoo has no call for: of a container, or with a time to live."""

    def serialize(self):
        out = bytearray(write_string(self.path) + write_buffer(self.data))
        out.extend(int_struct.pack(len(self.acl)))
        for acl in self.acl:
            out.extend(int_struct.pack(acl.perms))
            out.extend(write_string(acl.id.scheme) + write_string(acl.id.id))
        out.extend(int_struct.pack(self.flags))
        if self.ttl is not None:
            out.extend(long_struct.pack(self.ttl))
        return out

    @classmethod
    def deserialize(cls, data, offset):
        length = int_struct.unpack_from(data, offset)[0]
        return data[offset + 4 : offset + 4 + length].decode()


def create_typed(zk, kind, path, flags, ttl=None):
    result = zk.handler.async_result()
    zk._call(Typed(kind, path, b"", OPEN_ACL_UNSAFE, flags, ttl), result)
    return result.get(timeout=PATIENCE)


class Events:
    """Watch events, in the order they came."""

    def __init__(self):
        self.seen = []

    def __call__(self, event):
        self.seen.append((event.type, event.path))

    def expect(self, *events):
        wait_for(f"{events}, seen {self.seen}", lambda: len(self.seen) >= len(events))
        assert self.seen == list(events), self.seen


@check("connects, and the server states its version")
def _(ensemble, root):
    zk = ensemble.client()
    assert zk.connected
    session, password = zk.client_id
    assert session != 0 and len(password) == 16
    assert zk.server_version() >= (3, 4, 0)
    assert zk.command(b"ruok") == "imok"
    assert "Mode:" in zk.command(b"srvr")


@check("creates persistent znodes with data, and refuses a second one")
def _(ensemble, root):
    zk = ensemble.client()
    assert zk.create(root + "/a", b"data") == root + "/a"
    data, stat = zk.get(root + "/a")
    assert data == b"data"
    assert (stat.version, stat.cversion, stat.aversion) == (0, 0, 0)
    assert stat.dataLength == 4 and stat.numChildren == 0 and stat.ephemeralOwner == 0
    assert stat.czxid == stat.mzxid == stat.pzxid > 0
    assert abs(stat.ctime / 1000 - time.time()) < 3600
    raises(NodeExistsError, zk.create, root + "/a", b"")
    raises(NoNodeError, zk.create, root + "/missing/b", b"")
    path, stat = zk.create(root + "/with-stat", b"xyz", include_data=True)
    assert path == root + "/with-stat" and stat.dataLength == 3


@check("gives sequence numbers that grow, ten digits wide")
def _(ensemble, root):
    zk = ensemble.client()
    names = [zk.create(root + "/s-", b"", sequence=True) for _ in range(12)]
    assert names[0] == root + "/s-0000000000", names[0]
    assert names == [f"{root}/s-{n:010d}" for n in range(12)]
    zk.delete(names[11])
    assert zk.create(root + "/s-", b"", sequence=True) == root + "/s-0000000012"
    assert zk.create(root + "/t-", b"", sequence=True, ephemeral=True) == root + "/t-0000000013"


@check("an ephemeral znode has an owner and no children")
def _(ensemble, root):
    zk = ensemble.client()
    zk.create(root + "/e", b"", ephemeral=True)
    assert zk.exists(root + "/e").ephemeralOwner == zk.client_id[0]
    raises(NoChildrenForEphemeralsError, zk.create, root + "/e/child", b"")


@check("an ephemeral znode vanishes with its session's close, on every server")
def _(ensemble, root):
    owner = ensemble.client()
    owner.create(root + "/e", b"", ephemeral=True)
    others = [ensemble.client(hosts=host) for host in ensemble.servers]
    for other in others:
        other.sync(root)
        assert other.exists(root + "/e")
    owner.stop()
    for other in others:
        other.sync(root)
        assert other.exists(root + "/e") is None


@check("an ephemeral znode vanishes when its session expires")
def _(ensemble, root):
    other = ensemble.client()
    host, _, port = next(iter(ensemble.servers)).rpartition(":")
    wire = socket.create_connection((host, int(port)), timeout=PATIENCE)
    connect = int_struct.pack(0) + long_struct.pack(0) + int_struct.pack(1)
    connect += long_struct.pack(0) + write_buffer(bytes(16)) + b"\0"
    wire.sendall(int_struct.pack(len(connect)) + connect)
    answer = wire.recv(4096)
    timeout = int_struct.unpack_from(answer, 8)[0] / 1000
    create = int_struct.pack(1) + int_struct.pack(1) + write_string(root + "/e")
    create += write_buffer(b"") + int_struct.pack(1) + int_struct.pack(31)
    create += write_string("world") + write_string("anyone") + int_struct.pack(1)
    wire.sendall(int_struct.pack(len(create)) + create)
    wait_for("the ephemeral", lambda: other.exists(root + "/e"))
    gone = Events()
    other.exists(root + "/e", watch=gone)
    started = time.monotonic()
    gone.expect(("DELETED", root + "/e"))
    waited = time.monotonic() - started
    assert timeout - 0.5 <= waited <= 3 * timeout + 2, f"{waited} s for a timeout of {timeout} s"
    wire.close()


@check("creates containers")
def _(ensemble, root):
    zk = ensemble.client()
    assert create_typed(zk, 19, root + "/c", 4) == root + "/c"
    assert zk.exists(root + "/c").ephemeralOwner == 0
    zk.create(root + "/c/child", b"")
    zk.delete(root + "/c/child")
    ensemble.emptied_container = root + "/c"


@check("creates znodes with a time to live")
def _(ensemble, root):
    zk = ensemble.client()
    try:
        assert create_typed(zk, 21, root + "/t", 5, 60_000) == root + "/t"
        assert create_typed(zk, 21, root + "/ts-", 6, 60_000).startswith(root + "/ts-000000")
    except Exception as error:
        if type(error).__name__ in ("UnimplementedError", "BadArgumentsError"):
            raise Skip("TTL znodes are off") from error
        raise
    raises(BadArgumentsError, create_typed, zk, 21, root + "/bad", 5, 0)


@check("sets data by version, and refuses a stale one")
def _(ensemble, root):
    zk = ensemble.client()
    zk.create(root + "/a", b"0")
    assert zk.set(root + "/a", b"1", version=0).version == 1
    raises(BadVersionError, zk.set, root + "/a", b"2", version=0)
    assert zk.set(root + "/a", b"22").version == 2
    data, stat = zk.get(root + "/a")
    assert data == b"22" and stat.dataLength == 2 and stat.mzxid > stat.czxid
    raises(NoNodeError, zk.set, root + "/none", b"")


@check("deletes by version, and refuses what has children")
def _(ensemble, root):
    zk = ensemble.client()
    zk.create(root + "/a", b"")
    zk.create(root + "/a/b", b"")
    raises(NotEmptyError, zk.delete, root + "/a")
    raises(BadVersionError, zk.delete, root + "/a/b", version=7)
    zk.delete(root + "/a/b", version=0)
    zk.delete(root + "/a")
    assert zk.exists(root + "/a") is None
    raises(NoNodeError, zk.delete, root + "/a")


@check("lists children, with the parent's stat")
def _(ensemble, root):
    zk = ensemble.client()
    for name in ("x", "y", "ü"):
        zk.create(f"{root}/{name}", b"")
    assert sorted(zk.get_children(root)) == ["x", "y", "ü"]
    children, stat = zk.get_children(root, include_data=True)
    assert len(children) == stat.numChildren == 3 and stat.cversion == 3
    raises(NoNodeError, zk.get_children, root + "/none")
    assert "zookeeper" in zk.get_children("/")


@check("holds large data, empty data and no data")
def _(ensemble, root):
    zk = ensemble.client()
    large = os.urandom(900_000)
    zk.create(root + "/large", large)
    assert zk.get(root + "/large")[0] == large
    zk.create(root + "/empty", b"")
    assert zk.get(root + "/empty")[0] == b""
    zk.create(root + "/many", b"")
    zk.transaction()
    for n in range(1000):
        zk.create_async(f"{root}/many/{n:04d}", b"x")
    wait_for("a thousand children", lambda: len(zk.get_children(root + "/many")) == 1000)


@check("a data watch fires once, for a change and for a deletion")
def _(ensemble, root):
    zk, writer = ensemble.client(), ensemble.client()
    zk.create(root + "/a", b"")
    seen = Events()
    zk.get(root + "/a", watch=seen)
    writer.set(root + "/a", b"1")
    seen.expect(("CHANGED", root + "/a"))
    writer.set(root + "/a", b"2")
    zk.sync(root)
    seen.expect(("CHANGED", root + "/a"))
    gone = Events()
    zk.get(root + "/a", watch=gone)
    writer.delete(root + "/a")
    gone.expect(("DELETED", root + "/a"))


@check("an exists watch fires for a creation")
def _(ensemble, root):
    zk, writer = ensemble.client(), ensemble.client()
    seen = Events()
    assert zk.exists(root + "/a", watch=seen) is None
    writer.create(root + "/a", b"")
    seen.expect(("CREATED", root + "/a"))


@check("a child watch fires for births and deaths, not for data")
def _(ensemble, root):
    zk, writer = ensemble.client(), ensemble.client()
    zk.create(root + "/a", b"")
    seen = Events()
    zk.get_children(root, watch=seen)
    writer.set(root + "/a", b"1")
    writer.create(root + "/b", b"")
    seen.expect(("CHILD", root))
    gone = Events()
    zk.get_children(root, watch=gone)
    writer.delete(root + "/a")
    gone.expect(("CHILD", root))


@check("an event comes before the reply that shows its change")
def _(ensemble, root):
    zk, writer = ensemble.client(), ensemble.client()
    zk.create(root + "/a", b"0")
    for n in range(50):
        order = []
        zk.get(root + "/a", watch=lambda event: order.append("event"))
        writer.set(root + "/a", b"%d" % (n + 1))
        while zk.get(root + "/a")[0] != b"%d" % (n + 1):
            pass
        wait_for("the event", lambda: order)


@check("kazoo's DataWatch and ChildrenWatch follow every state in the end")
def _(ensemble, root):
    zk, writer = ensemble.client(), ensemble.client()
    values, children = [], []
    DataWatch(zk, root + "/a", lambda data, stat: values.append(data))
    zk.ensure_path(root + "/c")
    ChildrenWatch(zk, root + "/c", lambda names: children.append(sorted(names)))
    writer.create(root + "/a", b"1")
    wait_for("the creation", lambda: b"1" in values)
    for n in range(20):
        writer.set(root + "/a", b"last" if n == 19 else b"%d" % n)
        writer.create(f"{root}/c/{n:02d}", b"")
    wait_for("the last value", lambda: values[-1] == b"last")
    wait_for("the last child", lambda: len(children[-1]) == 20)


@check("a multi does all of it")
def _(ensemble, root):
    zk = ensemble.client()
    zk.create(root + "/a", b"0")
    zk.create(root + "/gone", b"")
    multi = zk.transaction()
    multi.check(root + "/a", 0)
    multi.create(root + "/b", b"b")
    multi.create(root + "/b/c-", b"c", sequence=True, ephemeral=True)
    multi.set_data(root + "/a", b"1")
    multi.delete(root + "/gone")
    results = multi.commit()
    assert results[0] is True and results[1] == root + "/b", results
    assert results[2] == root + "/b/c-0000000000", results
    assert results[3].version == 1 and results[4] is True, results
    assert zk.get(root + "/a")[0] == b"1" and zk.exists(root + "/gone") is None
    assert zk.exists(root + "/b").czxid == zk.exists(root + "/a").mzxid


@check("a failed multi leaves nothing behind")
def _(ensemble, root):
    zk = ensemble.client()
    zk.create(root + "/a", b"0")
    before = zk.exists(root)
    multi = zk.transaction()
    multi.create(root + "/b", b"")
    multi.check(root + "/a", 7)
    multi.delete(root + "/a")
    results = multi.commit()
    kinds = [type(result) for result in results]
    assert kinds == [RolledBackError, BadVersionError, RuntimeInconsistency], kinds
    assert zk.exists(root + "/b") is None and zk.exists(root + "/a")
    after = zk.exists(root)
    assert (after.cversion, after.pzxid) == (before.cversion, before.pzxid)


@check("an ACL keeps strangers out and lets the digest in")
def _(ensemble, root):
    zk, stranger = ensemble.client(), ensemble.client()
    zk.add_auth("digest", "user:password")
    acl = make_digest_acl("user", "password", all=True)
    zk.create(root + "/a", b"secret", acl=[acl])
    assert zk.get(root + "/a")[0] == b"secret"
    stranger.sync(root)
    raises(NoAuthError, stranger.get, root + "/a")
    raises(NoAuthError, stranger.set, root + "/a", b"")
    raises(NoAuthError, stranger.create, root + "/a/b", b"")
    raises(NoAuthError, stranger.get_children, root + "/a")
    raises(NoAuthError, stranger.exists, root + "/a")
    stranger.add_auth("digest", "user:wrong")
    raises(NoAuthError, stranger.get, root + "/a")
    stranger.add_auth("digest", "user:password")
    assert stranger.get(root + "/a")[0] == b"secret"


@check("an ACL can be read and replaced, by version")
def _(ensemble, root):
    zk = ensemble.client()
    zk.create(root + "/a", b"")
    acls, stat = zk.get_acls(root + "/a")
    assert acls == OPEN_ACL_UNSAFE and stat.aversion == 0
    zk.add_auth("digest", "u:p")
    reader = make_acl("world", "anyone", read=True)
    owner = make_acl("auth", "", all=True)
    assert zk.set_acls(root + "/a", [reader, owner], version=0).aversion == 1
    raises(BadVersionError, zk.set_acls, root + "/a", [owner], version=0)
    acls, _ = zk.get_acls(root + "/a")
    assert sorted(acl.id.scheme for acl in acls) == ["digest", "world"], acls
    other = ensemble.client()
    assert other.get(root + "/a")[0] == b""
    raises(NoAuthError, other.set, root + "/a", b"1")
    raises(InvalidACLError, zk.set_acls, root + "/a", [make_acl("auth-none", "x", all=True)])


@check("a chroot hides what is above it")
def _(ensemble, root):
    ensemble.client().create(root + "/inner", b"")
    zk = ensemble.client(hosts=ensemble.hosts + root + "/inner")
    zk.create("/a", b"1")
    seen = Events()
    zk.get("/a", watch=seen)
    zk.set("/a", b"2")
    seen.expect(("CHANGED", "/a"))
    assert zk.get_children("/") == ["a"]


@check("a session's own writes are seen at once, in order, under load")
def _(ensemble, root):
    zk = ensemble.client()
    zk.create(root + "/a", b"0")
    pending = []
    for n in range(1, 500):
        pending.append((n, zk.set_async(root + "/a", b"%d" % n), zk.get_async(root + "/a")))
    for n, written, read in pending:
        assert written.get(timeout=PATIENCE).version == n
        assert read.get(timeout=PATIENCE)[0] == b"%d" % n


@check("after a sync every server shows what was written before it")
def _(ensemble, root):
    writer = ensemble.client()
    readers = [ensemble.client(hosts=host) for host in ensemble.servers]
    writer.create(root + "/a", b"")
    for n in range(30):
        writer.set(root + "/a", b"%d" % n)
        for reader in readers:
            reader.sync(root + "/a")
            assert int(reader.get(root + "/a")[0]) >= n


@check("Lock: one holder at a time, and the next one follows")
def _(ensemble, root):
    holders, most, done = [], [], []

    def work(zk):
        for _ in range(5):
            with zk.Lock(root + "/lock", "me"):
                holders.append(1)
                most.append(len(holders))
                time.sleep(0.002)
                holders.pop()
        done.append(1)

    run_side_by_side(work, [ensemble.client() for _ in range(4)])
    assert len(done) == 4 and max(most) == 1, (done, most)
    lock = ensemble.client().Lock(root + "/lock")
    assert lock.acquire(timeout=PATIENCE) and not ensemble.client().Lock(root + "/lock").acquire(
        blocking=False
    )


@check("Lock: it passes on when its holder's session ends")
def _(ensemble, root):
    first, second = ensemble.client(), ensemble.client()
    assert first.Lock(root + "/lock").acquire(timeout=PATIENCE)
    got = []
    waiting = threading.Thread(
        target=lambda: got.append(second.Lock(root + "/lock").acquire(timeout=PATIENCE))
    )
    waiting.start()
    first.stop()
    waiting.join(PATIENCE)
    assert got == [True], got


@check("ReadLock and WriteLock: readers share, a writer does not")
def _(ensemble, root):
    one, two, writer = (ensemble.client() for _ in range(3))
    first, second = one.ReadLock(root + "/rw"), two.ReadLock(root + "/rw")
    assert first.acquire(timeout=PATIENCE) and second.acquire(timeout=PATIENCE)
    exclusive = writer.WriteLock(root + "/rw")
    assert not exclusive.acquire(blocking=False)
    first.release()
    second.release()
    assert exclusive.acquire(timeout=PATIENCE)


@check("Semaphore: as many leases as there are, and no more")
def _(ensemble, root):
    clients = [ensemble.client() for _ in range(3)]
    leases = [zk.Semaphore(root + "/sem", max_leases=2) for zk in clients]
    assert leases[0].acquire(timeout=PATIENCE) and leases[1].acquire(timeout=PATIENCE)
    assert not leases[2].acquire(blocking=False)
    leases[0].release()
    assert leases[2].acquire(timeout=PATIENCE)


@check("Election: everybody leads once, one after another")
def _(ensemble, root):
    led, now = [], []

    def lead(name):
        now.append(name)
        assert len(now) == 1
        led.append(name)
        time.sleep(0.01)
        now.pop()

    def work(zk):
        name = str(zk.client_id[0])
        zk.Election(root + "/election", name).run(lead, name)

    clients = [ensemble.client() for _ in range(3)]
    run_side_by_side(work, clients)
    assert len(set(led)) == 3, led


@check("Barrier: waits until it is removed")
def _(ensemble, root):
    zk, other = ensemble.client(), ensemble.client()
    barrier = zk.Barrier(root + "/barrier")
    barrier.create()
    other.sync(root)
    assert not other.Barrier(root + "/barrier").wait(timeout=0.1)
    passed = []
    waiting = threading.Thread(
        target=lambda: passed.append(other.Barrier(root + "/barrier").wait(timeout=PATIENCE))
    )
    waiting.start()
    barrier.remove()
    waiting.join(PATIENCE)
    assert passed == [True], passed


@check("DoubleBarrier: nobody begins before all are there, nobody leaves before all are done")
def _(ensemble, root):
    entered, left = [], []

    def work(zk):
        barrier = zk.DoubleBarrier(root + "/double", 3)
        barrier.enter()
        entered.append(1)
        wait_for("all to enter", lambda: len(entered) == 3)
        barrier.leave()
        left.append(1)

    run_side_by_side(work, [ensemble.client() for _ in range(3)])
    assert len(entered) == len(left) == 3


@check("Queue: first in, first out, by priority")
def _(ensemble, root):
    zk, other = ensemble.client(), ensemble.client()
    queue = zk.Queue(root + "/queue")
    for n in range(5):
        queue.put(b"%d" % n)
    queue.put(b"urgent", priority=1)
    assert len(queue) == 6
    other.sync(root)
    taker = other.Queue(root + "/queue")
    assert [taker.get() for _ in range(7)] == [b"urgent", b"0", b"1", b"2", b"3", b"4", None]


@check("LockingQueue: each entry is consumed once")
def _(ensemble, root):
    taken = []

    def work(zk):
        queue = zk.LockingQueue(root + "/locking")
        while True:
            value = queue.get(timeout=1)
            if value is None:
                return
            taken.append(value)
            assert queue.consume()

    queue = ensemble.client().LockingQueue(root + "/locking")
    queue.put_all([b"%d" % n for n in range(20)])
    run_side_by_side(work, [ensemble.client() for _ in range(3)])
    assert sorted(taken, key=int) == [b"%d" % n for n in range(20)], taken


@check("Counter: no addition is lost")
def _(ensemble, root):
    def work(zk):
        counter = zk.Counter(root + "/counter")
        for _ in range(10):
            counter += 2

    run_side_by_side(work, [ensemble.client() for _ in range(3)])
    assert ensemble.client().Counter(root + "/counter").value == 60


@check("Party: members come and go")
def _(ensemble, root):
    one, two = ensemble.client(), ensemble.client()
    party, other = one.Party(root + "/party", "one"), two.Party(root + "/party", "two")
    party.join()
    other.join()
    one.sync(root)
    two.sync(root)
    assert sorted(party) == ["one", "two"] and len(other) == 2
    two.stop()
    wait_for("one to be alone", lambda: list(party) == ["one"])
    shallow = one.ShallowParty(root + "/shallow", "x")
    shallow.join()
    assert list(shallow) == ["x"]


@check("a container that was emptied is removed")
def _(ensemble, root):
    zk, path = ensemble.client(), ensemble.emptied_container
    if path is None:
        raise Skip("no container could be created")
    wait_for("the container to go", lambda: zk.exists(path) is None, REAPED_WITHIN)


@check("a session goes on at another server when its own is killed, with its ephemerals")
def _(ensemble, root):
    if len(ensemble.servers) < 3 or None in ensemble.servers.values():
        raise Skip("needs three servers that may be killed")
    zk = ensemble.client(timeout=10.0)
    states = []
    zk.add_listener(states.append)
    zk.create(root + "/e", b"", ephemeral=True)
    zk.create(root + "/a", b"0")
    session = zk.client_id[0]
    host, port = zk._connection._socket.getpeername()[:2]
    address = f"{host}:{port}"
    rest = ",".join(other for other in ensemble.servers if other != address)
    os.kill(ensemble.servers[address], signal.SIGKILL)
    wait_for("a lost connection", lambda: KazooState.SUSPENDED in states)
    wait_for("a new connection", lambda: zk.connected)
    zk.retry(zk.set, root + "/a", b"1")
    assert zk.client_id[0] == session and KazooState.LOST not in states, states
    other = ensemble.client(hosts=rest)
    other.sync(root)
    assert other.exists(root + "/e").ephemeralOwner == session
    assert other.get(root + "/a")[0] == b"1"
    zk.stop()
    other.sync(root)
    assert other.exists(root + "/e") is None


def run_side_by_side(work, clients):
    """Runs the work of each client in a thread of its own; the first failure is this one's."""
    failures = []

    def guarded(client):
        try:
            work(client)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * PATIENCE)
        assert not thread.is_alive(), "a client does not return"
    if failures:
        raise failures[0]


def main():
    ensemble = Ensemble(sys.argv[1])
    for number, (sentence, function) in enumerate(CHECKS):
        root = f"/kazoo-{os.getpid()}-{number:02d}"
        try:
            ensemble.client().create(root, b"")
            function(ensemble, root)
            print(f"ok      kazoo: {sentence}", flush=True)
        except Skip as reason:
            print(f"skipped kazoo: {sentence}: {reason}", flush=True)
        except BaseException as error:
            frames = traceback.extract_tb(error.__traceback__)
            where = [frame for frame in frames if frame.filename == __file__][-1]
            what = f"{type(error).__name__}: {error} (line {where.lineno}: {where.line})"
            print(f"FAILED  kazoo: {sentence}: {what}", flush=True)
        finally:
            ensemble.close()


if __name__ == "__main__":
    main()
