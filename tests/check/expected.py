"""When the components of a calendar take place, by icalendar, dateutil and Python's own zones.

For occurrences.py only. Local times are computed first and each is then read like a written one
(RFC 5545 3.3.10): in a gap with the offset before it, of two the first, which is what Python's zones
do with fold=0.
"""

import itertools
import re
import signal
from collections import defaultdict
from datetime import date, datetime, time, timedelta, timezone

import icalendar
from dateutil.rrule import rrulestr

MOST = 10_000
KINDS = {"VEVENT": "vevent", "VTODO": "vtodo", "VJOURNAL": "vjournal"}


class TooMany(Exception):
    """More occurrences than one item may have, or more work than is worth it."""


class CannotSay(Exception):
    """The libraries here cannot compute this item; the reason is the message."""


def moment(digits):
    """Our digits as a naive time."""
    digits = digits.rstrip("Z")
    return datetime.strptime(digits.zfill(15) if "T" in digits else digits + "T000000", "%Y%m%dT%H%M%S")


def within(seconds, work):
    """Runs something, but not for ever."""

    def stop(*_):
        raise TooMany

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return work()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def first(text, start, count):
    """The first instances of a rule by dateutil; None where it takes it too long to find any."""
    try:
        found = within(3, lambda: list(itertools.islice(rrulestr(text, dtstart=start), count)))
    except (TooMany, ValueError, IndexError):  # what never matches, and a mistake of dateutil's
        return None
    return found or None


def names_start(lines):
    """True where the rule of an event names its DTSTART."""
    value = {line.split(":")[0].split(";")[0]: line.split(":", 1)[1] for line in lines}
    start = moment(value["DTSTART"])
    return "RRULE" not in value or next(iter(rrulestr(value["RRULE"].rstrip("Z"), dtstart=start, ignoretz=True)), None) == start


def items(bytes_):
    """The components of a file by kind and UID. Each calendar is read alone, as icalendar remembers
    the zones of one for the next; of one that it cannot read, each component alone."""
    out = defaultdict(lambda: {"masters": [], "overrides": [], "zones": {}, "recurs": False, "mixed": False})
    for text in re.findall(rb"^BEGIN:VCALENDAR\b.*?^END:VCALENDAR\b", bytes_, re.M | re.S | re.I) or [bytes_]:
        for calendar in read(text):
            zones = {str(zone.get("TZID")): onset(zone) for zone in calendar.walk("VTIMEZONE")}
            for component in calendar.walk():
                kind = KINDS.get(component.name)
                if not kind or "UID" not in component:
                    continue
                uid = component.get("UID")
                same = out[kind, str(uid[0] if isinstance(uid, list) else uid)]
                part = "overrides" if "RECURRENCE-ID" in component else "masters"
                same[part].append(component)
                same["zones"].update(zones)
                same["recurs"] |= part == "overrides" or "RRULE" in component or "RDATE" in component
    return out


def onset(zone):
    """When a definition begins to say something."""
    starts = [clock(start) for start in (value(part, "DTSTART") for part in zone.subcomponents) if start is not None]
    return min(starts, default=datetime.min)


def is_before_its_zone(same):
    """True where an item begins before the first onset of the definition of its zone."""
    for component in same["masters"] + same["overrides"]:
        start = component.get("DTSTART")
        tzid = str(getattr(start, "params", {}).get("TZID", ""))
        if tzid in same["zones"] and value(component, "DTSTART") and clock(value(component, "DTSTART")) < same["zones"][tzid]:
            return True
    return False


def read(text):
    """A calendar as icalendar reads it, whole or in parts."""
    icalendar.use_zoneinfo()  # forgets the zones of other files
    try:
        return icalendar.Calendar.from_ical(text, multiple=True)
    except Exception:  # whatever a file does to it, we only learn that it cannot say
        pass
    part = lambda name: re.findall(rb"^BEGIN:" + name + rb"\b.*?^END:" + name + rb"\b[^\n]*\n", text, re.M | re.S | re.I)
    zones, found = b"".join(part(b"VTIMEZONE")), []
    for component in part(b"VEVENT") + part(b"VTODO") + part(b"VJOURNAL"):
        icalendar.use_zoneinfo()
        try:
            found.append(icalendar.Calendar.from_ical(b"BEGIN:VCALENDAR\r\n" + zones + component + b"END:VCALENDAR\r\n"))
        except Exception:
            continue
    return found


def value(component, name):
    """The one date or time behind a name, or None."""
    found = component.get(name)
    if isinstance(found, list):
        found = found[0]
    found = getattr(found, "dt", None)
    return found if isinstance(found, (date, datetime)) else None


def is_date(when):
    return isinstance(when, date) and not isinstance(when, datetime)


def clock(when):
    """What the clock shows, naive."""
    return datetime.combine(when, time()) if is_date(when) else when.replace(tzinfo=None)


class Basis:
    """What DTSTART says of all of an item: dates, floating times, or times of a zone."""

    def __init__(self, when):
        self.date = is_date(when)
        self.zone = None if self.date else when.tzinfo

    def instant(self, local):
        """The naive UTC time, or the clock's own where there is no zone."""
        if self.zone is None:
            return local
        try:
            shown = self.zone.localize(local, is_dst=None) if hasattr(self.zone, "localize") else local.replace(tzinfo=self.zone)
        except Exception as e:
            raise CannotSay(f"pytz cannot read this time in this zone: {type(e).__name__}") from e
        return shown.astimezone(timezone.utc).replace(tzinfo=None)

    def read(self, when):
        """Any time of the item, in the order of this basis."""
        if self.date:
            return datetime.combine(clock(when).date(), time())
        if is_date(when):
            return None
        if self.zone is not None and when.tzinfo is not None:
            return Basis(when).instant(clock(when))
        return self.instant(clock(when))

    def show(self, instant):
        if self.date:
            return instant.strftime("%Y%m%d").zfill(8)
        return instant.strftime("%Y%m%dT%H%M%S").zfill(15) + ("Z" if self.zone is not None else "")


def length(component, start, basis):
    """A function from the start on the clock to the end, as shown."""
    end = value(component, "DTEND") or (value(component, "DTSTART") and value(component, "DUE"))
    duration = component.get("DURATION")
    if end is not None:
        if basis.zone is not None and not is_date(end):
            other = Basis(end) if end.tzinfo else basis
            took = other.instant(clock(end)) - basis.instant(clock(start))
        else:
            took = clock(end) - clock(start)
        took = max(took, timedelta())
        if took and is_date(end) != is_date(start):
            raise CannotSay("a date and a time as start and end")
        return lambda local: basis.instant(local) + took
    if duration is not None and hasattr(duration, "dt"):
        took = duration.dt
        if took < timedelta():
            took = timedelta()
        days = timedelta(days=took.days)
        return lambda local: basis.instant(local + days) + (took - days)
    took = timedelta(days=1) if basis.date else timedelta()
    return lambda local: basis.instant(local) + took


def listed(component, name):
    """The values of EXDATE or RDATE."""
    found = component.get(name, [])
    for one in found if isinstance(found, list) else [found]:
        for part in getattr(one, "dts", []):
            yield part.dt


def by_rules(component, name, start, basis, to):
    """The local times of all rules of this name, to the end of the window."""
    found = component.get(name, [])
    out = set()
    for rule in found if isinstance(found, list) else [found]:
        text = rule.to_ical().decode()
        parts = dict(p.split("=", 1) for p in text.upper().split(";"))
        until = parts.pop("UNTIL", None)
        if basis.date:
            parts = {k: v for k, v in parts.items() if k not in ("BYHOUR", "BYMINUTE", "BYSECOND")}
        count = int(parts.pop("COUNT", 0)) or None
        try:
            rule = rrulestr(";".join(f"{k}={v}" for k, v in parts.items()), dtstart=clock(start))
            first = next(iter(rule), None)
        except (ValueError, TypeError, KeyError):
            raise CannotSay("dateutil refuses the rule") from None
        left = count - (first != clock(start)) if count else None
        last = None
        if until:
            utc, last = until.endswith("Z"), moment(until)
            if basis.date:
                last = datetime.combine(last.date(), time())
            elif "T" not in until:
                last = basis.instant(last + timedelta(days=1, seconds=-1))
            elif not (utc and basis.zone is not None):
                last = basis.instant(last)
        for number, local in enumerate(itertools.islice(rule, left)):
            if local > to + timedelta(days=2) or (last and local > last + timedelta(days=2)):
                break
            if number > 300_000:
                raise TooMany
            if last is None or basis.instant(local) <= last:
                out.add(local)
    return out


def occurrences(same, from_, to):
    """(start, end, cancelled) of all occurrences in the window, and of all orphaned overrides."""
    out = within(20, lambda: list(computed(same, from_, to)))
    if not out and not any(value(c, n) for c in same["masters"] for n in ("DTSTART", "DUE")):
        if not same["overrides"]:
            return None
    if len(out) > MOST:
        raise TooMany
    return out


def computed(same, from_, to):
    holds = lambda start, end: start < to and (end > from_ or start >= from_)
    off = lambda component: str(component.get("STATUS", "")).upper() == "CANCELLED"

    def by_itself(component, local=None, basis=None, took=None):
        start = value(component, "DTSTART") or value(component, "DUE")
        if start is not None:
            basis, local = Basis(start), clock(start)
            took = length(component, start, basis)
        begin, end = basis.instant(local), took(local)
        return begin, end, (basis.show(begin), basis.show(end), off(component))

    times = {"DTSTART", "DTEND", "DUE", "DURATION", "RRULE", "EXRULE", "RDATE", "EXDATE", "RECURRENCE-ID"}
    errors = {str(name).upper() for c in same["masters"] + same["overrides"] for name, _ in c.errors}
    if errors & times or "NONE" in errors:
        unread = ", ".join(sorted(errors & times)) or "a line"
        raise CannotSay(f"icalendar cannot read {unread} of this item")
    master = same["masters"][0] if same["masters"] else None
    start = master and (value(master, "DTSTART") or value(master, "DUE"))
    if start is None:
        for component in same["overrides"]:
            rid = value(component, "RECURRENCE-ID")
            if rid is None and value(component, "DTSTART") is None:
                continue
            basis = Basis(rid) if rid is not None else None
            begin, end, told = by_itself(component, rid and clock(rid), basis, rid and length(component, rid, basis))
            if holds(begin, end):
                yield told
        return
    basis = Basis(start)
    local_of = {}  # instant -> clock
    ids = [clock(when) for when in (value(c, "RECURRENCE-ID") for c in same["overrides"]) if when is not None]
    last = max([to, *(when + timedelta(days=2) for when in ids)])
    for local in by_rules(master, "RRULE", start, basis, last) | {clock(start)}:
        at = basis.instant(local)
        local_of[at] = min(local, local_of.get(at, local))
    own_length = {}
    for when in listed(master, "RDATE"):
        period = when if isinstance(when, tuple) else None
        when = period[0] if period else when
        if is_date(when) != basis.date:
            same["mixed"] = True
            continue
        at = basis.read(when)
        local_of.setdefault(at, clock(when) if basis.zone is None or when.tzinfo is None else
                            at.replace(tzinfo=timezone.utc).astimezone(basis.zone).replace(tzinfo=None))
        if period:
            own_length[at] = (period[1] if isinstance(period[1], timedelta) else basis.read(period[1]) - at)
    called_off = {}  # what was changed all the same takes place
    for local in by_rules(master, "EXRULE", start, basis, last):
        at = basis.instant(local)
        if at in local_of:
            called_off[at] = local_of.pop(at)
    for when in listed(master, "EXDATE"):
        if is_date(when) and not basis.date:
            for at in [at for at, local in local_of.items() if local.date() == when]:
                called_off[at] = local_of.pop(at)
        elif basis.read(when) in local_of:
            called_off[basis.read(when)] = local_of.pop(basis.read(when))
    took = length(master, start, basis)
    by_id, future = {}, []
    for component in same["overrides"]:
        rid = value(component, "RECURRENCE-ID")
        if rid is None:
            raise CannotSay("RECURRENCE-ID is no time")
        at = basis.read(rid)
        if at is None:
            at = basis.instant(datetime.combine(rid, clock(start).time()))
        if at in by_id:
            raise CannotSay("two overrides of one occurrence")
        by_id[at] = component
        params = getattr(component.get("RECURRENCE-ID"), "params", {})
        if str(params.get("RANGE", "")).upper() == "THISANDFUTURE" and (at in local_of or at in called_off):
            future.append((at, component))
    future.sort(key=lambda pair: pair[0])
    for at, component in by_id.items():
        local = local_of.get(at) or called_off.get(at) or at
        begin, end, told = by_itself(component, local, basis, took)
        if (at not in local_of and at not in called_off) or holds(begin, end):
            yield told
    for at, local in local_of.items():
        if at in by_id:
            continue
        before = [pair for pair in future if pair[0] <= at]
        basis_, took_, cancelled = basis, took, off(master)
        if at in own_length:
            took_ = lambda local, at=at: at + own_length[at]
        if before:
            from_at, component = before[-1]
            moved = value(component, "DTSTART")
            cancelled = off(component)
            if moved is not None:
                basis_ = Basis(moved)
                local = local + (clock(moved) - (local_of.get(from_at) or called_off[from_at]))
                took_ = length(component, moved, basis_)
        begin, end = basis_.instant(local), took_(local)
        if holds(begin, end):
            yield basis_.show(begin), basis_.show(end), cancelled
