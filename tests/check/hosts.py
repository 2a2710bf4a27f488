"""Machines of our own: network namespaces on one switch, each with a device that runs.

Everything is made here and taken away again; nothing of the machine's own network is touched."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import capture
import device
import slow

TRIES = 600  # tenths of a second that anything may take on a busy machine


def why_not():
    """Why there can be no machines here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in ("ip", "nft") if not shutil.which(tool)]
    return f"no {' and no '.join(missing)} here" if missing else None


def ip(*words):
    subprocess.run(["ip", *map(str, words)], check=True, capture_output=True, text=True)


def until(what, look):
    """What `look` gives once it gives something; fails with `what` when it never does."""
    for _ in range(TRIES):
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise SystemExit(f"not within {TRIES / 10:.0f} s: {what}")


def links(space, *how):
    done = subprocess.run(["ip", "-n", space, *how, "-j", "link", "show"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


class Lan:
    """One switch; leaving takes everything away."""

    def __init__(self, program, number=77):
        self.program, self.number = program, number
        self.gateway = None
        self.mark = f"pm{os.getpid() % 10000}n{number}"
        self.hosts, self.routers = [], []
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pimesh-lan."))

    def __enter__(self):
        self.space = f"{self.mark}s"
        ip("netns", "add", self.space)
        ip("-n", self.space, "link", "add", "switch", "type", "bridge", "mcast_snooping", 0)
        ip("-n", self.space, "link", "set", "switch", "up")
        return self

    def host(self, name):
        one = Host(self, name, len(self.hosts) + 1)
        self.hosts.append(one)
        return one

    def plug(self, space, link):
        """A cable from the switch to a machine's new interface."""
        port = f"p{space[-4:]}{link}"
        ip("-n", self.space, "link", "add", port, "type", "veth", "peer", "name", link, "netns", space)
        ip("-n", self.space, "link", "set", port, "master", "switch", "up")
        ip("-n", space, "link", "set", link, "up")

    @contextlib.contextmanager
    def long_cable(self, host, delay_ms, loss_percent, seed=1):
        """Has this host's cable take its time, and lose some of what it carries."""
        inside = ["ip", "netns", "exec", self.space]
        (port,) = [one["ifname"] for one in links(self.space) if one["ifname"].startswith(f"p{host.space[-4:]}")]
        ip("-n", self.space, "link", "set", port, "nomaster")
        ip("-n", self.space, "link", "add", "far", "type", "veth", "peer", "name", "near")
        ip("-n", self.space, "link", "set", "near", "master", "switch", "up")
        ip("-n", self.space, "link", "set", "far", "up")
        for one in self.hosts:
            subprocess.run(["ip", "netns", "exec", one.space, sys.executable, slow.__file__, "--plain", "eth"], check=True)
        words = [sys.executable, slow.__file__, port, "far", delay_ms, loss_percent, seed]
        cable = subprocess.Popen([*inside, *map(str, words)], stdout=subprocess.PIPE, text=True)
        assert cable.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            cable.terminate()
            cable.wait(30)

    def __exit__(self, *_):
        for host in self.hosts:
            host.stop()
        for space in [host.space for host in self.hosts] + self.routers:
            subprocess.run(["ip", "netns", "del", space], capture_output=True)
        subprocess.run(["ip", "netns", "del", self.space], capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)


class Host:
    """One machine with one device."""

    def __init__(self, lan, name, number):
        self.lan, self.name, self.number = lan, name, number
        self.space = f"{lan.mark}h{number}"
        self.address = f"10.{lan.number}.0.{number}"
        self.node, self.home = None, lan.folder / name
        ip("netns", "add", self.space)
        ip("-n", self.space, "link", "set", "lo", "up")
        self.join(lan, self.address)
        self.run("init", "--name", name)

    def join(self, lan, address):
        """Has one cable, to this switch."""
        subprocess.run(["ip", "-n", self.space, "link", "del", "eth"], capture_output=True)
        lan.plug(self.space, "eth")
        self.address = address
        ip("-n", self.space, "addr", "add", f"{address}/24", "dev", "eth")
        way = ["via", lan.gateway] if lan.gateway else ["dev", "eth"]
        ip("-n", self.space, "route", "add", "default", *way)

    def command(self, *words):
        return ["ip", "netns", "exec", self.space, self.lan.program, "--home", str(self.home), *map(str, words)]

    def run(self, *words, codes=(0,)):
        """The JSON of one command."""
        done = subprocess.run(
            [*self.command(*words), "--json"], capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        if done.returncode not in codes:
            raise SystemExit(f"{self.name}: {' '.join(map(str, words))}: exit {done.returncode}: {done.stderr[-400:]}")
        lines = done.stdout.strip().splitlines()
        return json.loads(lines[-1]) if lines else None

    def start(self, *words):
        """Switches the device on."""
        log = open(self.home / "run.log", "w")
        run = self.command("run", "--json", *words)
        self.node = subprocess.Popen(run, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        until(f"{self.name} is ready", lambda: '"ready"' in (self.home / "run.log").read_text())

    def stop(self):
        """Switches it off."""
        if self.node:
            self.node.send_signal(signal.SIGTERM)
            self.node.wait(30)
            self.node = None

    def firewall(self, *rules):
        """Lets in what was asked for, what these rules accept, and nothing else."""
        lines = "\n".join(rules)
        table = f"""table inet guard {{ chain in {{ type filter hook input priority 0; policy drop;
            ct state established,related accept
            iifname lo accept
            icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept
            {lines}
            }}
            }}
            """
        subprocess.run(["ip", "netns", "exec", self.space, "nft", "-f", "-"], input=table, text=True, check=True)

    def hears_only(self, *addresses):
        """As if no other machine were in the network: a firewall alone two devices get through by calling each other."""
        near = ", ".join(["127.0.0.1", *addresses])
        table = f"""table inet far {{ chain in {{ type filter hook input priority -10;
            ip saddr != {{ {near} }} drop
            iifname != lo ip6 nexthdr udp drop
            iifname != lo ip6 nexthdr tcp drop
            }}
            }}
            """
        subprocess.run(["ip", "netns", "exec", self.space, "nft", "-f", "-"], input=table, text=True, check=True)

    def others(self):
        """The other devices it lists: by name, whether connected."""
        return {one["name"]: one["connected"] for one in self.run("devices")["devices"]}

    def paths(self):
        """How it is connected with those that it is connected with: by name, "direct" or "relayed"."""
        return {one["name"]: one["path"] for one in self.run("devices")["devices"] if one["connected"]}

    def counters(self):
        """(bytes, packets) that its interface has sent and received."""
        (eth,) = [one for one in links(self.space, "-s") if one["ifname"] == "eth"]
        return tuple(eth["stats64"]["rx"][what] + eth["stats64"]["tx"][what] for what in ("bytes", "packets"))

    def items(self):
        return sum(one["items"] for one in self.run("collections")["collections"])


class Capture:
    """What an interface sends and receives between entering and leaving."""

    def __init__(self, space, folder, link="eth"):
        self.space, self.link, self.file = space, link, folder / f"{space}.{link}.frames"

    def __enter__(self):
        words = [sys.executable, capture.__file__, self.link, str(self.file)]
        self.process = subprocess.Popen(["ip", "netns", "exec", self.space, *words], stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise SystemExit(f"nothing listens on {self.link} of {self.space}")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        if self.process.wait(30) != 0:
            raise SystemExit(f"the capture on {self.link} of {self.space} is not whole")

    def frames(self):
        return list(capture.frames(self.file))


def pair(shows, types, by="code", at=()):
    """Pairs two devices, at an address only if one is given; gives the seconds from typing to paired."""
    offer = subprocess.Popen(
        [*shows.command("pair", "offer"), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    code = json.loads(offer.stdout.readline())[by]
    begun = time.monotonic()
    types.run("pair", "join", code, "--yes", *(word for one in at for word in ("--addr", one)))
    seconds = time.monotonic() - begun
    offer.communicate(timeout=60)
    if offer.returncode != 0:
        raise SystemExit(f"{shows.name} did not pair: exit {offer.returncode}")
    return seconds


def program():
    return device.binary()
