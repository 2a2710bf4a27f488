#!/usr/bin/env python3
"""Devices behind two routers that let nobody in meet through a third of their own, which relays.

Needs root, `ip` and `nft`. It also says what the relay's network carries in clear: nothing."""

import argparse
import contextlib
import subprocess
import sys
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
    return 0


if __name__ == "__main__":
    sys.exit(main())
