"""A plugin for pytest: one line per test on the standard output, as other programs of checks print."""

import os

# pytest captures the standard output later; this is the real one.
OUTPUT = os.fdopen(os.dup(1), "w", buffering=1)


def say(line):
    # pytest prints a dot per test, so a line of ours begins behind one.
    print("\n" + line, file=OUTPUT)


def said(report):
    text = getattr(report.longrepr, "reprcrash", None)
    message = text.message if text else str(report.longrepr)
    if isinstance(report.longrepr, tuple):
        message = report.longrepr[2]
    return " ".join(message.split())[:300]


def pytest_runtest_logreport(report):
    name = report.nodeid.split("kazoo/tests/")[-1]
    if report.failed:
        when = "" if report.when == "call" else f" in its {report.when}"
        say(f"FAILED {name}: failed{when}: {said(report)}")
    elif report.skipped:
        say(f"skipped {name}: {said(report)}")
    elif report.when == "call":
        say(f"ok {name}")


def pytest_collectreport(report):
    if report.failed:
        say(f"FAILED {report.nodeid}: it cannot be collected: {said(report)}")
