"""Does each device show what the mails in the mailbox say?

  mailbox.py --home HOME [--home HOME ...] --truth truth.json [--maildir DIR] [--pimesh BINARY]

Reads the mails with Python's own `email`, `icalendar` and `vobject`, puts requests, cancellations
and replies together by the rules of iTIP, and compares with `list`, `show` and `export` of every
device: titles, start, end, rule and exceptions as instants, overrides, status, sequence, answers of
attendees, names, addresses, telephone numbers, photos byte for byte. All devices must list the same
items. Exit code 1 when anything differs.
"""

import argparse
import base64
import datetime
import email
import email.policy
import json
import pathlib
import sys
import tempfile
from collections import defaultdict

import icalendar
import vobject

import canon
import contentline
import device

CARD_TYPES = ("text/vcard", "text/x-vcard", "text/directory")


# ---- what the mails say --------------------------------------------------------------------


class Said:
    """The state that a reader of all mails must come to."""

    def __init__(self):
        self.events = defaultdict(dict)  # uid -> {recurrence id: VEVENT}
        self.cancelled = {}  # uid -> sequence
        self.accepted = defaultdict(set)  # uid -> addresses that answered, with their answer
        self.cards = {}  # uid -> vobject card


def read(maildir):
    """All mails of a Maildir."""
    said = Said()
    ranks = {}
    for file in sorted(pathlib.Path(maildir).glob("*/*")):
        message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        for part in message.walk():
            kind = part.get_content_type()
            if kind == "text/calendar":
                calendar(said, ranks, icalendar.Calendar.from_ical(part.get_payload(decode=True)))
            elif kind in CARD_TYPES:
                said.cards.update(read_cards(part.get_payload(decode=True)))
    for uid, (sequence, _) in list(said.cancelled.items()):
        if sequence < ranks.get(uid, (0,))[0]:
            del said.cancelled[uid]
    return said


def read_cards(data):
    """Cards by UID, with their photo: vobject drops what follows the comma of a data: URI."""
    cards = {canon.same_uid(c.uid.value): c for c in vobject.readComponents(data.decode("utf-8"))}
    for root in contentline.parse(data)[0]:
        photo = next((p.value for p in root.props if p.name == "PHOTO"), "")
        encoded = photo.partition("base64,")[2] if photo.startswith("data:") else photo
        cards[canon.same_uid(root.first("UID"))].photo_bytes = base64.b64decode(encoded)
    return cards


def calendar(said, ranks, cal):
    """One iMIP message: the request of the highest (SEQUENCE, DTSTAMP) stands as a whole."""
    method = str(cal.get("METHOD", ""))
    events = cal.walk("VEVENT")
    uid = canon.same_uid(str(events[0]["UID"]))
    rank = int(events[0].get("SEQUENCE", 0)), str(instant(events[0]["DTSTAMP"].dt))
    if method == "REQUEST" and rank >= ranks.get(uid, (-1, "")):
        ranks[uid] = rank
        said.events[uid] = {recurrence(e): e for e in events}
    elif method == "CANCEL":
        said.cancelled[uid] = max(rank, said.cancelled.get(uid, (-1, "")))
    elif method == "REPLY":
        for who in several(events[0].get("ATTENDEE")):
            said.accepted[uid].add((str(who).lower(), str(who.params["PARTSTAT"])))


def several(value):
    return [] if value is None else value if isinstance(value, list) else [value]


def instant(value):
    """A point in time that can be compared: the instant, or what the clock on the wall shows."""
    if isinstance(value, datetime.datetime) and value.tzinfo:
        return value.astimezone(datetime.timezone.utc).isoformat()
    return value.isoformat()


def recurrence(event):
    return instant(event["RECURRENCE-ID"].dt) if "RECURRENCE-ID" in event else ""


def facts(event):
    """What is compared of one VEVENT, in plain values."""
    found = {}
    for name in ("SUMMARY", "LOCATION", "DESCRIPTION", "STATUS", "CLASS", "TRANSP"):
        found[name] = str(event.get(name, "")).rstrip()
    found["SEQUENCE"] = int(event.get("SEQUENCE", 0))
    for name in ("DTSTART", "DTEND"):
        found[name] = instant(event[name].dt) if name in event else ""
    found["DURATION"] = str(event["DURATION"].dt) if "DURATION" in event else ""
    found["RRULE"] = ";".join(sorted(event["RRULE"].to_ical().decode().split(";"))) if "RRULE" in event else ""
    found["EXDATE"] = sorted(instant(d.dt) for line in several(event.get("EXDATE")) for d in line.dts)
    found["CATEGORIES"] = sorted(str(c) for line in several(event.get("CATEGORIES")) for c in line.cats)
    found["ORGANIZER"] = str(event.get("ORGANIZER", "")).lower()
    found["ATTENDEE"] = {
        str(a).lower(): (str(a.params.get("PARTSTAT", "NEEDS-ACTION")), str(a.params.get("CN", "")))
        for a in several(event.get("ATTENDEE"))
    }
    found["VALARM"] = sorted(str(a["TRIGGER"].to_ical()) + str(a.get("ACTION")) for a in event.walk("VALARM"))
    return found


def card_facts(card):
    """What is compared of one card."""
    rows = card.contents
    return {
        "FN": card.fn.value,
        "N": str(card.n.value) if "n" in rows else "",
        "EMAIL": sorted(e.value.lower() for e in rows.get("email", [])),
        "TEL": sorted(canon.tel(canon.Element("TEL", (), t.value, False, None)).value for t in rows.get("tel", [])),
        "ADR": sorted(str(a.value) for a in rows.get("adr", [])),
        "ORG": [o.value for o in rows.get("org", [])],
        "NOTE": [n.value for n in rows.get("note", [])],
        "BDAY": [b.value.replace("-", "") for b in rows.get("bday", [])],
        "CATEGORIES": sorted(c for line in rows.get("categories", []) for c in line.value),
        "PHOTO": card.photo_bytes,
    }


# ---- what a device says --------------------------------------------------------------------


def shown(program, home):
    """(items as listed, events by uid and occurrence, cards by uid, texts) of one device."""
    one = device.Device(program, home)
    items, events, cards, texts = one.list(), defaultdict(dict), {}, []
    with tempfile.TemporaryDirectory(prefix="pimesh-mailbox-") as folder:
        for file in one.export(folder):
            text = file.read_bytes()
            texts.append(text)
            if file.suffix == ".ics":
                for event in icalendar.Calendar.from_ical(text).walk("VEVENT"):
                    events[canon.same_uid(str(event["UID"]))][recurrence(event)] = event
            else:
                cards.update(read_cards(text))
    return items, events, cards, texts


def check_truth(where, items, events, truth, wrong):
    """Every field that truth.json has."""
    names = defaultdict(list)
    for item in items:
        names[canon.same_uid(item["uid"])].append(item)
    for uid, expected in list(truth["events"].items()) + list(truth["contacts"].items()):
        found = names.pop(canon.same_uid(uid), [])
        title = expected["title"] if isinstance(expected, dict) else expected
        if len(found) != 1:
            wrong.append(f"{where}: {len(found)} items with UID {uid}, not 1")
        elif found[0]["name"] != title:
            wrong.append(f"{where}: {uid} is listed as {found[0]['name']!r}, not {title!r}")
        elif found[0]["conflicts"]:
            wrong.append(f"{where}: {uid} has {found[0]['conflicts']} conflicts")
        if isinstance(expected, dict) and uid in events and "" in events[uid]:
            event = facts(events[uid][""])
            for name, want in (("STATUS", expected["status"]), ("SEQUENCE", expected["sequence"])):
                if event[name] != want:
                    wrong.append(f"{where}: {uid} has {name} {event[name]!r}, not {want!r}")
            for address in expected.get("accepted", []):
                if event["ATTENDEE"].get(f"mailto:{address.lower()}", ("",))[0] != "ACCEPTED":
                    wrong.append(f"{where}: {uid}: {address} has accepted, and it is not shown")
    wrong += [f"{where}: an item nobody sent: {i['uid']} {i['name']!r}" for many in names.values() for i in many]


def check_list(where, items, said, wrong):
    """When each event begins and whether it repeats, as the list tells it."""
    for item in items:
        master = said.events.get(canon.same_uid(item["uid"]), {}).get("")
        if master is None:
            continue
        start = master["DTSTART"]
        wall = start.dt.replace(tzinfo=None).isoformat() if hasattr(start.dt, "hour") else start.dt.isoformat()
        zone = "Z" if start.to_ical().endswith(b"Z") else "[" if "TZID" in start.params else ""
        told = item["start"] or ""
        if not told.startswith(wall + zone) or (not zone and told != wall):
            wrong.append(f"{where}: {item['uid']} is listed to start at {told!r}, the mails say {wall!r} {start.params}")
        if item["recurring"] != ("RRULE" in master):
            wrong.append(f"{where}: {item['uid']} is listed with recurring {item['recurring']}")


def check_mails(where, events, cards, said, wrong):
    """Every fact that the mails state."""
    for uid, parts in said.events.items():
        have = events.get(uid, {})
        if set(have) != set(parts):
            wrong.append(f"{where}: {uid} has the occurrences {sorted(have)}, not {sorted(parts)}")
        for rid in set(have) & set(parts):
            want, got = facts(parts[rid]), facts(have[rid])
            if uid in said.cancelled:  # the end of a series is the end of its occurrences
                want["STATUS"], want["SEQUENCE"] = "CANCELLED", said.cancelled[uid][0]
            for address, answer in said.accepted.get(uid, ()) if not rid else ():
                want["ATTENDEE"][address] = (answer, want["ATTENDEE"].get(address, ("", ""))[1])
            for name in want:
                if want[name] != got[name]:
                    wrong.append(f"{where}: {uid} {rid}: {name} is {got[name]!r}, the mails say {want[name]!r}")
    for uid, card in said.cards.items():
        if uid not in cards:
            wrong.append(f"{where}: no card {uid} {card.fn.value!r}")
            continue
        want, got = card_facts(card), card_facts(cards[uid])
        for name in want:
            if want[name] != got[name]:
                wrong.append(f"{where}: card {uid}: {name} is {str(got[name])[:80]!r}, the mail says {str(want[name])[:80]!r}")


def check_same(devices, wrong):
    """All devices list the same items and give out the same texts."""
    first = None
    for where, (items, _, _, texts) in devices.items():
        seen = sorted((i["doc"], i["uid"], i["kind"], i["name"], i["start"] or "", i["end"] or "", i["recurring"], i["conflicts"]) for i in items)
        both = seen, sorted(texts)
        if first is None:
            first = where, both
            continue
        if first[1][0] != seen:
            differ = set(first[1][0]) ^ set(seen)
            wrong.append(f"{first[0]} and {where} list {len(differ)} items differently: {sorted(differ)[:2]}")
        if first[1][1] != both[1]:
            wrong.append(f"{first[0]} and {where} export {len(set(first[1][1]) ^ set(both[1]))} different texts")


def check(program, homes, truth, maildir):
    """(what is wrong, a line of counts)."""
    wrong, said = [], read(maildir) if maildir else Said()
    devices = {pathlib.Path(h).name: shown(program, h) for h in homes}
    for where, (items, events, cards, _) in devices.items():
        check_truth(where, items, events, truth, wrong)
        check_list(where, items, said, wrong)
        check_mails(where, events, cards, said, wrong)
    check_same(devices, wrong)
    overrides = sum(bool(rid) for parts in said.events.values() for rid in parts)
    photos = sum("photo" in c.contents for c in said.cards.values())
    return wrong, (f"{len(devices)} devices, {len(truth['events'])} events ({overrides} overrides, {len(said.cancelled)} cancelled, "
                   f"{len(said.accepted)} answered), {len(truth['contacts'])} contacts ({photos} photos), {len(wrong)} differences")


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--home", action="append", required=True), args.add_argument("--truth", required=True)
    args.add_argument("--maildir"), args.add_argument("--pimesh"), args.add_argument("--show", type=int, default=40)
    args = args.parse_args()
    truth = json.loads(pathlib.Path(args.truth).read_text(encoding="utf-8"))
    wrong, counts = check(device.binary(args.pimesh), args.home, truth, args.maildir)
    for what in wrong[: args.show]:
        print(f"WRONG {what}")
    print(counts)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
