#!/usr/bin/env python3
"""Devices behind two routers that let nobody in meet through a third of their own, which relays.

Needs root, `ip` and `nft`. It also says what the relay's network carries in clear: nothing."""

import argparse
import contextlib
import json
import subprocess
import sys
import threading
import time

import hosts
from hosts import Host, Lan, ip, pair, until

PORT = 4001
QUIC, TCP = f"udp/{PORT}/quic-v1", f"tcp/{PORT}"
CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{0}\r\nFN:{0}\r\nNOTE:Nobody else reads of {0}\r\nEND:VCARD\r\n"
KEEPS_PORTS, DRAWS_PORTS = "masquerade", "masquerade fully-random"


def router(inside, outside, number, nat, *refused):
    """Between two networks: passes out what is not refused, and lets nobody in."""
    space = f"{inside.mark}r{number}"
    ip("netns", "add", space)
    inside.routers.append(space)
    inside.plug(space, "in")
    outside.plug(space, "out")
    inside.gateway = f"10.{inside.number}.0.254"
    ip("-n", space, "addr", "add", f"{inside.gateway}/24", "dev", "in")
    ip("-n", space, "addr", "add", f"10.{outside.number}.0.{number}/24", "dev", "out")
    lines = "\n".join(f"iifname in {rule} drop" for rule in refused)
    table = f"""
        table ip nat {{
            chain post {{
                type nat hook postrouting priority 100
                oifname out {nat}
            }}
        }}
        table ip guard {{
            chain in {{
                type filter hook input priority 0
                iifname out drop
            }}
            chain forward {{
                type filter hook forward priority 0; policy drop
                {lines}
                iifname in accept
                ct state established,related accept
            }}
        }}
        """
    on = ["ip", "netns", "exec", space]
    subprocess.run([*on, "sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True)
    subprocess.run([*on, "nft", "-f", "-"], input=table, text=True, check=True)
    return space


@contextlib.contextmanager
def world(first, second, *refused):
    """A relay in the open, and a device behind each of two routers, all paired by way of the relay."""
    program = hosts.program()
    with Lan(program, 80) as internet, Lan(program, 81) as left, Lan(program, 82) as right:
        nas = internet.host("nas")
        router(left, internet, 101, first, *refused)
        router(right, internet, 102, second, *refused)
        ann, bob = left.host("ann"), right.host("bob")
        nas.start("--relay", "--listen", f"/ip4/0.0.0.0/{QUIC}", "--listen", f"/ip4/0.0.0.0/{TCP}")
        for one in (ann, bob):
            one.start()
            pair(nas, one, at=[f"/ip4/{nas.address}/{way}" for way in (QUIC, TCP)])
        yield nas, ann, bob


def add(host, name):
    """A new contact, from a file."""
    path = host.home / f"{name}.vcf"
    path.write_text(CARD.format(name), newline="")
    host.run("import", path)


def meet(what, first, second, wanted, *refused):
    """Two devices behind routers meet, exchange a contact each, and end on the path that is wanted."""
    with world(first, second, *refused) as (nas, ann, bob):
        begun = time.monotonic()
        until(f"{what}: ann is connected with both", lambda: set(ann.paths()) == {"nas", "bob"})
        met = time.monotonic() - begun
        with hosts.Capture(nas.space, nas.lan.folder) as heard:
            add(ann, "Carla Cipher")
            add(bob, "Dario Dark")
            for one in (ann, bob):
                until(f"{what}: {one.name} has both", lambda: one.items() == 2)
                one.run("wait", "--until-confirmed", "--timeout", 60)
            if wanted:
                until(f"{what}: {wanted}", lambda: ann.paths()["bob"] == wanted and bob.paths()["ann"] == wanted)
            time.sleep(3)  # time to change its mind
        path = ann.paths()["bob"]
        assert not wanted or path == wanted, f"{what}: {path}"
        seen = b"".join(heard.frames())
        assert len(seen) > 1000, len(seen)
        for word in (b"Carla", b"Cipher", b"Dario", b"Dark", b"VCARD"):
            assert word not in seen, f"{what}: {word} in clear"
        print(f"{what}: met {met:.1f} s after the second was paired, {path}")


def moves():
    """A device loses its network for a moment, gets narrow cables, and goes over to another network."""
    with world(KEEPS_PORTS, KEEPS_PORTS) as (_, ann, bob):
        until("ann meets bob", lambda: ann.paths().get("bob") == "direct")
        ip("-n", bob.space, "link", "set", "eth", "down")
        add(ann, "Made While Away")
        time.sleep(5)
        ip("-n", bob.space, "link", "set", "eth", "up")
        ip("-n", bob.space, "route", "replace", "default", "via", bob.lan.gateway)
        print(f"a cable pulled for 5 s: what was made is there {arrival(bob, 1):.2f} s after it is back")

        for one in (ann, bob):
            for space, link in ((one.space, "eth"), (one.lan.routers[0], "in"), (one.lan.routers[0], "out")):
                ip("-n", space, "link", "set", link, "mtu", 1280)
        names = [f"Narrow {number} {'wide ' * 200}" for number in range(200)]
        path = ann.home / "narrow.vcf"
        path.write_text("".join(map(CARD.format, names)), newline="")
        begun = time.monotonic()
        ann.run("import", path)
        print(f"a way of 1,280 bytes: 200 contacts there in {arrival(bob, 201, begun):.2f} s")

        begun = time.monotonic()
        ann.join(bob.lan, f"10.{bob.lan.number}.0.77")
        add(ann, "Made After Moving")
        print(f"moved to another network: what was made there is with bob {arrival(bob, 202, begun):.2f} s later")
        ann.run("wait", "--until-confirmed", "--timeout", 60)
        took = time.monotonic() - begun
        assert took < 30, f"moved to another network: {took:.1f} s until all had confirmed"
        print(f"moved to another network: all have confirmed to it {took:.2f} s later")
        until("both are met directly", lambda: ann.paths() == {"nas": "direct", "bob": "direct"})


def arrival(host, items, begun=None):
    """Seconds until a host holds so many."""
    begun = begun or time.monotonic()
    until(f"{host.name} holds {items}", lambda: host.items() == items)
    return time.monotonic() - begun


def changes(host, event, out):
    """Notes when the host told of each item that changed, here or elsewhere."""
    watch = subprocess.Popen(host.command("watch", "--json"), stdout=subprocess.PIPE, text=True)

    def read():
        for line in watch.stdout:
            told = json.loads(line)
            if told["event"] == event and told["items"]:
                out.append(time.monotonic())

    threading.Thread(target=read, daemon=True).start()
    return watch


def far(edits=60, delay=50, loss=1):
    """Over a cable that is late and loses some: how long until an edit is visible on the other device."""
    with Lan(hosts.program(), 83) as lan:
        ann, bob = lan.host("ann"), lan.host("bob")
        with lan.long_cable(bob, delay, loss):
            for one in (ann, bob):
                one.start()
            pair(ann, bob)
            made, seen = [], []
            watches = [changes(ann, "changed", made), changes(bob, "received", seen)]
            time.sleep(1)
            for number in range(edits):
                add(ann, f"Far {number}")
                until("the edit is there", lambda: len(seen) > number)
            for watch in watches:
                watch.terminate()
            took = sorted(1000 * (there - here) for here, there in zip(made, seen, strict=True))
            p95 = took[int(len(took) * 0.95)]
            print(
                f"{delay} ms away, {loss} % lost: an edit is visible after {took[len(took) // 2]:.0f} ms, "
                f"p95 {p95:.0f} ms, at most {took[-1]:.0f} ms ({edits} edits)"
            )


def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--only", help="run only what has this in its name")
    words = words.parse_args()
    reason = hosts.why_not()
    if reason:
        print(f"skipped: {reason}")
        return 0
    cases = [
        ("both routers keep ports", KEEPS_PORTS, KEEPS_PORTS, "direct"),
        ("one router draws ports at random", KEEPS_PORTS, DRAWS_PORTS, "relayed"),
        ("both routers draw ports at random", DRAWS_PORTS, DRAWS_PORTS, "relayed"),
        ("no UDP", KEEPS_PORTS, DRAWS_PORTS, None, "meta l4proto udp"),
    ]
    for case in cases:
        if not words.only or words.only in case[0]:
            meet(*case)
    if not words.only or words.only in "moves":
        moves()
    if not words.only or words.only in "far":
        far()
    return 0


if __name__ == "__main__":
    sys.exit(main())
