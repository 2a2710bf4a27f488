#!/usr/bin/env python3
"""What the mesh costs at the size of a heavy user, on machines of their own in one network.

  figures.py [edits] [first] [apart] [ten] [--contacts 10000] [--events 50000] [--edits 200]

Prints figures and asserts only what must be true at any speed: nothing lost, nothing doubled,
nothing back that was deleted. Needs root, `ip`, `nft` and `zstd`; takes minutes."""

import argparse
import base64
import json
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import threading
import time

import hosts
from hosts import Lan, pair, until

WORDS = "harbour lantern maple orchid copper falcon meadow pepper saddle timber velvet walnut cinder ember".split()


def texts(folder, contacts, events):
    """An address book, every twentieth card with a photo of 20 KB, and a calendar."""
    chance = random.Random(7)
    some = lambda count: " ".join(chance.choice(WORDS) for _ in range(count))
    book, calendar = folder / "book.vcf", folder / "calendar.ics"
    with open(book, "w", newline="") as out:
        for n in range(contacts):
            name = f"{some(1).title()};{some(1).title()} {n}"
            photo = ""
            if n % 20 == 0:
                data = base64.b64encode(b"\xff\xd8\xff" + chance.randbytes(20_000)).decode()
                photo = f"PHOTO;ENCODING=b;TYPE=JPEG:{data}\r\n"
            out.write(
                f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:c-{n}\r\nN:{name};;;\r\nFN:{name.replace(';', ' ')}\r\n"
                f"TEL;TYPE=cell:+49 170 {n:07}\r\nEMAIL:p{n}@{chance.choice(WORDS)}.example\r\n"
                f"ADR:;;{some(2)} {n % 90};{some(1)};;{n % 99999:05};\r\nNOTE:{some(6)}\r\n{photo}END:VCARD\r\n"
            )
    with open(calendar, "w", newline="") as out:
        out.write("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//figures//EN\r\n")
        for n in range(events):
            day = f"20{10 + n % 16}{1 + n % 12:02}{1 + n % 28:02}T{8 + n % 10:02}"
            rule = "RRULE:FREQ=WEEKLY;COUNT=10\r\n" if n % 10 == 0 else ""
            out.write(
                f"BEGIN:VEVENT\r\nUID:e-{n}\r\nDTSTAMP:20200101T000000Z\r\nDTSTART:{day}0000Z\r\nDTEND:{day}3000Z\r\n"
                f"{rule}SUMMARY:{some(3)}\r\nLOCATION:{some(2)}\r\nDESCRIPTION:{some(12)}\r\nEND:VEVENT\r\n"
            )
        out.write("END:VCALENDAR\r\n")
    return [book, calendar]


class Cost:
    """What a device's process has used up to now."""

    def __init__(self, host):
        fields = pathlib.Path(f"/proc/{host.node.pid}/stat").read_text().rsplit(")", 1)[1].split()
        self.cpu = int(fields[11]) / os.sysconf("SC_CLK_TCK")
        status = pathlib.Path(f"/proc/{host.node.pid}/status").read_text().splitlines()
        kib = {line.split(":")[0]: int(line.split()[1]) for line in status if line.startswith("Vm")}
        self.rss, self.peak = kib["VmRSS"] / 1024, kib["VmHWM"] / 1024
        self.bytes, self.packets = host.counters()


class Watched:
    """When a device said which items changed on it, and which it received."""

    def __init__(self, host):
        self.seen = {}
        self.watch = subprocess.Popen([*host.command("watch"), "--json"], stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.read, daemon=True).start()
        time.sleep(0.5)

    def read(self):
        for line in self.watch.stdout:
            now, event = time.monotonic(), json.loads(line)
            for item in event.get("items") or []:
                self.seen.setdefault(item, now)

    def end(self):
        self.watch.send_signal(signal.SIGTERM)
        self.watch.wait(10)


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def in_sync(*all_of):
    for one in all_of:
        one.run("wait", "--until-confirmed", "--timeout", 600)


def two(lan, args):
    """Two devices that hold the same: the first has read the files."""
    ann, bob = lan.host("ann"), lan.host("bob")
    for path in texts(lan.folder, args.contacts, args.events):
        ann.run("import", path)
    ann.start(), bob.start()
    pair(ann, bob)
    until("bob has all", lambda: bob.items() == args.contacts + args.events)
    in_sync(ann, bob)
    return ann, bob


def ids(host, count):
    listed = host.run("list", "--limit", 1_000_000)["items"]
    return [one["id"] for one in random.Random(3).sample(listed, count)]


def edits(args):
    """From an edit to seeing it on the other device."""
    with Lan(hosts.program()) as lan:
        ann, bob = two(lan, args)
        one_by_one("on one switch", 0, ann, bob, args)
        with lan.long_cable(bob, 25, 1):
            one_by_one("50 ms there and back, 1 % lost, each when the one before is there", 25, ann, bob, args, waits=True)
            one_by_one("50 ms there and back, 1 % lost, as fast as commands go", 25, ann, bob, args)


def one_by_one(what, delay, ann, bob, args, waits=False):
    """Edits on the first, each seen on the other; `delay` is what the cable takes, in milliseconds."""
    chosen, here, there = ids(ann, args.edits), Watched(ann), Watched(bob)
    began = time.monotonic()
    before = Cost(ann)
    for number, item in enumerate(chosen):
        ann.run("edit", item, "--set", f"NOTE={what} {number}", codes=(0, 1, 2))
        if item not in here.seen:  # an event has no note
            ann.run("edit", item, "--set", f"DESCRIPTION={what} {number}")
        if waits:
            until("it is there", lambda: item in there.seen)
    pause = 1000 * (time.monotonic() - began) / len(chosen)
    until("all edits are there", lambda: all(item in there.seen for item in chosen))
    after = Cost(ann)
    taken = [1000 * (there.seen[item] - here.seen[item]) - delay for item in chosen]
    here.end(), there.end()
    print(
        f"{what}, one in {pause:.0f} ms: an edit is there after the delay of {delay} ms and"
        f" {statistics.median(taken):.1f} ms (median), {percentile(taken, 0.95):.1f} (p95), {max(taken):.1f} (most);"
        f" {(after.bytes - before.bytes) / len(chosen):.0f} bytes both ways and"
        f" {(after.packets - before.packets) / len(chosen):.1f} packets an edit"
    )


def first(args):
    """The first sync of everything, and again with the receiver killed five times on the way."""
    wanted = args.contacts + args.events
    whole = None
    for kills in (0, 5):
        with Lan(hosts.program()) as lan:
            ann, bob = lan.host("ann"), lan.host("bob")
            paths = texts(lan.folder, args.contacts, args.events)
            for path in paths:
                ann.run("import", path)
            ann.start(), bob.start()
            before, begun = Cost(ann), time.monotonic()
            pair(ann, bob)
            for _ in range(kills):
                held = bob.items()
                more = lambda: bob.items() >= min(held + wanted // 8, wanted)
                until("bob has some more", more)
                bob.node.kill()
                bob.node.wait()
                bob.start()
            until("bob has all", lambda: bob.items() == wanted)
            in_sync(ann, bob)
            after, there = Cost(ann), Cost(bob)
            sent = after.bytes - before.bytes
            whole = whole or sent
            plain = b"".join(line for path in paths for line in open(path, "rb") if not line.startswith(b"PHOTO"))
            packed = len(subprocess.run(["zstd", "-3", "-c"], input=plain, capture_output=True, check=True).stdout)
            photos = args.contacts // 20 * 20_000
            print(
                f"first sync{f', killed {kills} times' if kills else ''}: {time.monotonic() - begun:.1f} s,"
                f" {sent / 1e6:.2f} MB by the interface ({(sent - photos) / packed:.2f} x zstd of the texts, without"
                f" {photos / 1e6:.0f} MB of photos; {100 * (sent - whole) / whole:+.1f} % against undisturbed);"
                f" user CPU {after.cpu - before.cpu:.2f} + {there.cpu:.2f} s; peak {after.peak:.0f} and {there.peak:.0f} MB"
            )


def apart(args):
    """Edits apart; years away while others delete; an old address book that comes again."""
    with Lan(hosts.program()) as lan:
        ann, bob = two(lan, args)
        of_ann, of_bob = ids(ann, 200)[:100], ids(ann, 200)[100:]
        bob.stop()
        for item in of_ann:
            ann.run("edit", item, "--add", "CATEGORIES=ann")
        ann.stop()
        bob.start()
        for item in of_bob:
            bob.run("edit", item, "--add", "CATEGORIES=bob")
        before = Cost(bob)
        ann.start()
        started = Cost(ann)
        in_sync(ann, bob)
        after, there = Cost(bob), Cost(ann)
        print(
            f"100 + 100 edits apart: {(after.bytes - before.bytes) / 1000:.1f} kB by the interface, meeting included;"
            f" user CPU {after.cpu - before.cpu:.2f} + {there.cpu - started.cpu:.2f} s"
        )

        # years later: bob was away, and has edited what ann deleted, among others
        chosen = ids(ann, 1450)
        deleted, own = chosen[:1000], chosen[950:]
        bob.stop()
        for at in range(0, 1000, 100):
            ann.run("delete", "--yes", *deleted[at : at + 100])
        ann.stop()
        bob.start()
        for item in own:
            bob.run("edit", item, "--add", "CATEGORIES=away")
        ann.start()
        in_sync(ann, bob)
        left = args.contacts + args.events - 950
        counts = {one.name: one.items() for one in (ann, bob)}
        print(f"years away: 1,000 deleted there, 500 edited here, 50 of them deleted there: {counts}, wanted {left}")
        assert set(counts.values()) == {left}
        listed = {one["id"] for one in bob.run("list", "--limit", 1_000_000)["items"]}
        assert not set(deleted[:950]) & listed and set(own) <= listed

        # and a new device with the address book of ten years ago
        cleo = lan.host("cleo")
        for path in (lan.folder / "book.vcf", lan.folder / "calendar.ics"):
            cleo.run("import", path)
        cleo.start()
        pair(bob, cleo)
        until("cleo has met both", lambda: cleo.others() == {"ann": True, "bob": True})
        in_sync(ann, bob, cleo)
        counts = {one.name: one.items() for one in (ann, bob, cleo)}
        notices = [notice["kind"] for notice in cleo.run("status")["notices"]]
        print(f"the old book again, on a new device: {counts}, wanted {left}; it is told: {notices}")
        assert set(counts.values()) == {left}


def ten(args):
    """Ten devices, all in one network and one behind the other: one edit to all; and at rest."""
    for shape in ("full", "chain"):
        with Lan(hosts.program()) as lan:
            all_of = [lan.host(f"d{n}") for n in range(10)]
            for path in texts(lan.folder, args.contacts, args.events):
                all_of[0].run("import", path)
            for one, other in zip(all_of, all_of[1:]):
                for it in (one, other):
                    if not it.node:
                        it.start()
                pair(one, other)
            until("all have all", lambda: all(one.items() == args.contacts + args.events for one in all_of))
            if shape == "chain":
                for n, one in enumerate(all_of):
                    near = [all_of[m].address for m in (n - 1, n + 1) if 0 <= m < 10]
                    one.stop()
                    one.hears_only(*near)
                for one in all_of:
                    one.start()
                near = lambda n: {f"d{m}" for m in (n - 1, n + 1) if 0 <= m < 10}
                joined = lambda one: {name for name, is_up in one.others().items() if is_up}
                until("a chain", lambda: all(joined(one) == near(n) for n, one in enumerate(all_of)))
            else:
                until("all see all", lambda: all(all(one.others().values()) and len(one.others()) == 9 for one in all_of))
            time.sleep(30)
            watched = [Watched(one) for one in all_of]
            (item,) = ids(all_of[0], 1)
            before = [Cost(one) for one in all_of]
            all_of[0].run("edit", item, "--add", "CATEGORIES=news")
            until("all have it", lambda: all(item in one.seen for one in watched))
            time.sleep(3)
            after = [Cost(one) for one in all_of]
            last = max(one.seen[item] for one in watched) - watched[0].seen[item]
            total = sum(b.bytes - a.bytes for a, b in zip(before, after)) / 2
            print(f"ten devices, {shape}: one edit is everywhere after {1000 * last:.0f} ms, {total / 1000:.1f} kB in all")
            for one in watched:
                one.end()
            # the first minute has what a node does once it is quiet; the other is how it stays
            for when, pause in (("soon after", 20), ("later", 150)):
                time.sleep(pause)
                at_rest(f"ten devices, {shape}, a minute at rest, {when}", all_of)


def at_rest(what, all_of):
    """What a minute costs in which nobody does anything."""
    before = [Cost(one) for one in all_of]
    time.sleep(60)
    after = [Cost(one) for one in all_of]
    worst = lambda what: max(getattr(b, what) - getattr(a, what) for a, b in zip(before, after))
    print(
        f"{what}, the worst of each: {worst('cpu'):.2f} s CPU, {max(b.rss for b in after):.0f} MB resident,"
        f" {worst('bytes')} bytes, {worst('packets')} packets"
    )


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {"edits": edits, "first": first, "apart": apart, "ten": ten}
    words.add_argument("part", nargs="*", choices=[[], *parts])
    words.add_argument("--contacts", type=int, default=10_000)
    words.add_argument("--events", type=int, default=50_000)
    words.add_argument("--edits", type=int, default=200)
    words = words.parse_args()
    reason = hosts.why_not()
    if reason:
        print(f"skipped: {reason}")
        return 0
    for part in words.part or parts:
        parts[part](words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
