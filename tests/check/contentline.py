"""Reads vCard 2.1/3.0/4.0, vCalendar 1.0 and iCalendar texts into components and properties.

Written for the checks only: it shares no code and no table with pimesh, so that a mistake in the
one cannot hide the same mistake in the other. Standard library only. Every property keeps the line
it began on, the text as written and, for the old formats, the text as it was meant (charset,
quoted-printable).
"""

import quopri
import re
from dataclasses import dataclass, field, replace

NAME = re.compile(r"[^\x00-\x20\x7f\"=,;:]+\Z")


@dataclass
class Prop:
    """One content line."""

    line: int
    group: str | None
    name: str
    params: list  # of (NAME, value as written without its quotes), in order; bare ones as (None, value)
    raw_params: str
    value: str
    old: bool = False  # from vCard 2.1 or vCalendar 1.0
    meant: str | None = None  # the value after quoted-printable and CHARSET, where it had any
    text: str = ""  # the whole line

    def param(self, name):
        """All values of one parameter, lower-case."""
        return [v.lower() for n, v in self.params if n == name]

    def encoding(self):
        """Lower-case name of the transfer encoding, whether written `ENCODING=x` or bare."""
        bare = [v.lower() for n, v in self.params if n is None]
        for word in self.param("ENCODING") + bare:
            if word in ("quoted-printable", "base64", "b"):
                return word
        return ""


@dataclass
class Component:
    """One BEGIN … END."""

    name: str
    line: int
    end: int = 0
    closed: bool = False
    props: list = field(default_factory=list)
    children: list = field(default_factory=list)
    bad: list = field(default_factory=list)  # (line, text) that are no content lines
    version: str = ""  # of the VCARD or VCALENDAR it is or stands in

    def first(self, name):
        """The value of the first property of this name, or None."""
        return next((p.value for p in self.props if p.name == name), None)

    def walk(self):
        """This component and all below it, without recursion: hostile files nest deep."""
        todo = [self]
        while todo:
            one = todo.pop()
            yield one
            todo.extend(reversed(one.children))


# what people declare, and what they mean
CHARSETS = {"iso-8859-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252", "shift_jis": "cp932", "sjis": "cp932"}


def decode(raw, charset=None):
    """Bytes as text: UTF-8, else as declared, else windows-1252, which takes any byte."""
    escapes = charset and charset.lower() == "iso-2022-jp"
    names = [charset] if escapes else ["utf-8", CHARSETS.get((charset or "").lower(), charset)]
    for name in filter(None, names):
        try:
            return raw.decode(name)
        except (LookupError, UnicodeDecodeError):
            pass
    return "".join(
        bytes([b]).decode("cp1252") if b not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else chr(b) for b in raw
    )


def to_utf8(data):
    """The bytes without a byte order mark; UTF-16 is turned to UTF-8."""
    if data.startswith(b"\xef\xbb\xbf"):
        return data[3:]
    known = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"B\0": "utf-16-le", b"\0B": "utf-16-be"}.get(data[:2])
    return data.decode(known, "replace").encode("utf-8", "surrogatepass") if known else data


def logical_lines(data):
    """(number of the first physical line, unfolded bytes), folds undone before any decoding."""
    physical = re.split(rb"\r\n|\n|\r", data)
    at = 0
    while at < len(physical):
        start, parts, coding = at, [physical[at]], ""
        at += 1
        while at < len(physical):
            following = physical[at]
            if len(parts) < 8:
                coding = coding or coding_of(b"".join(parts))
            if coding == "quoted-printable" and parts[-1].endswith(b"="):
                parts[-1] = parts[-1][:-1]
                parts.append(following)  # a soft line break
            elif not following:
                coding = ""  # ends the base64 of vCard 2.1; else it means nothing, even within a fold
            elif following[:1] in (b" ", b"\t"):
                parts.append(following[1:])
            elif coding == "base64" and re.fullmatch(rb"[A-Za-z0-9+/=]+", following):
                parts.append(following)  # base64 that nobody indented
            else:
                break
            at += 1
        yield start + 1, b"".join(parts)


def coding_of(line):
    """How the value of a line is coded, as its head says."""
    head, cut, _ = line.partition(b":")
    head = head.upper() if cut else b""
    if b"QUOTED-PRINTABLE" in head:
        return "quoted-printable"
    return "base64" if b"BASE64" in head or b"ENCODING=B" in head else ""


def split_outside_quotes(text, mark):
    """Splits at `mark` where it does not stand between double quotes."""
    if '"' not in text:
        return text.split(mark)
    out, current, quoted = [], [], False
    for char in text:
        if char == '"':
            quoted = not quoted
        if char == mark and not quoted:
            out.append("".join(current))
            current = []
        else:
            current.append(char)
    out.append("".join(current))
    return out


def colon(text):
    """Index of the colon that ends name and parameters, or -1."""
    quoted = False
    for at, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif char == ":" and not quoted:
            return at
    return text.find(":") if quoted else -1


def parse_line(number, raw, old):
    """One Prop, or None where the bytes are no content line."""
    text = decode(raw)
    cut = colon(text)
    if cut < 0:
        return None
    head, value = text[:cut], text[cut + 1 :]
    pieces = split_outside_quotes(head, ";")
    full = pieces[0]
    group, dot, name = full.partition(".")
    group, name = (group, name) if dot else ("", full)
    if not NAME.match(name) or (dot and not NAME.match(group)):
        return None
    params = []
    for piece in pieces[1:]:
        key, eq, val = piece.partition("=")
        if not eq:
            params.append((None, piece.strip()))
            continue
        for one in split_outside_quotes(val, ","):
            one = one.strip() if old else one
            params.append((key.strip().upper(), one[1:-1] if len(one) > 1 and one[0] == one[-1] == '"' else one))
    prop = Prop(number, group or None, name.upper(), params, head[len(pieces[0]) :], value, old, text=text)
    charset = next((v for n, v in params if n == "CHARSET"), None)
    body = raw[len(text[: cut + 1].encode("utf-8")) :] if is_utf8(raw) else raw[raw.index(b":") + 1 :]
    if prop.encoding() == "quoted-printable":
        raw_bytes = quopri.decodestring(body)
        known = CHARSETS.get((charset or "").lower(), charset)
        try:
            prop.meant = raw_bytes.decode(known or "utf-8")
        except (LookupError, UnicodeDecodeError):
            prop.meant = decode(raw_bytes)
    elif charset and charset.lower() not in ("utf-8", "us-ascii"):
        prop.meant = decode(body, charset)
    return prop


def is_utf8(raw):
    """Whether the bytes are UTF-8 as they stand."""
    try:
        raw.decode("utf-8")
        return True
    except UnicodeDecodeError:
        return False


def bracket(raw):
    """("BEGIN" or "END", the component's name), or two empty ones."""
    if raw[:1] not in b"BbEe":
        return "", ""
    prop = parse_line(0, raw, False)
    if prop is None or prop.group or prop.name not in ("BEGIN", "END"):
        return "", ""
    name = prop.value.strip().upper()
    return (prop.name, name) if re.fullmatch(r"[A-Z0-9_-]+", name) else ("", "")


# what stands in none of its own kind, so that the next BEGIN ends one without an END
ITEMS = {"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VCARD", "VCALENDAR"}


def parse(data):
    """(components at the root, [(line, text) outside any component])."""
    roots, stray = nested(data, set())
    endless = {c.line for root in roots for c in root.walk() if not c.closed}
    if endless:
        roots, stray = nested(data, endless)
    for root in roots:
        for card in root.walk():
            unpack_agents(card)
    return roots, stray


def ended_by(stack, name, before, endless):
    """How much of what is open stays open when another of this name begins."""
    if name not in ITEMS or len(stack) > 64:  # nobody nests so deep but to hurt
        return len(stack)
    at = max((i for i, c in enumerate(stack) if c.name == name), default=None)
    if at is None or stack[at].line not in endless:
        return len(stack)
    if name == "VCARD" and before.upper().startswith("AGENT"):
        return len(stack)  # the card of an assistant stands within
    if name not in ("VCARD", "VCALENDAR") and any(c.name != "VALARM" for c in stack[at + 1 :]):
        return len(stack)
    return at


def nested(data, endless):
    """The same, where the components that begin in these lines have no END of their own."""
    roots, stack, stray = [], [], []
    last, before = 0, ""
    for number, raw in logical_lines(to_utf8(data)):
        last = number
        if not raw.strip():
            continue
        mark, name = bracket(raw)
        if mark == "BEGIN":
            stays = ended_by(stack, name, before, endless)
            for ended in stack[stays:]:
                ended.end = number - 1
            del stack[stays:]
            one = Component(name, number, version=stack[-1].version if stack else "")
            (stack[-1].children if stack else roots).append(one)
            stack.append(one)
        elif mark == "END":
            if any(c.name == name for c in stack):  # what stands open within it ends too
                while stack[-1].name != name:
                    stack.pop().end = number - 1
                stack[-1].closed, stack[-1].end = True, number
                stack.pop()
            else:
                stray.append((number, decode(raw)))
        elif not stack:
            stray.append((number, decode(raw)))
        else:
            add_line(stack, number, raw)
        before = decode(raw)
    for one in stack:
        one.end = last
    return roots, stray


def unpack_agents(card):
    """A card that stands in another as the text of AGENT (3.0) is one that stands in it as a card (2.1)."""
    for at, prop in enumerate(card.props):
        if prop.name == "AGENT" and prop.value.upper().startswith("BEGIN:VCARD\\N"):
            text = re.sub(r"\\(.)", lambda m: "\n" if m[1] in "nN" else m[1], prop.value, flags=re.S)
            inner, outside = parse(text.encode())
            if len(inner) == 1 and not outside:
                card.children += inner
                card.props[at] = replace(prop, value="")


def add_line(stack, number, raw):
    """Puts one property where it belongs, or notes that it is none."""
    here = stack[-1]
    prop = parse_line(number, raw, here.version in ("2.1", "1.0"))
    if prop and prop.name == "VERSION":
        here.version = prop.value.strip()
    if prop is None:
        here.bad.append((number, decode(raw)))
    else:
        here.props.append(prop)


def items(roots):
    """(component at item level, the VCALENDAR around it or None): cards, and what a calendar holds."""
    for root in roots:
        if root.name == "VCALENDAR":
            for child in root.children:
                yield child, root
        else:
            yield root, None
