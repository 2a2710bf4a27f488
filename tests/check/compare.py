"""Looks for everything of one component in another: properties, parameters, values, groups, and the
components inside. What is not found is lost; what is found in another form is counted by reason.
Written for the checks only.
"""

import re
from collections import Counter, defaultdict
from dataclasses import replace

from canon import LISTS, OLD_STEP, STEPS, Element, canonical, escape, reasons, split_unescaped, unescape
from contentline import Component

UNREADABLE = "what is no content line: a further line of the text before, or X-PIMESH-UNREADABLE"

# canon-1: book-keeping, which may be absent or newer
BOOK_KEEPING = {"PRODID", "VERSION", "REV", "DTSTAMP", "X-MOZ-GENERATION", "X-MOZ-LASTACK"}
# may be added to an item that lacks them
ADDED = {"UID", "PRODID", "VERSION", "CALSCALE", "DTSTAMP", "X-PIMESH-UNREADABLE"}


class Result:
    """What one comparison found."""

    def __init__(self):
        self.normalised = Counter()
        self.other = None  # the component compared with
        self.lost = []  # (line, what)
        self.extra = []  # (canonical form, what) that came out and never went in

    def add(self, other):
        self.normalised += other.normalised
        self.lost += other.lost
        self.extra += other.extra


def group_signature(props):
    """For each property the names and values that share its group: what the group says."""
    members = defaultdict(list)
    for p in props:
        if p.group:
            members[p.group.lower()].append(p)
    together = {}
    for p in props:
        mates = members.get((p.group or "").lower(), [])
        words = sorted(canonical(element(m)) for m in mates if m is not p and m.name not in BOOK_KEEPING)
        together[id(p)] = tuple((n, v) for n, _, v in words)
    return together


def element(prop, value=None):
    """The property, or one value of a list property, as an Element."""
    return Element(prop.name, tuple(prop.params), prop.value if value is None else value, prop.old,
                   prop.meant if value is None else None)


def is_book_keeping(name):
    return name in BOOK_KEEPING or (name.startswith("X-EVOLUTION-") and name.endswith("ETAG"))


def pieces(prop):
    """One element per value of a list property, else the property itself."""
    if prop.name in LISTS:
        whole = prop.meant if prop.old and prop.meant is not None else prop.value
        values = split_unescaped(whole, ",")
        if len(values) > 1:
            return [element(prop, v) for v in values]
    return [element(prop)]


def compare(went_in, came_out):
    """What of `went_in` is not in `came_out`."""
    result = Result()
    went_in = mended(went_in, came_out, result)
    rest_in, rest_out = identical(went_in, came_out)
    matched_pieces(went_in, rest_in, rest_out, result)
    torn_lines(went_in, came_out, result)
    children(went_in, came_out, result)
    return result


def identical(went_in, came_out):
    """The properties that are not letter by letter on both sides, with what their groups say."""
    in_groups, out_groups = group_signature(went_in.props), group_signature(came_out.props)
    exact = defaultdict(list)
    for p in came_out.props:
        exact[p.name, p.raw_params, p.value, out_groups[id(p)]].append(p)
    rest_in, used = [], set()
    for p in went_in.props:
        same = exact.get((p.name, p.raw_params, p.value, in_groups[id(p)]))
        if same and not (p.old and p.meant is not None):
            used.add(id(same.pop()))
        else:
            rest_in.append((p, in_groups[id(p)]))
    return rest_in, [(p, out_groups[id(p)]) for p in came_out.props if id(p) not in used]


def matched_pieces(went_in, rest_in, rest_out, result):
    """Pairs what is left by comparison form, and says what has no partner."""
    have = defaultdict(list)
    for p, group in rest_out:
        for e in pieces(p):
            have[canonical(e)].append((e, group))
    present = {canonical(e) for p in went_in.props for e in pieces(p)} if rest_in else set()
    seen, left = defaultdict(int), []
    for p, group in rest_in:
        several = pieces(p)
        for e in several:
            key = canonical(e)
            partner = next((x for x in have[key] if x[1] == group), None)
            if partner:
                have[key].remove(partner)
                seen[key] += 1
                result.normalised.update(reasons(e, partner[0]) or [listing(several)])
            else:
                left.append((p, group, e, key))
    for p, group, e, key in left:
        explain(went_in, p, group, e, key, have, seen, result)
    for key, others in have.items():
        for e, _ in others:
            if e.name not in ADDED and not is_book_keeping(e.name) and e.value.strip(";,") != "":
                twice = " (more often than it went in)" if key in present or seen[key] else ""
                result.extra.append((key, f"{show(e)}{twice}"))


def listing(several):
    return "a list split or joined" if len(several) > 1 else "a list joined; case, quotes or white space of parameters"


def explain(went_in, p, group, e, key, have, seen, result):
    """Names why an element without a partner may be absent, or puts it down as lost."""
    old = next(((k, x) for k, xs in have.items() for x in xs
                if e.old and k[0] == e.name and canonical(e, STEPS + [OLD_STEP]) == canonical(x[0], STEPS + [OLD_STEP])), None)
    if e.value.strip(" ;,") == "" and (e.meant or "").strip(" ;,") == "":
        result.normalised["canon-1: an empty value is absent"] += 1
    elif is_book_keeping(p.name):
        result.normalised[f"canon-1: book-keeping ({p.name})"] += 1
    elif p.name == "CALSCALE" and e.value.strip().upper() == "GREGORIAN":
        result.normalised["CALSCALE:GREGORIAN goes without saying"] += 1
    elif have[key] and len(have[key]) == 1 and not group and not have[key][0][1]:
        have[key].pop()
    elif have[key]:
        result.lost.append((p.line, f"group of {show(e)} with {[f'{n}:{v}'[:60] for n, v in group]}"))
        have[key].pop()
    elif old:
        have[old[0]].remove(old[1])
        result.normalised[OLD_STEP[0]] += 1
    elif seen[key] or repeated(went_in, key) > 1:
        result.normalised["an equal repeat is written once"] += 1
    else:
        result.lost.append((p.line, show(e)))


def repeated(component, key):
    """How often an equal element stands in the component."""
    return sum(canonical(e) == key for p in component.props for e in pieces(p))


def show(e):
    params = "".join(f";{n}={v}" if n else f";{v}" for n, v in e.params)
    value = e.meant if e.meant is not None else e.value
    return f"{e.name}{params}:{value if len(value) <= 100 else f'{value[:60]}… ({len(value)} characters)'}"


def signature(component):
    """What two equal components share, whatever the order; kept, since it is asked for often."""
    known = component.__dict__.get("signature")
    if known is None:
        known = component.__dict__["signature"] = fresh_signature(component)
    return known


def fresh_signature(component):
    own = Counter(
        canonical(e) for p in component.props for e in pieces(p) if p.name not in ADDED and not is_book_keeping(p.name)
    )
    inner = Counter(signature(c) for c in component.children)
    return component.name, frozenset(own.items()), frozenset(inner.items())


def mended(went_in, came_out, result):
    """With each line that is no content line put to the text it was torn from, if it came out so."""
    if not went_in.bad:
        return went_in
    have = [(p.name, squeezed(unescape(p.value))) for p in came_out.props]
    props, bad = list(went_in.props), []
    for line, text in went_in.bad:
        at = max((i for i, p in enumerate(props) if p.line < line), key=lambda i: props[i].line, default=None)
        if at is not None and any(n == props[at].name and squeezed(text) in v for n, v in have):
            props[at] = replace(props[at], value=f"{props[at].value}\\n{escape(text)}", meant=None)
            result.normalised[UNREADABLE] += 1
        else:
            bad.append((line, text))
    return Component(went_in.name, went_in.line, props=props, children=went_in.children, bad=bad)


def torn_lines(went_in, came_out, result):
    """Lines that are no content lines, or whose name no program would read: kept as
    X-PIMESH-UNREADABLE, or as they are in a component kept whole."""
    unreadable = [squeezed(unescape(p.value)) for p in came_out.props if p.name == "X-PIMESH-UNREADABLE"]
    raw = {squeezed(text) for _, text in came_out.bad}
    for line, text in went_in.bad:
        if squeezed(text) in raw or squeezed(text) in unreadable:
            result.normalised[UNREADABLE] += 1
        elif squeezed(text):
            result.lost.append((line, f"no content line, and not kept: {text[:60]!r}"))
    texts = {p.line: squeezed(p.text) for p in went_in.props}
    odd = [x for x in result.lost if texts.get(x[0]) in unreadable]
    result.lost = [x for x in result.lost if x not in odd]
    result.normalised[UNREADABLE] += len(odd)


def squeezed(text):
    return re.sub(r"\s+", " ", text).strip()


def children(went_in, came_out, result):
    """Each inner component must be in one of the other side's, each used once."""
    if not went_in.children and not came_out.children:
        return
    have = defaultdict(list)
    for c in came_out.children:
        have[signature(c)].append(c)
    left = []
    for c in went_in.children:
        same = have.get(signature(c))
        if same:
            result.add(compare(c, same.pop()))
        else:
            left.append(c)
    others = [c for cs in have.values() for c in cs]
    for c in left:
        tries = sorted(((compare(c, o), o) for o in others[:200] if o.name == c.name), key=lambda t: (len(t[0].lost), len(t[0].extra)))
        if tries and len(tries[0][0].lost) < max(1, len(c.props) + len(c.children)):
            result.add(tries[0][0])
            others.remove(tries[0][1])
        elif repeats(went_in, c) > 1:
            result.normalised["an equal repeat is written once"] += 1
        elif not c.props and not c.children:
            result.normalised["an empty component is absent"] += 1
        else:
            result.lost.append((c.line, f"component {c.name} with {len(c.props)} properties"))
    result.extra += [(signature(o), f"component {o.name} with {len(o.props)} properties") for o in others]


def parts(component):
    """Canonical forms of all that a component holds directly; kept, as signatures are."""
    if "parts" not in component.__dict__:
        component.__dict__["parts"] = fresh_parts(component)
    return component.__dict__["parts"]


def fresh_parts(component):
    return {canonical(e) for p in component.props for e in pieces(p)} | {signature(c) for c in component.children}


def repeats(component, child):
    mine = signature(child)
    return sum(signature(c) == mine for c in component.children)
