"""What may differ between a property that went in and the one that came out, step by step, each
step with a name.

A step is a pure function on `Element`; two elements are the same when all steps make them equal.
Which steps were needed is found afterwards, so that every difference in spelling is counted under
the reason that allows it. The steps named `canon-1: …` are the equalities of the comparison form;
the others are the normalisations that the project documents. Written for the checks only.
"""

import base64
import re
from collections import namedtuple

# name, ((param, value) …) in order, value; old = from vCard 2.1 or vCalendar 1.0, meant = decoded value
Element = namedtuple("Element", "name params value old meant")

TEXTS = set(
    "FN TITLE ROLE NOTE MAILER SORT-STRING CLASS LABEL SUMMARY DESCRIPTION COMMENT LOCATION CONTACT STATUS "
    "TRANSP RELATED-TO TZNAME TZID ACTION NICKNAME CATEGORIES RESOURCES KIND NAME PRODID GENDER".split()
)
STRUCTURED = {"N", "ADR", "ORG"}
LISTS = {"CATEGORIES", "NICKNAME", "RESOURCES", "EXDATE", "RDATE", "FREEBUSY"}
ADDRESSES = {"EMAIL", "ATTENDEE", "ORGANIZER"}
DEFAULTS = {("PARTSTAT", "needs-action"), ("ROLE", "req-participant"), ("RSVP", "false"), ("CUTYPE", "individual")}
BARE_VALUES = {"inline", "url", "uri", "content-id", "cid"}
BARE_ENCODINGS = {"quoted-printable", "base64", "8bit", "7bit"}


def split_unescaped(text, mark):
    """Splits at `mark` where no backslash stands before it."""
    if mark not in text:
        return [text]
    if "\\" not in text:
        return text.split(mark)
    out, start, at = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == mark:
            out.append(text[start:at])
            start = at + 1
        at += 1
    return out + [text[start:]]


def unescape(text):
    """The text that an escaped value stands for."""
    if "\\" not in text:
        return text
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] in "nN" else m[1], text, flags=re.S)


def binary(element):
    """Whether the value is bytes in base64."""
    words = {v.lower() for n, v in element.params if n in ("ENCODING", None)}
    return bool(words & {"b", "base64"})


# ---- normalisations -------------------------------------------------------------------------


def old_format(e):
    """vCard 2.1 and vCalendar 1.0: charset and quoted-printable resolved, bare parameters named."""
    params = []
    for name, value in e.params:
        if name is None:
            low = value.lower()
            name = "ENCODING" if low in BARE_ENCODINGS else "VALUE" if low in BARE_VALUES else "TYPE"
        if name == "CHARSET" or (name == "ENCODING" and value.lower() in ("quoted-printable", "8bit", "7bit")):
            continue
        params.append((name, value))
    value = e.value if e.meant is None else e.meant
    if e.meant is not None and not e.old:
        value = value.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")
    if e.old and not binary(e):
        value = value.replace("\r\n", "\n").replace("\r", "\n")
        if e.name in STRUCTURED:
            parts = [re.sub(r"\\(.)", r"\1", p, flags=re.S) for p in split_unescaped(value, ";")]
            value = ";".join(escape(p) for p in parts)
        else:
            value = escape(re.sub(r"\\([;:,\\])", r"\1", value)) if e.name in TEXTS or "\n" in value else value
    return e._replace(params=tuple(params), value=value)


def escape(text):
    """As a value of vCard 3.0 is written."""
    return re.sub(r"([\\;,])", r"\\\1", text).replace("\n", "\\n")


def base64_name(e):
    names = {"base64": "b"}
    return e._replace(
        params=tuple((n, names.get(v.lower(), v) if n == "ENCODING" else v) for n, v in e.params)
    )


def base64_bytes(e):
    if not binary(e):
        return e
    packed = re.sub(r"\s+", "", e.value)
    try:
        return e._replace(value="bytes:" + base64.b64decode(packed, validate=True).hex())
    except ValueError:
        return e._replace(value=packed)


def binary_names(e):
    """ENCODING=b, and VALUE=BINARY or a type's case beside it, in any spelling."""
    if not binary(e):
        return e
    return e._replace(params=tuple((n, v.upper()) for n, v in e.params if (n, v.lower()) != ("VALUE", "binary")))


def caret(e):
    back = {"^n": "\n", "^N": "\n", "^^": "^", "^'": '"'}
    return e._replace(
        params=tuple((n, re.sub(r"\^[nN^']", lambda m: back[m[0]], v)) for n, v in e.params)
    )


def param_spaces(e):
    return e._replace(params=tuple((n, v.strip()) for n, v in e.params))


def param_order(e):
    return e._replace(params=tuple(sorted(e.params, key=lambda p: (p[0] or "", p[1]))))


# ---- canon-1 --------------------------------------------------------------------------------


def empty_params(e):
    return e._replace(params=tuple(p for p in e.params if p[1] != ""))


def types(e):
    """TYPE is a set; VOICE and INTERNET say nothing; PREF (here or alone) is order."""
    rest, found = [], set()
    for name, value in e.params:
        if name == "TYPE":
            found |= {t.strip().lower() for t in value.split(",")} - {"voice", "internet", "pref", ""}
        elif name != "PREF":
            rest.append((name, value))
    return e._replace(params=tuple(sorted(rest, key=lambda p: (p[0] or "", p[1])) + [("TYPE", t) for t in sorted(found)]))


def defaults(e):
    return e._replace(params=tuple(p for p in e.params if (p[0], p[1].lower()) not in DEFAULTS))


def uid(e):
    if e.name != "UID":
        return e
    return e._replace(value=same_uid(e.value))


def same_uid(value):
    """A UID as it is compared: trimmed, `urn:uuid:` taken off and lower-cased."""
    value = (value or "").strip()
    if value.lower().startswith("urn:uuid:"):
        rest = value[9:].strip()
        if re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", rest):
            return rest.lower()
    if re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value):
        return value.lower()
    return value


def tel(e):
    if e.name != "TEL":
        return e
    bare = re.sub(r"^tel:", "", e.value.strip(), flags=re.I)
    bare = re.sub(r"[ \-.()]", "", bare)
    return e._replace(value=bare) if re.fullmatch(r"\+?\d+", bare) else e


def address(e):
    return e._replace(value=e.value.strip().lower()) if e.name in ADDRESSES else e


def trailing_parts(e):
    return e._replace(value=re.sub(r";+$", "", e.value)) if e.name in STRUCTURED else e


def birthday(e):
    if e.name not in ("BDAY", "ANNIVERSARY"):
        return e
    value = re.sub(r"^(\d{4})-(\d\d)-(\d\d)", r"\1\2\3", e.value.strip())
    value = re.sub(r"^--(\d\d)-(\d\d)", r"--\1\2", value)
    return e._replace(value=re.sub(r"^1604(\d{4})$", r"--\1", value))


def text(e):
    if e.name in STRUCTURED:
        parts = split_unescaped(e.value, ";")
        return e._replace(value="\x1f".join("\x1e".join(unescape(v).rstrip() for v in split_unescaped(p, ",")) for p in parts))
    return e._replace(value=unescape(e.value).rstrip()) if e.name in TEXTS else e


def rule(e):
    if e.name not in ("RRULE", "EXRULE"):
        return e
    parts = [p.strip() for p in e.value.upper().split(";") if p.strip()]
    return e._replace(value=";".join(sorted(p for p in parts if p not in ("INTERVAL=1", "WKST=MO"))))


def duration(e):
    if e.name not in ("DURATION", "TRIGGER", "REFRESH-INTERVAL", "X-PUBLISHED-TTL"):
        return e
    found = re.fullmatch(r"([+-]?)P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", e.value.strip())
    if not found:
        return e
    sign, w, d, h, m, s = found.groups()
    days, seconds = int(w or 0) * 7 + int(d or 0), int(h or 0) * 3600 + int(m or 0) * 60 + int(s or 0)
    return e._replace(value=f"{'-' if sign == '-' else ''}{days}d{seconds}s")


def old_backslash(e):
    """vCard 2.1 does not say what a backslash before another letter means."""
    return e._replace(value=re.sub(r"[\\\s]+", " ", e.value).strip())


STEPS = [
    ("vCard 2.1 / vCalendar 1.0 written as 3.0 / 2.0", old_format),
    ("BASE64 is written b", base64_name),
    ("base64 wrapped anew, the same bytes", base64_bytes),
    ("VALUE=BINARY goes without saying beside ENCODING", binary_names),
    ("parameter text caret-encoded (RFC 6868)", caret),
    ("white space around a parameter", param_spaces),
    ("canon-1: a parameter with no value is absent", empty_params),
    ("canon-1: TYPE is a set without VOICE, INTERNET; PREF is order", types),
    ("canon-1: parameter defaults are absent", defaults),
    ("order of parameters", param_order),
    ("canon-1: UID", uid),
    ("canon-1: separators of a telephone number", tel),
    ("canon-1: ASCII case of an address", address),
    ("canon-1: trailing empty parts of N, ADR, ORG", trailing_parts),
    ("canon-1: ways to write a birthday", birthday),
    ("canon-1: escapes and trailing white space of a text", text),
    ("canon-1: ways to write a rule", rule),
    ("canon-1: ways to write a duration", duration),
]
OLD_STEP = ("vCard 2.1 backslashes and folds can be read either way", old_backslash)


def canonical(element, steps=STEPS):
    """The element after all steps; what two equal elements share."""
    for _, step in steps:
        element = step(element)
    return element.name, element.params, element.value


def reasons(went_in, came_out, steps=STEPS):
    """The fewest steps that make two elements equal, which all steps together do."""
    needed = list(steps)
    for step in steps:
        fewer = [s for s in needed if s is not step]
        if canonical(went_in, fewer) == canonical(came_out, fewer):
            needed = fewer
    return [name for name, _ in needed]
