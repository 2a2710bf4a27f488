"""One pimesh device, driven as a person's script would: by its command, its exit codes and its JSON."""

import json
import os
import pathlib
import re
import resource
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Failed(Exception):
    """The command did what no command may: crashed, hung, or printed no JSON."""


def binary(given=None):
    """The program to check: the argument, PIMESH, or the newest build in target/."""
    if given or os.environ.get("PIMESH"):
        return str(pathlib.Path(given or os.environ["PIMESH"]).resolve())
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    built = [p for p in (target / "release/pimesh", target / "debug/pimesh") if p.is_file()]
    if not built:
        raise SystemExit("no pimesh binary: build one, or set PIMESH")
    return str(max(built, key=lambda p: p.stat().st_mtime))


def corpus():
    """The folder of real files, or None where there is none."""
    given = os.environ.get("PIMESH_CORPUS")
    for folder in ([pathlib.Path(given)] if given else [ROOT.parent / "shared"]):
        if (folder / "corpus").is_dir():
            return folder
    return None


class Run:
    """What one command did."""

    def __init__(self, code, out, err, seconds, peak_mb):
        self.code, self.out, self.err, self.seconds, self.peak_mb = code, out, err, seconds, peak_mb

    @property
    def json(self):
        try:
            return json.loads(self.out)
        except ValueError as e:
            raise Failed(f"no JSON (exit {self.code}): {e}; {(self.err or self.out)[-300:]}") from e


class Device:
    """A home and the program that works on it."""

    def __init__(self, program, home):
        self.program, self.home = program, str(home)

    def run(self, *words, limit=600):
        """Runs one command to its end, with its time and its greatest resident memory."""
        started = time.monotonic()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = subprocess.Popen(
                [self.program, *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**os.environ, "PIMESH_HOME": self.home, "NO_COLOR": "1"},
            )
            peak = finish(child, started + limit)
            seconds = time.monotonic() - started
            texts = [(f.seek(0), f.read().decode("utf-8", "replace"))[1] for f in (out, err)]
        if peak is None:
            raise Failed(f"`{words[0]}` took over {limit} s")
        if "panicked" in texts[1] or child.returncode < 0:
            raise Failed(f"`{words[0]}` crashed (exit {child.returncode}): {texts[1][-400:]}")
        return Run(child.returncode, *texts, seconds, peak / 1024)

    def init(self):
        done = self.run("init", "--name", "checked")
        if done.code != 0:
            raise Failed(f"init: exit {done.code}: {done.err[-300:]}")
        return self

    def import_(self, path, limit=600):
        done = self.run("import", "--json", path, limit=limit)
        if done.code not in (0, 3):
            raise Failed(f"import: exit {done.code}: {done.err[-300:]}")
        return done

    def collections(self):
        return self.run("collections", "--json").json["collections"]

    def list(self):
        return self.run("list", "--json").json["items"]

    def show(self, item):
        return self.run("show", "--json", item).json

    def export(self, folder):
        """Every collection as a folder of its own name below `folder`; the files."""
        files = []
        for one in self.collections():
            to = pathlib.Path(folder) / one["name"].replace("/", "_")
            done = self.run("export", "--json", one["id"], to)
            if done.code != 0:
                raise Failed(f"export: exit {done.code}: {done.err[-300:]}")
            files += [p for p in sorted(to.rglob("*")) if p.suffix in (".vcf", ".ics")]
        return files


def finish(child, deadline):
    """Waits for a child; its greatest resident memory in kB, or None where it had to be killed.

    Linux counts what this process held at the fork as the child's own, so a smaller figure is
    taken from what the child's /proc entry showed last.
    """
    pause, seen = 0.001, 0
    inherited = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    while True:
        seen = max(seen, high_water(child.pid))
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            return usage.ru_maxrss if usage.ru_maxrss > inherited else seen
        if time.monotonic() > deadline:
            child.kill()
            _, status, _ = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            return None
        time.sleep(pause)
        pause = min(pause * 1.2, 0.01)


def high_water(pid):
    """VmHWM of a process in kB; 0 where it is gone."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+)", status)
    return int(found[1]) if found else 0
