"""SASL DIGEST-MD5 as a Python program sees it: kazoo with pure-sasl against running servers.

Prints one line per check, `ok` or `FAILED`, and leaves counting to its caller.

usage: sasl_checks.py OFFERING DEMANDING WITHOUT

Each is a list of HOST:PORT. The first two know the users bob (password bobpw) and root (rootpw, a
super user); the second demands SASL of everybody, and the third has none.
"""

import os
import socket
import sys
import time
import traceback

from kazoo.client import KazooClient
from kazoo.exceptions import InvalidACLError, NoAuthError
from kazoo.security import make_acl

PATIENCE = 15
CHECKS = []


def check(sentence):
    def register(function):
        CHECKS.append((sentence, function))
        return function

    return register


class Servers:
    def __init__(self, offering, demanding, without):
        self.offering, self.demanding, self.without = offering, demanding, without
        self.clients = []

    def client(self, hosts, user=None, password=None, **options):
        if user is not None:
            options["sasl_options"] = {
                "mechanism": "DIGEST-MD5",
                "username": user,
                "password": password,
            }
        client = KazooClient(hosts=hosts, timeout=10.0, **options)
        self.clients.append(client)
        client.start(timeout=PATIENCE)
        return client

    def close(self):
        for client in self.clients:
            try:
                client.stop()
                client.close()
            except Exception:
                pass
        self.clients = []


def raises(kinds, function, *arguments, **named):
    try:
        result = function(*arguments, **named)
    except kinds:
        return
    raise AssertionError(f"{function.__name__} returned {result!r}, not an error")


def of_bob():
    return [make_acl("sasl", credential="bob", all=True)]


def never_lets_in(servers, hosts, user=None, password=None):
    """A client that starts and is cut off at once has not been let in either."""
    started = time.monotonic()
    try:
        client = servers.client(hosts, user, password)
        client.get("/")
    except Exception:
        assert time.monotonic() - started < PATIENCE + 5, "it takes too long to say no"
        return
    raise AssertionError("a client was let in")


@check("a user with its password owns what is kept for it, and a stranger reads nothing of it")
def _(servers, path):
    bob = servers.client(servers.offering, "bob", "bobpw")
    bob.create(path, b"kept", acl=of_bob())
    assert bob.get(path)[0] == b"kept"
    assert bob.get_acls(path)[0] == of_bob()
    raises(NoAuthError, servers.client(servers.offering).get, path)
    bob.delete(path)


@check("the older way to name a user works too")
def _(servers, path):
    bob = servers.client(servers.offering, auth_data=[("sasl", "bob:bobpw")])
    bob.create(path, b"", acl=of_bob())
    raises(NoAuthError, servers.client(servers.offering).get, path)
    bob.delete(path)


@check("a user is who it was after its session moved to another server")
def _(servers, path):
    bob = servers.client(servers.offering, "bob", "bobpw")
    bob.create(path, b"", acl=of_bob())
    bob.get(path)
    for _ in range(3):
        session = bob.client_id
        bob._connection._socket.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                bob.get(path)
                break
            except NoAuthError:
                raise
            except Exception:
                assert time.monotonic() < deadline, "the client does not come back"
                time.sleep(0.05)
        assert bob.client_id == session
    bob.delete(path)


@check("a super user reads what is kept for others")
def _(servers, path):
    bob = servers.client(servers.offering, "bob", "bobpw")
    bob.create(path, b"kept", acl=of_bob())
    root = servers.client(servers.offering, "root", "rootpw")
    assert root.get(path)[0] == b"kept"
    root.delete(path)


@check("a wrong password and an unknown user are refused")
def _(servers, path):
    never_lets_in(servers, servers.offering, "bob", "wrong")
    never_lets_in(servers, servers.offering, "eve", "bobpw")
    never_lets_in(servers, servers.offering, "eve", "")


@check("an entry of an access list that is no Kerberos name is refused")
def _(servers, path):
    bob = servers.client(servers.offering, "bob", "bobpw")
    acl = [make_acl("sasl", credential="a@b@c", all=True)]
    raises(InvalidACLError, bob.create, path, b"", acl=acl)
    bob.create(path, b"", acl=of_bob() + [make_acl("sasl", credential="a/h@R", read=True)])
    bob.delete(path)


@check("where SASL is demanded nobody else is let in, digests notwithstanding")
def _(servers, path):
    bob = servers.client(servers.demanding, "bob", "bobpw")
    bob.create(path, b"")
    bob.delete(path)
    never_lets_in(servers, servers.demanding)
    never_lets_in(servers, servers.demanding, "bob", "wrong")


@check("where there is no SASL a client that wants it is told no, and not asked on for ever")
def _(servers, path):
    never_lets_in(servers, servers.without, "bob", "bobpw")
    plain = servers.client(servers.without)
    raises(InvalidACLError, plain.create, path, b"", acl=of_bob())


def main():
    servers = Servers(*sys.argv[1:4])
    for number, (sentence, function) in enumerate(CHECKS):
        try:
            function(servers, f"/sasl-{os.getpid()}-{number:02d}")
            print(f"ok      sasl: {sentence}", flush=True)
        except BaseException as error:
            frames = traceback.extract_tb(error.__traceback__)
            where = [frame for frame in frames if frame.filename == __file__][-1]
            what = f"{type(error).__name__}: {error} (line {where.lineno}: {where.line})"
            print(f"FAILED  sasl: {sentence}: {what}", flush=True)
        finally:
            servers.close()


if __name__ == "__main__":
    main()
