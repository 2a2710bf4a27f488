"""Can any file hurt it, and is everything in a file accounted for?

  robust.py [--pimesh BINARY] [--json FILE] [--seconds 5] [--megabytes 200] [FILE|FOLDER ...]

Each file is taken in by a device of its own: no panic, no other exit code than 0 and 3, within the
time and memory allowed; the report's numbers add up and agree with the components counted here; a
file named `…-ok` gives an item. Then everything is exported and taken in again, which must change
nothing. Without arguments it reads the vCard, iCalendar and hostile folders of PIMESH_CORPUS and
what its generator of hostile files writes. Exit code 1 when anything is wrong.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import contentline
import device

MAILS = {".eml", ".mbox"}
READABLE = {".vcf", ".ics", ".vcs", ".ifb", ".ical"}


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--pimesh"), args.add_argument("--json")
    args.add_argument("--seconds", type=float, default=5), args.add_argument("--megabytes", type=float, default=200)
    args.add_argument("paths", nargs="*")
    args = args.parse_args()
    program = device.binary(args.pimesh)
    with tempfile.TemporaryDirectory(prefix="pimesh-hostile-") as made:
        files = named(args.paths) if args.paths else everything(made)
        if not files:
            print("skipped: no corpus (set PIMESH_CORPUS)")
            return 0
        with ThreadPoolExecutor(2) as pool:
            rows = list(pool.map(lambda f: attempt(program, f, args), files))
    return report(rows, args)


def named(paths):
    """All files below the paths."""
    paths = map(pathlib.Path, paths)
    return [f for p in paths for f in (sorted(p.rglob("*")) if p.is_dir() else [p]) if f.is_file()]


def everything(made):
    """The corpus, and the generated hostile files where the generator is there."""
    folder = device.corpus()
    if not folder:
        return []
    files = named(folder / "corpus" / part for part in ("vcard", "icalendar", "hostile"))
    generator = folder / "tools/gen/gen_hostile.py"
    if generator.is_file():
        subprocess.run([sys.executable, generator, made], check=True, stdout=subprocess.DEVNULL)
        files += named([made])
    else:
        print("skipped: generated hostile files (no tools/gen in the corpus)")
    return files


def attempt(program, file, args):
    """One row of the table: what was found about one file."""
    row = {"file": str(file), "wrong": [], "seconds": 0.0, "megabytes": 0.0, "counts": None, "counted": None}
    with tempfile.TemporaryDirectory(prefix="pimesh-robust-") as folder:
        one = device.Device(program, f"{folder}/home")
        try:
            one.init()
            done = one.import_(file, limit=max(60, args.seconds * 4))
            row["seconds"], row["megabytes"] = round(done.seconds, 3), round(done.peak_mb, 1)
            if done.seconds > args.seconds:
                row["wrong"].append(f"took {done.seconds:.1f} s")
            if done.peak_mb > args.megabytes:
                row["wrong"].append(f"used {done.peak_mb:.0f} MB")
            row["wrong"] += accounted(file, done.json, row)
            row["wrong"] += again(one, folder)
        except device.Failed as e:
            row["wrong"].append(str(e))
    return row


def accounted(file, answer, row):
    """What does not add up in the import's report."""
    wrong = []
    counts = row["counts"] = answer["totals"]
    parts = ("added", "changed", "restored", "same", "overrides", "refused")
    if counts["begun"] != sum(counts[p] for p in parts):
        wrong.append(f"does not add up: {counts}")
    told = sum(len(f["refused"]) for f in answer["files"])
    if told != counts["refused"]:
        wrong.append(f"{counts['refused']} refused, {told} reasons given")
    for refusal in (r for f in answer["files"] for r in f["refused"]):
        first = 0 if file.suffix.lower() in MAILS else 1  # a mail as a whole has no line
        if not refusal["reason"].strip() or refusal["line"] < first:
            wrong.append(f"a refusal without line or reason: {refusal}")
    for skipped in answer["skipped"]:
        row["skipped"] = skipped["reason"]
        if file.suffix.lower() in READABLE and not skipped["reason"].strip():
            wrong.append("skipped without a reason")
    items = counts["added"] + counts["changed"] + counts["same"] + counts["restored"]
    if file.stem.endswith("-ok") and items < 1:
        wrong.append(f"no item from a readable file: {answer['files']} {answer['skipped']}")
    if not answer["skipped"] and file.suffix.lower() not in MAILS:
        row["counted"] = counted(file)
        if row["counted"] != counts["begun"]:
            wrong.append(f"{row['counted']} components begin in the file, {counts['begun']} in the report")
    return wrong


def counted(file):
    """The components at item level: cards, what calendars hold, zones that nothing uses, and
    calendars that hold nothing but say something (which is refused, not passed over)."""
    roots, _ = contentline.parse(file.read_bytes())
    count = 0
    for root in roots:
        if root.name != "VCALENDAR":
            count += 1
            continue
        anew = {"PRODID", "VERSION", "CALSCALE", "METHOD"}
        if not root.children and any(p.name.upper() not in anew for p in root.props):
            count += 1
            continue
        used = {v.strip() for c in root.children if c.name != "VTIMEZONE" for one in c.walk()
                for p in one.props for n, v in p.params if n == "TZID"}
        for child in root.children:
            zone = (child.first("TZID") or "").strip() if child.name == "VTIMEZONE" else None
            plain = zone and re.sub(r"\\([,;\\])", r"\1", zone)  # a parameter has no escapes, a TZID has
            count += not {zone, plain} & used
            used -= {zone, plain}  # the first definition travels with its items
    return count


def again(one, folder):
    """Exports everything and takes it in again: nothing may change."""
    before = {c["id"]: c["changes"] for c in one.collections()}
    wrong = []
    if not one.export(f"{folder}/out"):
        return wrong
    answer = one.import_(f"{folder}/out").json
    totals = answer["totals"]
    for what in ("added", "changed", "restored", "refused"):
        if totals[what]:
            wrong.append(f"export, import again: {totals[what]} {what} {[f['refused'] for f in answer['files'] if f['refused']][:2]}")
    after = {c["id"]: c["changes"] for c in one.collections()}
    new = sum(after.values()) - sum(before.values())
    if new:
        wrong.append(f"export, import again: {new} changes written")
    return wrong


def report(rows, args):
    """The table, worst first; what is wrong; the same as JSON."""
    bad = [r for r in rows if r["wrong"]]
    for title, key in (("slowest", "seconds"), ("largest", "megabytes")):
        worst = sorted(rows, key=lambda r: -r[key])[:5]
        print(f"{title}: " + ", ".join(f"{pathlib.Path(r['file']).name} {r[key]}" for r in worst))
    read = [r for r in rows if r["counts"] and not r.get("skipped")]
    print(f"{len(rows)} files: {len(read)} read, {sum('skipped' in r for r in rows)} skipped with a reason, {len(bad)} wrong")
    for part in ("begun", "added", "changed", "same", "overrides", "refused"):
        print(f"{part:>10} {sum(r['counts'][part] for r in read)}")
    for r in bad:
        for what in r["wrong"]:
            print(f"WRONG {r['file']}: {what}")
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(rows, indent=1, ensure_ascii=False))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
