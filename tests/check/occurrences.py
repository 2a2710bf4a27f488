"""Is everything when its text says it is? (recurrence rules, zones, overrides)

  occurrences.py [--occurrences BINARY] [--json FILE] [--random N] [--seed N] [--show N] [FILE|FOLDER ...]

Three comparisons with code that is not ours, of what tests/src/bin/occurrences.rs prints:
  1. rules with their instances as libical lists them (corpus/rrule-oracle of PIMESH_CORPUS);
  2. every item of the calendars given (else of PIMESH_CORPUS): its starts and ends within five years
     of its own, computed here by icalendar, dateutil and the zones of Python;
  3. random rules, seeded, against dateutil.
A difference is either named in WHY below, decided by reading RFC 5545, or it is wrong and the exit
code is 1. What cannot be compared within its file (a UID that is there twice, a file that icalendar does
not read) is compared by itself, component by component. Every item must also keep its occurrences when it
is written and read again.
"""

import argparse
import json
import os
import pathlib
import random
import re
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta

import apart
import device
import expected

WHY = {
    "start": "DTSTART is an occurrence, and counts, also where the rule does not name it (3.8.5.3; COUNT in 3.3.10)",
    "refused": "the rule is not one of RFC 5545; shown by its first occurrence, and flagged",
    "months": "BYMONTHDAY expands a year in all its months (table in 3.3.10); libical takes that of DTSTART",
    "weekday": "BYWEEKNO alone names the weekday of DTSTART (3.3.10: what is not in the rule); dateutil takes all seven",
    "interval": "BYSETPOS counts in the whole week, also before DTSTART (3.3.10: the set starts at the beginning of the interval); dateutil counts from DTSTART",
    "weeks": "the year of BYWEEKNO is that of its weeks (ISO 8601, 3.3.10); dateutil takes the calendar's",
    "many": "more occurrences than one item may have; flagged",
    "unread": "icalendar does not read this file or item",
    "twice": "the same UID or RECURRENCE-ID several times in this file; merged as one item",
    "mixed": "a date among times (UNTIL, EXDATE, RDATE, DTEND): read as what DTSTART is, and flagged or documented",
    "onset": "before the first onset of a definition its TZOFFSETFROM holds (3.6.5); icalendar takes the standard time",
}


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--occurrences"), args.add_argument("--json")
    args.add_argument("--random", type=int, default=300), args.add_argument("--seed", type=int, default=5545)
    args.add_argument("--show", type=int, default=20)
    args.add_argument("paths", nargs="*")
    args = args.parse_args()
    program = binary(args.occurrences)
    folder = device.corpus()
    paths = [pathlib.Path(p) for p in args.paths]
    report = {"wrong": []}
    if not paths and folder:
        report["oracle"] = oracle(program, folder / "corpus/rrule-oracle", report["wrong"])
        paths = [folder / "corpus/icalendar", folder / "corpus/imip"]
    elif not paths:
        print("skipped: libical's rules and real calendars (set PIMESH_CORPUS)")
    files = [f for p in paths for f in (sorted(p.rglob("*.ics")) if p.is_dir() else [p])]
    if files:
        report["items"] = corpus(program, files, report["wrong"])
    report["random"] = rules(program, args.random, args.seed, report["wrong"])
    for name in ("oracle", "items", "random"):
        for what, count in sorted(report.get(name, {}).items()):
            print(f"{name:8} {count:6}  {what}")
    for wrong in report["wrong"][: args.show]:
        print("WRONG", wrong)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(report, indent=1))
    print(f"{len(report['wrong'])} differences without a reason")
    return 1 if report["wrong"] else 0


def binary(given):
    """The program that prints occurrences: the argument, PIMESH_OCCURRENCES, or the newest build."""
    given = given or os.environ.get("PIMESH_OCCURRENCES")
    if given:
        return str(pathlib.Path(given).resolve())
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", device.ROOT / "target"))
    built = [p for p in (target / "release/occurrences", target / "debug/occurrences") if p.is_file()]
    if not built:
        raise SystemExit("no program: cargo build -p pimesh-tests --bin occurrences")
    return str(max(built, key=lambda p: p.stat().st_mtime))


def ours(program, text, *window):
    """What our program says of each item of a text."""
    if isinstance(text, str):
        text = text.encode()
    done = subprocess.run([program, *window], input=text, capture_output=True, timeout=120)
    if done.returncode:
        raise SystemExit(f"{program}: {done.stderr.decode()[-500:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def calendar(*lines):
    """One event as a calendar."""
    whole = ["BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", "UID:1", *lines, "END:VEVENT", "END:VCALENDAR", ""]
    return "\r\n".join(whole)


def starts(item):
    """The starts of an item's occurrences, as its digits."""
    return [o["start"] for o in item["occurrences"]]


# --- 1: libical's rules -----------------------------------------------------------------------------


def oracle(program, folder, wrong):
    """Every rule of libical's tests, from its DTSTART to the last instance that libical lists."""
    tally = Counter()
    files = sorted(folder.rglob("*icalrecur_test*.txt"))
    if not files:
        wrong.append(f"no rules in {folder}")
    for file in files:
        for case in re.split(r"\n\s*\n", file.read_text()):
            found = dict(re.findall(r"^(RRULE|DTSTART|INSTANCES): ?(.*)$", case, re.M))
            if len(found) == 3:
                tally[rule(program, found, file.name, wrong)] += 1
    for file in folder.rglob("*recur.txt"):
        for number, text in enumerate(re.findall(r"^BEGIN:VEVENT.*?^END:VEVENT", file.read_text(), re.M | re.S)):
            tally[counted(program, text, f"{file.name} {number}", wrong)] += 1
    return dict(tally)


def rule(program, found, name, wrong):
    rule, start, listed = found["RRULE"], found["DTSTART"], found["INSTANCES"].strip()
    if listed.startswith("***"):
        item = ours(program, calendar(f"DTSTART:{start}", f"RRULE:{rule}"), *span(start, start))[0]
        if any("RFC 7529" in flag for flag in item["flags"]):
            return "refused by both: another calendar (RFC 7529)"
        return "not done by libical; ours is checked by dateutil only"
    instances = listed.split(",")
    item = ours(program, calendar(f"DTSTART:{start}", f"RRULE:{rule}"), *span(start, instances[-1]))[0]
    got = starts(item)
    if any("RFC 7529" in flag for flag in item["flags"]):
        return "another calendar or SKIP (RFC 7529): refused and flagged"
    if got == instances:
        return "equal"
    if start not in instances and got[:1] == [start] and got[1:] == instances[: len(got) - 1]:
        if len(got) - 1 >= len(instances) - 1:
            return "reason: " + WHY["start"]
    if re.fullmatch(r"FREQ=YEARLY;BYMONTHDAY=[-\d,]+;COUNT=\d+", rule):
        return "reason: " + WHY["months"]
    wrong.append(f"{name}: {rule} from {start}: libical {instances[:6]}…, ours {got[:6]}… {item['flags']}")
    return "WRONG"


def span(start, last):
    """A window from a day before a start to the second after the last instance."""
    end = expected.moment(last) + timedelta(seconds=1) if "T" in last else expected.moment(last) + timedelta(days=1)
    begin = expected.moment(start) - timedelta(days=1)
    return begin.strftime("%Y%m%dT%H%M%S").zfill(15), end.strftime("%Y%m%dT%H%M%S").zfill(15)


def counted(program, text, name, wrong):
    """Events of which libical says how many occurrences they have."""
    unfolded = re.sub(r"\n ", "", text.replace("\r", ""))
    want = int(re.search(r"X-EXPECT-NUMEVENTS: *(\d+)", unfolded)[1])
    lines = [l for l in unfolded.split("\n") if re.match(r"(DTSTART|DTEND|RRULE|EXRULE|RDATE|EXDATE|DURATION)\b", l)]
    if not re.search(r"COUNT|UNTIL", unfolded) and "RRULE" in unfolded:
        return "without an end: nothing to count"
    item = ours(program, calendar(*lines), "19800101T000000", "20991231T000000")[0]
    got = len([o for o in item["occurrences"]])
    if got == want:
        return "equal"
    first = re.search(r"DTSTART[^:]*:(\S+)", unfolded)[1]
    if item["occurrences"] and not expected.names_start(lines):
        return "reason: " + WHY["start"]
    wrong.append(f"{name}: {lines}: libical {want}, ours {got} from {first} {item['flags']}")
    return "WRONG"


# --- 2: real calendars ------------------------------------------------------------------------------


def corpus(program, files, wrong):
    tally = Counter(files=len(files))
    for file in files:
        bytes_ = file.read_bytes()
        groups = None
        mine = [i for i in ours(program, bytes_) if "uid" in i and i["kind"] in ("vevent", "vtodo", "vjournal")]
        theirs = expected.items(bytes_)
        for item in mine:
            where = f"{file.parent.name}/{file.name} line {item['line']}"
            if item["kept"] is not True and not hides(item):
                wrong.append(f"{where}: not kept: {item['kept']}")
            tally["items"] += 1
            result, detail = compare(item, theirs)
            if result in ("reason: " + WHY["unread"], "reason: " + WHY["twice"]):
                groups = apart.groups(bytes_) if groups is None else groups
                result, detail = alone(program, item, groups, result)
            tally[result] += 1
            if result == "WRONG":
                wrong.append(f"{where}: {detail} {item['flags']}")
            for flag in item["flags"]:
                tally["flag: " + re.sub(r'".*?[^\\]"|\d+|R?/?:\S+', "…", flag)] += 1
            tally["orphaned overrides"] += len(item["orphans"])
            tally["overrides of one occurrence"] += len(item["doubled"])
    return dict(tally)


def alone(program, item, groups, before):
    """One item of a file that cannot be compared as a whole: each of its components with its overrides in a
    calendar of its own, cut to what says when it is."""
    found = apart.of_item(groups, item)
    if not found:
        return before, ""
    results = []
    for group in found:
        text = group.text()
        mine = [i for i in ours(program, text) if "uid" in i and i["kind"] == item["kind"]]
        if len(mine) != 1:
            return "reason: " + WHY["unread"], ""
        if len(found) == 1 and mine[0]["occurrences"] != item["occurrences"]:
            return "WRONG", "it takes place at other times in its file than alone"
        result, detail = compare(mine[0], expected.items(text))
        if result == "WRONG":
            return result, f"alone: {detail}"
        results.append(result)
    reasons = [r for r in results if not r.startswith("equal")]
    if set(results) == {"equal, nothing says when"}:
        return results[0], ""
    if not reasons:
        return "equal, each component by itself", ""
    return (max(reasons, key=reasons.count) if reasons else before), ""


def hides(item):
    return any("occurrences" in flag for flag in item["flags"])


def compare(item, theirs):
    """One of our items with what Python makes of the same components."""
    same = theirs.get((item["kind"], item["uid"]))
    if not same:
        return "reason: " + WHY["unread"], ""
    ids = [c["RECURRENCE-ID"].to_ical() for c in same["overrides"] if hasattr(c["RECURRENCE-ID"], "to_ical")]
    if len(same["masters"]) > 1 or len(set(ids)) < len(ids):
        return "reason: " + WHY["twice"], ""
    try:
        want = expected.occurrences(same, expected.moment(item["from"]), expected.moment(item["to"]))
    except expected.TooMany:
        return ("reason: " + WHY["many"], "") if hides(item) else ("WRONG", "we have fewer occurrences")
    except expected.CannotSay as e:
        return f"reason: {e}", ""
    if want is None:
        return ("equal, nothing says when", "") if not item["occurrences"] else ("WRONG", "no start for Python")
    got = sorted([o["start"], o["end"], o["cancelled"]] for o in item["occurrences"] + item["orphans"])
    want = sorted(list(o) for o in want)
    if got == want:
        return ("equal, recurring" if same["recurs"] else "equal, single"), ""
    if any("not understood" in flag for flag in item["flags"]):
        return "reason: " + WHY["refused"], ""
    if any("not of the kind" in flag for flag in item["flags"]) or same["mixed"]:
        return "reason: " + WHY["mixed"], ""
    if hides(item):
        return "reason: " + WHY["many"], ""
    if expected.is_before_its_zone(same):
        return "reason: " + WHY["onset"], ""
    lost, more = [o for o in want if o not in got][:2], [o for o in got if o not in want][:2]
    return "WRONG", f"Python has {lost}, we have {more}"


# --- 3: random rules --------------------------------------------------------------------------------

DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


def some(dice, values, most=4):
    return ",".join(map(str, sorted(dice.sample(values, dice.randint(1, min(most, len(values)))), key=str)))


def made(dice):
    """A rule that RFC 5545 allows, and a start."""
    freq = dice.choice(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"])
    parts = [f"FREQ={freq}"]
    slow = freq in ("YEARLY", "MONTHLY")
    maybe = lambda chance: dice.random() < chance
    if maybe(0.5):
        parts.append(f"INTERVAL={dice.randint(2, 7)}")
    if maybe(0.3):
        parts.append(f"BYMONTH={some(dice, range(1, 13))}")
    weeks = freq == "YEARLY" and maybe(0.2)
    if weeks:
        parts.append(f"BYWEEKNO={some(dice, [*range(-53, 0), *range(1, 54)])}")
    elif freq in ("YEARLY", "HOURLY", "MINUTELY", "SECONDLY") and maybe(0.15):
        parts.append(f"BYYEARDAY={some(dice, [*range(-366, 0), *range(1, 367)], 40)}")
    if freq != "WEEKLY" and not weeks and maybe(0.25):
        parts.append(f"BYMONTHDAY={some(dice, [*range(-31, 0), *range(1, 32)], 9)}")
    if maybe(0.4):
        nth = ["", "1", "2", "-1", "5", "-5"] + (["20", "-20", "53"] if freq == "YEARLY" else [])
        parts.append("BYDAY=" + some(dice, [(dice.choice(nth) if slow and not weeks else "") + d for d in DAYS]))
    if maybe(0.25):
        parts.append(f"BYHOUR={some(dice, range(24))}")
    if maybe(0.25):
        parts.append(f"BYMINUTE={some(dice, range(60))}")
    if maybe(0.15):
        parts.append(f"BYSECOND={some(dice, range(60))}")
    if maybe(0.2) and len(parts) > 2:
        parts.append(f"BYSETPOS={some(dice, [-3, -2, -1, 1, 2, 3])}")
    if maybe(0.3):
        parts.append(f"WKST={dice.choice(DAYS)}")
    start = datetime(1997, 1, 1) + timedelta(seconds=dice.randrange(30 * 365 * 86400))
    return ";".join(parts), start


def rules(program, count, seed, wrong):
    """Random rules, the first forty instances each, from the start and from far behind it."""
    dice, tally = random.Random(seed), Counter(seed=seed)
    for _ in range(count):
        text, start = made(dice)
        want = expected.first(text, start, 40)
        if want is None:
            tally["dateutil finds nothing in its time"] += 1
            continue
        tally["rules"] += 1
        from_ = (start - timedelta(days=1)).strftime("%Y%m%dT%H%M%S")
        to = (want[-1] + timedelta(seconds=1)).strftime("%Y%m%dT%H%M%S")
        event = calendar(f"DTSTART:{start:%Y%m%dT%H%M%S}", f"RRULE:{text}")
        item = ours(program, event, from_, to)[0]
        got = [d for d in starts(item) if d != f"{start:%Y%m%dT%H%M%S}"]
        listed = [f"{d:%Y%m%dT%H%M%S}" for d in want if d != start]
        # from far behind: no instance before is looked at, and the same ones come
        middle = want[len(want) // 2]
        late = ours(program, event, f"{middle:%Y%m%dT%H%M%S}", to)[0]
        tail = [d for d in listed if d >= f"{middle:%Y%m%dT%H%M%S}"]
        if got == listed and [d for d in starts(late) if d != f"{start:%Y%m%dT%H%M%S}"] == tail:
            tally["equal"] += 1
        elif "FREQ=WEEKLY" in text and "BYSETPOS" in text and later(got, start) == later(listed, start)[: len(later(got, start))]:
            tally["reason: " + WHY["interval"]] += 1
        elif "BYWEEKNO" in text and not re.search("BY(DAY|MONTHDAY|YEARDAY)", text):
            tally["reason: " + WHY["weekday"]] += 1
        elif "BYWEEKNO" in text and ("INTERVAL" in text or "BYSETPOS" in text):
            tally["reason: " + WHY["weeks"]] += 1
        else:
            tally["WRONG"] += 1
            wrong.append(f"random: {text} from {start:%Y%m%dT%H%M%S}: {listed[:4]} {got[:4]} {item['flags']}")
    return dict(tally)


def later(digits, start):
    """What is not in the first week."""
    return [d for d in digits if d >= f"{start + timedelta(days=7):%Y%m%dT%H%M%S}"]


if __name__ == "__main__":
    sys.exit(main())
