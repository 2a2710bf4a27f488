"""The events and tasks of a file one by one, each in a calendar of its own.

For occurrences.py only: files that repeat a UID, or that icalendar does not read as a whole. A group is one
component with the overrides that follow it; the same UID again begins another group. Only the lines that
say when it is are kept, so that a mistake elsewhere in the file does not matter.
"""

import re

KINDS = {"VEVENT": "vevent", "VTODO": "vtodo", "VJOURNAL": "vjournal"}
TIMES = {"DTSTART", "DTEND", "DUE", "DURATION", "RRULE", "EXRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "STATUS", "SEQUENCE"}
UID = "apart"


class Group:
    """Components of one UID: at most one without RECURRENCE-ID, and each RECURRENCE-ID once."""

    def __init__(self, kind, uid, version, zones):
        self.kind, self.uid, self.version, self.zones = kind, uid, version, zones
        self.components, self.at, self.ids = [], [], set()

    def text(self):
        """A calendar of its own."""
        name = next(n for n, kind in KINDS.items() if kind == self.kind)
        said = "\n".join(line for _, lines in self.components for line in lines)
        named = [line for tzid, zone in self.zones if tzid and tzid in said for line in zone]
        out = ["BEGIN:VCALENDAR", f"VERSION:{self.version}", *named]
        for _, lines in self.components:
            out += [f"BEGIN:{name}", f"UID:{UID}", *lines, f"END:{name}"]
        return "\r\n".join([*out, "END:VCALENDAR", ""]).encode("utf-8", "surrogateescape")


def unfolded(bytes_):
    """(number, line) of all logical lines, numbered from 1 where they begin."""
    text = bytes_.decode("utf-8", "surrogateescape").lstrip("\ufeff")
    out = []
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        if line[:1] in (" ", "\t") and out:
            out[-1] = (out[-1][0], out[-1][1] + line[1:])
        else:
            out.append((number, line))
    return out


def name_of(line):
    return re.split("[;:]", line, maxsplit=1)[0].strip().upper()


def groups(bytes_):
    """All groups of a file, in order."""
    lines = unfolded(bytes_)
    zones, version, calendar = zones_of(lines), "2.0", 0
    out, stack, open_, last = [], [], None, {}
    for number, line in lines:
        name = name_of(line)
        value = line.split(":", 1)[1].strip() if ":" in line else ""
        if name == "VERSION" and open_ is None:
            version = value or "2.0"
        if name == "BEGIN":
            calendar += value.upper() == "VCALENDAR"
            stack.append(value.upper())
            if value.upper() in KINDS and open_ is None:
                open_ = {"kind": KINDS[value.upper()], "at": number, "depth": len(stack), "uid": None, "lines": [], "calendar": calendar}
        elif name == "END":
            if open_ and len(stack) == open_["depth"]:
                add(out, last, open_, version, zones.get(calendar, []))
                open_ = None
            if stack:
                stack.pop()
        elif open_ and len(stack) == open_["depth"]:
            if name == "UID":
                open_["uid"] = value
            elif name in TIMES:
                open_["lines"].append(line)
    return out


def zones_of(lines):
    """The definitions of each calendar of a file, by its number, with their TZIDs."""
    found, current, calendar = {}, None, 0
    for _, line in lines:
        bare = line.strip().upper()
        calendar += bare == "BEGIN:VCALENDAR"
        if bare == "BEGIN:VTIMEZONE":
            current = []
        if current is not None:
            current.append(line)
        if bare == "END:VTIMEZONE" and current is not None:
            tzid = next((one.split(":", 1)[1].strip() for one in current if name_of(one) == "TZID" and ":" in one), None)
            found.setdefault(calendar, []).append((tzid, current))
            current = None
    return found


def add(out, last, open_, version, zones):
    """An override belongs to the last component of its UID before it in its calendar; a component begins anew."""
    id_ = next((line for line in open_["lines"] if name_of(line) == "RECURRENCE-ID"), None)
    same = (open_["kind"], open_["uid"], open_["calendar"])
    group = last.get(same) if open_["uid"] else None
    if group is None or id_ in group.ids:
        group = last[same] = Group(*same[:2], version, zones)
        out.append(group)
    group.ids.add(id_)
    group.components.append((id_, open_["lines"]))
    group.at.append(open_["at"])


def of_item(groups_, item):
    """The groups that one of our items was made of: the one that has the line it begins on, else by UID."""
    kind, uid = item["kind"], item["uid"].strip()
    here = [g for g in groups_ if g.kind == kind and item["line"] in g.at]
    return here or [g for g in groups_ if g.kind == kind and g.uid is not None and g.uid.strip() == uid]
