#!/usr/bin/env python3
"""Devices on machines of their own in one network: they meet, they pair, they stay the same.

Needs root, `ip` and `nft`. `--rounds N` pairs N times with fresh homes and prints the medians;
`--idle S` counts what S seconds without an edit cost."""

import argparse
import statistics
import sys
import time

import capture
import hosts
from hosts import Lan, pair, until


def cards(folder, count):
    path = folder / "book.vcf"
    one = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:lan-{0}\r\nFN:Person {0}\r\nTEL:+49 30 {0}\r\nEND:VCARD\r\n"
    path.write_text("".join(one.format(n) for n in range(count)), newline="")
    return path


def joining(rounds):
    """From typing the code to paired, and to a thousand contacts on the other device."""
    paired, there = [], []
    for _ in range(rounds):
        with Lan(hosts.program()) as lan:
            ann, bob = lan.host("ann"), lan.host("bob")
            ann.run("import", cards(lan.folder, 1000))
            ann.start()
            bob.start()
            begun = time.monotonic()
            paired.append(pair(ann, bob))
            until("the contacts are there", lambda: bob.items() == 1000)
            there.append(time.monotonic() - begun)
    for what, all_of in (("paired", paired), ("1,000 contacts there", there)):
        print(f"{what}: median {statistics.median(all_of):.2f} s of {rounds} ({min(all_of):.2f} to {max(all_of):.2f})")


def third():
    """A third device joins through the second while the first is off; all three end the same.
    One that is removed is out everywhere."""
    with Lan(hosts.program()) as lan:
        ann, bob, cleo = (lan.host(name) for name in ("ann", "bob", "cleo"))
        ann.run("import", cards(lan.folder, 50))
        ann.start()
        bob.start()
        pair(ann, bob)
        until("bob has all", lambda: bob.items() == 50)
        ann.stop()
        cleo.start()
        pair(bob, cleo)
        until("cleo has all", lambda: cleo.items() == 50)
        ann.start()
        for one, names in ((ann, ("bob", "cleo")), (bob, ("ann", "cleo")), (cleo, ("ann", "bob"))):
            until(f"{one.name} is connected with {names}", lambda: one.others() == dict.fromkeys(names, True))
        for one in (ann, bob, cleo):
            one.run("wait", "--until-confirmed", "--timeout", 60)
        begun = time.monotonic()
        told = ann.run("devices", "remove", "cleo", "--yes")
        assert told["told"] == ["bob"], told
        until("bob lists cleo no more", lambda: list(bob.others()) == ["ann"])
        until("cleo is alone", lambda: not cleo.others())
        print(f"removed: out everywhere {time.monotonic() - begun:.2f} s after the command")
        notices = [notice["kind"] for notice in cleo.run("status")["notices"]]
        assert notices == ["removed"] and cleo.items() == 50, notices
        cleo.stop()
        cleo.start()
        time.sleep(3)  # it would have come back by now
        assert not cleo.others() and list(ann.others()) == ["bob"]


def firewalls():
    """One side lets nobody in, or no UDP but that of mDNS: they pair and meet all the same."""
    multicast = "udp dport 5353 accept"
    cases = {
        "who shows the code lets nobody in": ((multicast,), None),
        "who types the code lets nobody in": (None, (multicast,)),
        "both let TCP in and no UDP": ((multicast, "meta l4proto tcp accept"),) * 2,
    }
    for what, rules in cases.items():
        with Lan(hosts.program()) as lan:
            ann, bob = lan.host("ann"), lan.host("bob")
            ann.run("import", cards(lan.folder, 20))
            for one, its in zip((ann, bob), rules):
                if its:
                    one.firewall(*its)
                one.start()
            seconds = pair(ann, bob)
            until("the contacts are there", lambda: bob.items() == 20)
            print(f"{what}: paired in {seconds:.2f} s")


SETTLING = 50  # seconds from the last event until nothing is said to everybody any more, and what is unused is closed
LOOK = 75  # seconds that a device asks for one that it misses, and a few
IDLE_BYTES = 1024  # a minute, on one device's interface, while nobody is called
DYING_BYTES = 60_000  # two handshakes, what both hold, and what is asked of the network; not one dial more


def dying(times=6):
    """One that dies and is switched on again, time after time, is back at once, and makes no noise. What
    it was connected by before stands on the other side until that notices."""
    with Lan(hosts.program()) as lan:
        ann, bob = lan.host("ann"), lan.host("bob")
        ann.run("import", cards(lan.folder, 1))
        ann.start()
        bob.start()
        pair(ann, bob)
        ann.run("wait", "--until-confirmed", "--timeout", 60)
        before, back = ann.counters(), []
        for _ in range(times):
            bob.node.kill()
            bob.node.wait()
            begun = time.monotonic()
            bob.start()
            bob.run("wait", "--until-confirmed", "--timeout", 60)
            back.append(time.monotonic() - begun)
        bytes_, packets = (now - was for now, was in zip(ann.counters(), before))
        print(
            f"killed {times} times: back and confirmed after {statistics.median(back):.2f} s (most: {max(back):.2f});"
            f" {bytes_ / times / 1000:.0f} kB and {packets / times:.0f} packets each"
        )
        assert bytes_ < times * DYING_BYTES, f"{bytes_} bytes"


def idle(seconds):
    """What two devices cost that have nothing to say: nothing to everybody, little to each other.
    Who has been away is heard, where it cannot call: ann lets nobody in."""
    with Lan(hosts.program()) as lan:
        ann, bob = lan.host("ann"), lan.host("bob")
        ann.firewall("udp dport 5353 accept")
        ann.start()
        bob.start()
        pair(ann, bob)
        print(silence(ann, seconds, "together", IDLE_BYTES))
        bob.stop()
        until("ann misses bob", lambda: ann.others() == {"bob": False})
        time.sleep(LOOK - SETTLING)
        print(silence(ann, seconds, "alone"))
        begun = time.monotonic()
        bob.start()
        until("ann called bob", lambda: ann.others() == {"bob": True})
        print(f"idle: who comes back is met {time.monotonic() - begun:.2f} s after it was switched on")
        print(silence(ann, seconds, "together again", IDLE_BYTES))


def silence(host, seconds, when, most=None):
    """What programs say on the host's interface after some settling: nothing to everybody, and no more than `most`."""
    time.sleep(SETTLING)
    with hosts.Capture(host.space, host.lan.folder) as heard:
        time.sleep(seconds)
    said = [frame for frame in heard.frames() if capture.is_said(frame)]
    loud = [frame for frame in said if capture.is_loud(frame)]
    assert not loud, f"{when}: {len(loud)} packets to everybody, the first {loud[0][:80].hex()}"
    packets, bytes_ = (60 * count / seconds for count in (len(said), sum(map(len, said))))
    assert most is None or bytes_ <= most, f"{when}: {bytes_:.0f} bytes a minute"
    return f"idle {when}: {bytes_:.0f} bytes and {packets:.1f} packets a minute and device, none to everybody"


def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rounds", type=int, default=1)
    words.add_argument("--idle", type=int, default=0)
    words = words.parse_args()
    reason = hosts.why_not()
    if reason:
        print(f"skipped: {reason}")
        return 0
    joining(words.rounds)
    third()
    firewalls()
    dying()
    if words.idle:
        idle(words.idle)
    return 0


if __name__ == "__main__":
    sys.exit(main())
