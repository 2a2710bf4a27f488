"""Shows that lossless.py is not blind: an export that is whole is found whole, and each of a dozen
ways to damage it is found. `lossless.py --self-test` runs this."""

import base64
from collections import defaultdict
from pathlib import Path

PHOTO = base64.b64encode(bytes(range(256)) * 3)

CARDS = b"""BEGIN:VCARD
VERSION:3.0
UID:one
FN:Anna Example
N:Example;Anna;;;
EMAIL;TYPE=INTERNET,HOME:anna@example.org
item1.TEL;TYPE=CELL:+43 1 234 567
item1.X-ABLabel:_$!<Other>!$_
TEL;X-EXT=9:+43 1 99
CATEGORIES:Friends,Work
NOTE:one\\, two
 and folded
PHOTO;ENCODING=b;TYPE=JPEG:""" + PHOTO + b"""
END:VCARD
BEGIN:VCARD
VERSION:2.1
FN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:J=F6rg
N;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller;J=F6rg
TEL;HOME;VOICE:123
END:VCARD
"""
ZONE = b"""BEGIN:VTIMEZONE
TZID:Here
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0100
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
"""
MASTER = b"""BEGIN:VEVENT
UID:meeting
DTSTAMP:20250101T000000Z
DTSTART;TZID=Here:20250106T100000
RRULE:FREQ=WEEKLY;COUNT=9
EXDATE;TZID=Here:20250113T100000,20250120T100000
SUMMARY:Meeting
X-ODD;A=1:kept; as, written
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-PT15M
END:VALARM
END:VEVENT
"""
OVERRIDE = b"""BEGIN:VEVENT
UID:meeting
DTSTAMP:20250101T000000Z
RECURRENCE-ID;TZID=Here:20250127T100000
DTSTART;TZID=Here:20250127T120000
SUMMARY:Meeting\\, later
END:VEVENT
"""
HEAD = b"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//EN\nX-WR-CALNAME:Mine\n"
CALENDAR = HEAD + ZONE + MASTER + OVERRIDE + b"END:VCALENDAR\n"

# as a right export would be: other order, other folds, 2.1 as 3.0, lists apart, groups renumbered
GOOD = [
    CARDS[: CARDS.index(b"BEGIN:VCARD\nVERSION:2.1")]
    .replace(b"item1.", b"item7.")
    .replace(b"CATEGORIES:Friends,Work", b"CATEGORIES:Work\nCATEGORIES:Friends")
    .replace(b"INTERNET,HOME:", b"HOME:"),
    "BEGIN:VCARD\nVERSION:3.0\nUID:made\nFN:Jörg\nN:Müller;Jörg;;;\nTEL;TYPE=HOME:123\nEND:VCARD\n".encode(),
    CALENDAR.replace(b"\n", b"\r\n").replace(b"RRULE:FREQ=WEEKLY;COUNT=9", b"RRULE:COUNT=9;FREQ=WEEKLY"),
]

DAMAGE = [
    ("a property is dropped", b"NOTE:one\\, two\n and folded\n", b""),
    ("a parameter is dropped", b"TEL;X-EXT=9:", b"TEL:"),
    ("an alarm is dropped", b"BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\n", b""),
    ("an override is dropped", OVERRIDE.replace(b"\n", b"\r\n"), b""),
    ("a value is swapped", b"SUMMARY:Meeting\r\n", b"SUMMARY:Greeting\r\n"),
    ("a photo is a byte short", PHOTO, base64.b64encode(bytes(range(256)) * 3)[:-4] + base64.b64encode(b"\xfd\xfe")),
    ("a VTIMEZONE is dropped", ZONE.replace(b"\n", b"\r\n"), b""),
    ("a TZID is changed", b"DTSTART;TZID=Here:20250106", b"DTSTART;TZID=There:20250106"),
    ("an EXDATE is dropped", b",20250120T100000", b""),
    ("a group's label is dropped", b"item7.X-ABLabel:_$!<Other>!$_\n", b""),
    ("a label sits on another number", b"item7.TEL", b"TEL"),
    ("a charset is misread", "Müller".encode(), "MÃ¼ller".encode()),
    ("a list value is dropped", b"CATEGORIES:Work\n", b""),
    ("a VTIMEZONE's offset is changed", b"TZOFFSETTO:+0100", b"TZOFFSETTO:+0200"),
    ("a property of the calendar is dropped", b"X-WR-CALNAME:Mine\r\n", b""),
    ("an unknown value is tidied", b"kept; as, written", b"kept\\; as\\, written"),
    ("a telephone number comes twice", b"TEL;TYPE=HOME:123\n", b"TEL;TYPE=HOME:123\nTEL;TYPE=HOME:123\n"),
    ("a whole card is dropped", GOOD[1], b""),
]


def check(exported):
    """Failures that lossless.py finds in this export."""
    from lossless import Tally, account

    tally = Tally()
    imported = {"files": [{"refused": []}], "skipped": []}
    for name, text in (("cards.vcf", CARDS), ("calendar.ics", CALENDAR)):
        account(tally, Path(name), text, exported, imported, defaultdict(list))
    return tally


def main():
    bad = 0
    tally = check(GOOD)
    print(f"{'ok  ' if not tally.failures() else 'FAIL'} a whole export is found whole", tally.lost, tally.extra)
    bad += bool(tally.failures())
    for what, old, new in DAMAGE:
        damaged = [text.replace(old, new) for text in GOOD]
        if damaged == GOOD:
            print(f"FAIL {what}: the self-test damages nothing")
            bad += 1
            continue
        tally = check(damaged)
        first = [w for *_, w in tally.lost + tally.extra][:1]
        print(f"{'ok  ' if tally.failures() else 'FAIL'} found: {what}: {first}")
        bad += not tally.failures()
    print(f"{len(DAMAGE) + 1 - bad} of {len(DAMAGE) + 1} as they should be")
    return 1 if bad else 0
