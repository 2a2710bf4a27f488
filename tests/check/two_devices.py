"""A generated mailbox, read by one device over IMAPS, arrives on another; nothing is doubled.

  two_devices.py [--pimesh BINARY] [--contacts 300] [--events 300] [--keep]

Fills a mailbox of the private Dovecot (PIMESH_MAILSERVER, as tests/mailserver/up.sh writes it) with
the mails of PIMESH_CORPUS/tools/gen/gen.py. Device A reads it over IMAPS, device B is paired over
loopback. Both must show what the mails say (mailbox.py). Then every mail is read again: on A over
POP3S, and on B over both, which must change nothing. Without a mail server A and B read a Maildir.
"""

import argparse
import imaplib
import json
import os
import pathlib
import queue
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import device
import mailbox

ACCOUNT = "frank@example.org"  # each test has one of its own
PATIENCE = 120  # seconds for anything that two devices do together


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--pimesh"), args.add_argument("--keep", action="store_true")
    args.add_argument("--contacts", type=int, default=300), args.add_argument("--events", type=int, default=300)
    args = args.parse_args()
    folder = device.corpus()
    if not folder or not (folder / "tools/gen/gen.py").is_file():
        print("skipped: no generator of mails (set PIMESH_CORPUS)")
        return 0
    work = tempfile.mkdtemp(prefix="pimesh-two-")
    try:
        return scene(device.binary(args.pimesh), pathlib.Path(work), folder, args)
    finally:
        if args.keep:
            print(f"kept: {work}")
        else:
            subprocess.run(["rm", "-rf", "--", work], check=False)


def scene(program, work, folder, args):
    """The whole course of events; gives the exit code."""
    made = [sys.executable, folder / "tools/gen/gen.py", "--contacts", args.contacts, "--events", args.events, "--as", "maildir", "--out", work]
    print(subprocess.run(list(map(str, made)), check=True, capture_output=True, text=True).stdout.strip())
    truth = json.loads((work / "truth.json").read_text(encoding="utf-8"))
    sources = deliver(work)
    a, b = (device.Device(program, work / name).init() for name in ("a", "b"))
    wrong = []
    first = read_source(a, sources[0], work)
    print(f"A read {first['mails']} mails over {sources[0][0]} in {first['seconds']:.1f} s: {first['added']} items")
    nodes = []
    try:
        nodes = [Node(one) for one in (a, b)]
        print(f"paired in {pair(*nodes):.1f} s")
        for one in (a, b):
            waited = one.run("wait", "--json", "--until-confirmed", "--timeout", PATIENCE, limit=PATIENCE + 30)
            if waited.code != 0:
                wrong.append(f"{one.home}: not confirmed after {PATIENCE} s: {waited.out[-300:]}")
        found, counts = mailbox.check(program, [a.home, b.home], truth, work / "Maildir")
        wrong += found
        print(counts)
        wrong += again(a, sources[1:], work) + again(b, sources, work)
        wrong += mailbox.check(program, [a.home, b.home], truth, None)[0]
    finally:
        wrong += [w for node in nodes for w in node.stop()]
    for what in wrong[:40]:
        print(f"WRONG {what}")
    print(f"{len(wrong)} wrong")
    return 1 if wrong else 0


def deliver(work):
    """Puts the mails where they are read: [(scheme, url, password, CA)], IMAPS first."""
    settings = os.environ.get("PIMESH_MAILSERVER")
    if not settings:
        print("no mail server (PIMESH_MAILSERVER): a Maildir instead")
        return [("maildir", f"maildir:{work / 'Maildir'}", None, None)]
    env = dict(line.strip().split("=", 1) for line in pathlib.Path(settings).read_text().splitlines() if "=" in line)
    port = {scheme: int(env[f"PIMESH_MAIL_{scheme.upper()}"]) for scheme in ("imaps", "pop3s")}
    ca, users = env["PIMESH_MAIL_CA"], pathlib.Path(env["PIMESH_MAIL_USERS"]).read_text(encoding="utf-8")
    password = next(line.split("\t")[1] for line in users.splitlines() if line.startswith(f"{ACCOUNT}\t"))
    box = imaplib.IMAP4_SSL("localhost", port["imaps"], ssl_context=ssl.create_default_context(cafile=ca))
    box.login(ACCOUNT, password)
    have = int(box.select("INBOX")[1][0])
    if have:
        box.store("1:*", "+FLAGS.SILENT", r"\Deleted")
        box.expunge()
    for file in sorted((work / "Maildir").glob("*/*")):
        box.append("INBOX", None, None, file.read_bytes())
    box.logout()
    return [(s, f"{s}://{ACCOUNT.replace('@', '%40')}@localhost:{port[s]}", password, ca) for s in ("imaps", "pop3s")]


def read_source(one, source, work):
    """Adds a source and reads it once; its report."""
    scheme, url, password, ca = source
    words = ["source", "add", "--json", url, "--name", scheme]
    if password:
        secret = work / "password"
        secret.write_text(password)
        secret.chmod(0o600)
        words += ["--password-file", secret, "--ca", ca]
    done = one.run(*words)
    if done.code != 0:
        raise device.Failed(f"source add {url}: exit {done.code}: {done.err[-300:]} {done.out[-300:]}")
    done = one.run("source", "sync", "--json", scheme)
    report = done.json["sources"][0]
    if done.code not in (0, 3) or report["failure"]:
        raise device.Failed(f"source sync {url}: exit {done.code}: {report}")
    return report


def again(one, sources, work):
    """Reads the same mails once more: no item, no change."""
    wrong, before = [], sum(c["changes"] for c in one.collections())
    for source in sources:
        report = read_source(one, source, work)
        name = pathlib.Path(one.home).name.upper()
        print(f"{name} read the same {report['mails']} mails over {source[0]} in {report['seconds']:.1f} s: "
              f"{report['added']} items, {report['changes']} changes")
        if report["added"] or report["changed"] or report["changes"]:
            wrong.append(f"{name}: the same mails over {source[0]} changed something: {report}")
    after = sum(c["changes"] for c in one.collections())
    return wrong + ([f"{one.home}: {after - before} changes from mails already read"] if after != before else [])


class Node:
    """`pimesh run` in one home."""

    def __init__(self, one):
        self.one, self.lines = one, queue.Queue()
        self.process = start(one, ["run", "--json", "--no-mdns", "--listen", "/ip4/127.0.0.1/udp/0/quic-v1", "--listen", "/ip4/127.0.0.1/tcp/0"], self.lines)
        self.addresses = wait_for(self.lines, self.process, lambda e: e.get("event") == "ready")["addresses"]

    def stop(self):
        """Asks the node to end, as a service manager would; what was wrong with how it did."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return [f"{self.one.home}: did not stop within 20 s"]
        return [f"{self.one.home}: run ended with {code}"] if code else []


def start(one, words, lines):
    """A process whose JSON lines go to a queue; None at its end."""
    env = {**os.environ, "PIMESH_HOME": one.home}
    process = subprocess.Popen([one.program, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=env, text=True)

    def pump():
        for line in process.stdout:
            lines.put(json.loads(line))
        lines.put(None)

    threading.Thread(target=pump, daemon=True).start()
    return process


def wait_for(lines, process, wanted):
    """The next line that is wanted."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise device.Failed("waited in vain") from None
        if line is None:
            raise device.Failed(f"ended early, exit {process.wait()}")
        if wanted(line):
            return line


def pair(a, b):
    """A shows a code, B types it; seconds."""
    began, lines = time.monotonic(), queue.Queue()
    offer = start(a.one, ["pair", "offer", "--json"], lines)
    shown = wait_for(lines, offer, lambda e: "code" in e)
    words = ["pair", "join", "--json", shown["code"]]
    for address in a.addresses:
        words += ["--addr", address]
    joined = b.one.run(*words, limit=PATIENCE)
    if joined.code != 0 or offer.wait(PATIENCE) != 0:
        raise device.Failed(f"pairing failed: {joined.out[-300:]} {joined.err[-300:]}")
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
