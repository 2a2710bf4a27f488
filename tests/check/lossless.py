"""Does everything that goes in come out? (the first promise)

  lossless.py [--pimesh BINARY] [--json FILE] [--show N] [FILE|FOLDER ...]
  lossless.py --self-test

Each file is taken in by a device of its own and exported; every property, parameter and value of
every component must be in the export, be refused with a reason, or differ only in a way that
canon.py names. Without arguments it reads the vCard and iCalendar folders of PIMESH_CORPUS.
Exit code 1 when anything is lost.
"""

import argparse
import json
import pathlib
import sys
import tempfile
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor

import canon
import contentline
import device
from compare import Result, compare, parts, signature

BOTH_SHOWN = "the same UID twice with differing content: kept beside, in `show`.conflicts"

TWINS = "the same UID twice: the lists of both joined, the newest book-keeping"
NO_MESSAGE = "METHOD of a calendar is not written: what is stored is no message (RFC 4791 4.1)"
MERGED = {"SEQUENCE", "LAST-MODIFIED", "CREATED"}  # kept once, by maximum


class Tally:
    """What was found, by kind of component."""

    def __init__(self):
        self.kinds = defaultdict(Counter)  # kind -> corpus, equal, normalised, refused, lost
        self.reasons = Counter()
        self.refusals = Counter()
        self.lost, self.extra, self.failed = [], [], []

    def failures(self):
        return len(self.lost) + len(self.extra) + len(self.failed)


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--pimesh"), args.add_argument("--json"), args.add_argument("--self-test", action="store_true")
    args.add_argument("--show", type=int, default=60, help="how many losses to print")
    args.add_argument("paths", nargs="*")
    args = args.parse_args()
    if args.self_test:
        import selftest

        return selftest.main()
    paths = [pathlib.Path(p) for p in args.paths]
    if not paths:
        folder = device.corpus()
        if not folder:
            print("skipped: no corpus (set PIMESH_CORPUS)")
            return 0
        paths = [folder / "corpus/vcard", folder / "corpus/icalendar"]
    files = [f for p in paths for f in (sorted(p.rglob("*")) if p.is_dir() else [p]) if f.is_file()]
    tally, program = Tally(), device.binary(args.pimesh)
    with ThreadPoolExecutor(2) as pool:
        for file, found in zip(files, pool.map(lambda f: attempt(program, f), files)):
            if isinstance(found, str):
                tally.failed.append(f"{file}: {found}")
            else:
                account(tally, file, *found)
    report(tally, len(files), args)
    return 1 if tally.failures() else 0


def attempt(program, file):
    """(texts of the import, exported texts, report, conflicts by UID), or why there is none."""
    with tempfile.TemporaryDirectory(prefix="pimesh-lossless-") as folder:
        try:
            one = device.Device(program, f"{folder}/home").init()
            imported = one.import_(file).json
            exported = [f.read_bytes() for f in one.export(f"{folder}/out")]
            beside = defaultdict(list)
            for item in one.list():
                if item["conflicts"]:
                    beside[canon.same_uid(item["uid"])] += one.show(item["id"])["conflicts"]
            return file.read_bytes(), exported, imported, beside
        except device.Failed as e:
            return str(e)


def account(tally, file, data, exported, imported, beside):
    """Compares one file with its export and books the result."""
    roots, stray = contentline.parse(data)
    out = [c for text in exported for c in contentline.items(contentline.parse(text)[0])]
    refused = {(r["line"]): r for f in imported["files"] for r in f["refused"]}
    skipped = imported["skipped"][0]["reason"] if imported["skipped"] else None
    by_key, by_kind, by_content = defaultdict(list), defaultdict(list), defaultdict(list)
    for c, cal in out:
        by_key[key(c)].append((c, cal))
        by_kind[c.name].append((c, cal))
        by_content[signature(c)].append((c, cal))
    twins = defaultdict(list)  # the same UID more than once in one file
    for c, cal in contentline.items(roots):
        if c.first("UID"):
            twins[key(c)[:2]].append((c, cal))
    for number, text in stray:
        if not skipped and number not in refused:
            tally.reasons["text outside any component"] += 1
    for c, cal in contentline.items(roots):
        if c.name == "VTIMEZONE":
            candidates = [(z, k) for k in {id(k): k for _, k in out if k}.values() for z in k.children if z.name == "VTIMEZONE"]
            candidates += by_kind["VTIMEZONE"]
            candidates = [x for x in candidates if same_zone(c, x[0])] or candidates
        else:
            candidates = by_key[key(c)] or ([] if c.first("UID") else by_content[signature(c)] or by_kind[c.name][:300])
        others = [t for t in twins[key(c)[:2]] if t[0] is not c] if c.first("UID") else []
        book(tally, file, c, cal, candidates, refused, skipped, beside, others)
    for root in (r for r in roots if r.name == "VCALENDAR" and not skipped and r.line not in refused):
        kept = {id(k): k for _, k in out if k}.values()
        bad = contentline.Component("VCALENDAR", root.line, props=root.props, bad=root.bad)
        found = min((compare(bad, k).lost for k in kept), key=len, default=[]) if root.bad else []
        tally.lost += [(file, line, what) for line, what in found if line not in refused and "no content line" in what]
        if not root.children:
            rest = [p for p in root.props if p.name not in ("PRODID", "VERSION", "CALSCALE", "METHOD")]
            tally.kinds["VCALENDAR without items"]["corpus"] += 1
            told = root.line in refused or not rest
            tally.kinds["VCALENDAR without items"]["refused" if told else "lost"] += 1
            tally.lost += [(file, p.line, f"property {p.name} of an empty VCALENDAR") for p in rest if not told]


def same_zone(a, b):
    return (a.first("TZID") or "").strip() == (b.first("TZID") or "").strip()


def key(c):
    """What says that two components are the same one."""
    rid = next((p for p in c.props if p.name == "RECURRENCE-ID"), None)
    return c.name, canon.same_uid(c.first("UID")), rid.value.strip() if rid else None


def book(tally, file, c, cal, candidates, refused, skipped, beside, others):
    """One component: refused, equal, normalised, or lost."""
    counts = tally.kinds[c.name]
    counts["corpus"] += 1
    for inner in list(c.walk())[1:]:
        tally.kinds[f"{inner.name} (inner)"]["corpus"] += 1
    refusal = refused.get(c.line) or (cal and refused.get(cal.line))
    if refusal or skipped:
        counts["refused"] += 1
        tally.refusals[f"{c.name}: {refusal['reason'] if refusal else skipped}"] += 1
        for inner in list(c.walk())[1:]:
            tally.kinds[f"{inner.name} (inner)"]["refused"] += 1
        return
    best = best_of(c, cal, candidates)
    if best is None:
        counts["lost"] += 1
        tally.lost.append((file, c.line, f"the whole {c.name} {c.first('UID') or c.first('TZID') or ''}"))
        return
    settle(best, c, beside, others)
    kind = "lost" if best.lost else "normalised" if best.normalised else "equal"
    counts[kind] += 1
    for inner in list(c.walk())[1:]:
        tally.kinds[f"{inner.name} (inner)"]["within"] += 1
    tally.reasons += best.normalised
    tally.lost += [(file, line, what) for line, what in best.lost]
    tally.extra += [(file, c.line, what) for _, what in best.extra]


def best_of(c, cal, candidates):
    """The comparison with the candidate that keeps most; None without candidates."""
    best = None
    for other, other_cal in candidates:
        found = compare(c, other)
        if cal is not None and other_cal is not None and c.name != "VTIMEZONE":
            found.add(around(c, cal, other_cal))
        if best is None or (len(found.lost), len(found.extra)) < (len(best.lost), len(best.extra)):
            best, best.other = found, other
        if not best.lost and not best.extra:
            break
    return best


def around(c, cal, other_cal):
    """The properties of the VCALENDAR, and the time zones that this component uses."""
    result = Result()
    mine, theirs = contentline.Component("VCALENDAR", cal.line), contentline.Component("VCALENDAR", 0)
    mine.props, theirs.props = ([p for p in one.props if p.name != "METHOD"] for one in (cal, other_cal))
    mine.bad = []
    result.add(compare(mine, theirs))
    result.normalised[NO_MESSAGE] += len(cal.props) - len(mine.props)
    if len(theirs.props) < len(other_cal.props):
        result.lost.append((cal.line, "what is exported must be no message (METHOD)"))
    used = {v for one in c.walk() for p in one.props for n, v in p.params if n == "TZID"}
    for zone in cal.children:
        if zone.name == "VTIMEZONE" and (zone.first("TZID") or "").strip() in {u.strip() for u in used}:
            there = [z for z in other_cal.children if z.name == "VTIMEZONE" and same_zone(zone, z)]
            twins = [z for z in cal.children if z.name == "VTIMEZONE" and same_zone(zone, z)]
            if any(signature(z) == signature(t) for z in there for t in twins):
                continue
            found = best_of(zone, None, [(z, None) for z in there])
            what = [(c.line, f"VTIMEZONE {zone.first('TZID')} of this {c.name}")]
            result.lost += what if found is None else [(c.line, f"in VTIMEZONE: {w}") for _, w in found.lost]
    return result


def settle(best, c, beside, others):
    """Takes off what is not lost: kept as a conflict, from a twin, put back where a line was torn."""
    if others:
        mates = [o for o, _ in others if key(o) == key(c)] + [around_it for _, around_it in others if around_it]
        theirs = set().union(*(parts(o) for o in {id(o): o for o in mates}.values()))
        joined = [x for x in best.extra if x[0] in theirs]
        best.extra = [x for x in best.extra if x not in joined]
        newest = [x for x in best.lost if x[1].split(":")[0].split(";")[0] in MERGED]
        best.lost = [x for x in best.lost if x not in newest]
        best.normalised[TWINS] += len(joined) + len(newest)
    uid = canon.same_uid(c.first("UID"))
    texts = [(k["property"], v["value"]) for k in beside.get(uid, []) for v in [k["shown"], *k["others"]]]
    if texts:
        everything = "\n".join(f"{n} {v}" for n, v in texts)
        values = {p.line: p for p in c.props}
        kept = [x for x in best.lost if x[0] in values and values[x[0]].value in everything]
        best.lost = [x for x in best.lost if x not in kept]
        best.normalised[BOTH_SHOWN] += len(kept)
    best.normalised = +best.normalised


def report(tally, files, args):
    """Tables for people, and the same as JSON."""
    columns = ("corpus", "equal", "normalised", "refused", "lost", "within")
    print(f"{'':32}" + "".join(f"{c:>12}" for c in columns))
    for kind, counts in sorted(tally.kinds.items()):
        print(f"{kind[:31]!r:32}" + "".join(f"{counts[c]:>12}" for c in columns))
    for title, found in (("normalised", tally.reasons), ("refused", tally.refusals)):
        print(f"\n{title}:")
        for reason, count in found.most_common():
            print(f"{count:>8}  {reason}")
    for title, found in (("LOST", tally.lost), ("CAME OUT AND NEVER WENT IN", tally.extra)):
        if found:
            print(f"\n{title} ({len(found)}):")
            for file, line, what in found[: args.show]:
                print(f"  {pathlib.Path(file).name}:{line}: {what}")
    for what in tally.failed:
        print(f"FAILED {what}")
    print(f"\n{files} files, {sum(c['corpus'] for c in tally.kinds.values())} components, {len(tally.lost)} lost, "
          f"{len(tally.extra)} invented, {len(tally.failed)} files failed")
    if args.json:
        content = {"files": files, "kinds": tally.kinds, "normalised": tally.reasons, "refused": tally.refusals,
                   "lost": [[str(f), n, w] for f, n, w in tally.lost],
                   "invented": [[str(f), n, w] for f, n, w in tally.extra], "failed": tally.failed}
        pathlib.Path(args.json).write_text(json.dumps(content, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    sys.exit(main())
