"""The library as an app sees it: two devices in one process, over real sockets on loopback.

Run by mobile-ffi/test.sh, which makes the bindings first.
"""

import asyncio
import gc
import tempfile
import time
import unittest

import pimesh_ffi as pimesh

CARD = """BEGIN:VCARD\r
VERSION:3.0\r
UID:ada\r
FN:Ada Lovelace\r
N:Lovelace;Ada;;;\r
EMAIL;TYPE=WORK:ada@example.com\r
X-FAVOURITE:engines\r
END:VCARD\r
"""
EVENT = """BEGIN:VCALENDAR\r
VERSION:2.0\r
BEGIN:VEVENT\r
UID:tea\r
SUMMARY:Tea\r
DTSTART:20261122T160000Z\r
DTEND:20261122T170000Z\r
RRULE:FREQ=WEEKLY;COUNT=3\r
END:VEVENT\r
END:VCALENDAR\r
"""
LOOPBACK = "/ip4/127.0.0.1/udp/0/quic-v1"
PATIENCE = 30
ALL = pimesh.Filter(kind=pimesh.ItemKind.ALL)


class Listener(pimesh.EventListener):
    """Keeps what it is told; throws after each, where asked to."""

    def __init__(self, throws=False):
        self.events = []
        self.throws = throws

    def on_event(self, event):
        self.events.append(event)
        if self.throws:
            raise RuntimeError("a mistake in the app")


async def until(holds, what):
    """Waits until something holds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"never happened: {what}")
        await asyncio.sleep(0.02)



def options():
    return pimesh.StartOptions(listen=[LOOPBACK], discover=False, poll_sources=False)


class NodeTest(unittest.IsolatedAsyncioTestCase):
    def folder(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return folder.name

    async def node(self, name):
        return await pimesh.Node.open(self.folder() + "/home", name)

    async def test_a_card_and_an_event_are_taken_in_listed_found_and_shown(self):
        node = await self.node("phone")
        self.assertEqual(node.name(), "phone")
        imported = await node.import_text(CARD, None)
        self.assertEqual((imported.added, imported.refused), (1, []))
        self.assertEqual((await node.import_text(CARD, None)).same, 1)
        self.assertEqual((await node.import_text(EVENT, None)).added, 1)

        items = await node.list(ALL)
        self.assertEqual(items.total, 2)
        contacts = await node.list(pimesh.Filter(kind=pimesh.ItemKind.CONTACTS))
        self.assertEqual([item.name for item in contacts.items], ["Ada Lovelace"])
        self.assertEqual(len((await node.list(pimesh.Filter(kind=pimesh.ItemKind.ALL, limit=1))).items), 1)
        (tea,) = (await node.search("tea", None)).items
        self.assertEqual((tea.kind, tea.recurring), ("event", True))
        self.assertEqual(tea.start, "2026-11-22T16:00:00Z")

        week = pimesh.Days(from_day="2026-11-25", to_day="2026-12-06", kind=pimesh.ItemKind.ALL, zone="Asia/Tokyo")
        agenda = await node.agenda(week)
        self.assertEqual([one.start for one in agenda.occurrences], ["2026-11-30T01:00:00+09:00"])
        self.assertEqual((agenda.cut, agenda.flagged), (False, []))
        self.assertEqual((await node.show(tea.id)).flags, [])

        ada = await node.show(contacts.items[0].id)
        self.assertEqual(ada.summary.uid, "ada")
        self.assertIn("X-FAVOURITE:engines", ada.text)
        self.assertIn("ada@example.com", [p.value for p in ada.properties])

    async def test_two_cards_of_one_person_are_proposed_linked_and_taken_apart(self):
        node = await self.node("phone")
        await node.import_text(CARD + CARD.replace("UID:ada", "UID:countess"), None)
        (found,) = await node.duplicates()
        self.assertEqual([(r.property, r.value) for r in found.because], [("EMAIL", "ada@example.com")])
        ids = [item.id for item in found.items]
        self.assertEqual([item.linked for item in await node.link(ids)], [ids[1:], ids[:1]])
        (person,) = (await node.list(ALL)).items
        self.assertEqual((person.id, person.linked), (ids[0], ids[1:]))
        shown = await node.show(person.id)
        self.assertEqual([len(p.items) for p in shown.properties if p.name == "EMAIL"], [2])
        edited = await node.edit(person.id, [pimesh.Patch.SET(name="EMAIL", value="a@b.example")])
        self.assertEqual(sorted(edited.items), sorted(ids))
        await node.unlink([ids[1]])
        self.assertEqual((await node.list(ALL)).total, 2)
        with self.assertRaises(pimesh.PimeshError.Invalid):
            await node.unlink([ids[1]])

    async def test_what_clashes_is_listed_and_decided(self):
        node = await self.node("phone")
        for title in ("Countess", "Engineer"):
            await node.import_text(CARD.replace("X-FAVOURITE:engines", f"TITLE:{title}"), None)
        await node.import_text(EVENT, None)
        moved = EVENT.replace("RRULE:FREQ=WEEKLY;COUNT=3", "RECURRENCE-ID:20261129T160000Z")
        await node.import_text(moved.replace("20261122T16", "20261129T15").replace("20261122T17", "20261129T16"), None)
        (tea,) = (await node.list(pimesh.Filter(kind=pimesh.ItemKind.EVENTS))).items
        await node.edit(tea.id, [pimesh.Patch.SET(name="RRULE", value="FREQ=WEEKLY;COUNT=1")])
        found = await node.conflicts()
        (title,), (occurrence,) = found.properties, found.occurrences
        self.assertEqual((title.name, title.conflict.property), ("Ada Lovelace", "TITLE"))
        self.assertEqual((occurrence.item, occurrence.reason), (tea.id, "occurrence_gone"))
        other = title.conflict.others[0].value
        await node.decide(title.item, "TITLE", pimesh.Decision.KEEP(number=2))
        await node.decide_occurrence(tea.id, occurrence.occurrence, pimesh.OccurrenceChoice.DELETE)
        found = await node.conflicts()
        self.assertEqual((found.properties, found.occurrences), ([], []))
        shown = await node.show(title.item)
        self.assertEqual([p.value for p in shown.properties if p.name == "TITLE"], [other])

    async def test_a_listener_hears_of_an_edit_and_one_that_throws_harms_nobody(self):
        node = await self.node("phone")
        await node.import_text(CARD, None)
        good, bad = Listener(), Listener(throws=True)
        kept, thrown = node.subscribe(good), node.subscribe(bad)
        (ada,) = (await node.list(ALL)).items
        for note in ("one", "two"):
            patch = pimesh.Patch.SET(name="NOTE", value=note)
            edited = await node.edit(ada.id, [patch])
            self.assertEqual(edited.properties, ["NOTE"])
        await until(lambda: len(good.events) == 2 and len(bad.events) == 2, "two events each")
        for event in good.events:
            self.assertTrue(event.is_CHANGED(), event)
            self.assertEqual(event.items, [ada.id])
        self.assertTrue(thrown.is_active())
        kept.cancel()
        await until(lambda: not kept.is_active(), "the end of a subscription")
        self.assertIn("NOTE:two", (await node.show(ada.id)).text)

    async def test_two_devices_pair_and_an_item_and_an_edit_arrive(self):
        phone, laptop = await self.node("phone"), await self.node("laptop")
        await phone.import_text(CARD, None)
        heard = Listener()
        kept = laptop.subscribe(heard)
        self.assertFalse(phone.is_running())
        addresses = await phone.start(options())
        await laptop.start(options())
        self.assertTrue(phone.is_running())

        offer = await phone.pair_offer()
        self.assertEqual(offer.addresses()[0].split("/p2p/")[0], addresses[0].split("/p2p/")[0])
        shown, typed = await asyncio.gather(
            offer.wait(), laptop.pair_join(offer.code(), addresses)
        )
        self.assertEqual((shown.name, typed.name), ("laptop", "phone"))
        self.assertEqual(shown.fingerprint, typed.fingerprint)

        async def texts(node):
            return [(await node.show(i.id)).text for i in (await node.list(ALL)).items]

        def brought(listener):
            # what says how a collection is called comes before its items, and names none
            return any(e.is_RECEIVED() and e.items for e in listener.events)

        await until(lambda: brought(heard), "the arrival of the card")
        self.assertEqual(await texts(laptop), await texts(phone))
        (ada,) = (await laptop.list(ALL)).items
        back = Listener()
        also_kept = phone.subscribe(back)
        await laptop.edit(ada.id, [pimesh.Patch.ADD(name="TEL", value="+44 20 7946 0000")])
        await until(lambda: brought(back), "the arrival of the edit")
        self.assertIn("+44 20 7946 0000", (await phone.show(ada.id)).text)
        self.assertEqual(await texts(laptop), await texts(phone))

        await asyncio.gather(phone.stop(), laptop.stop())
        self.assertFalse(laptop.is_running())
        self.assertEqual((await laptop.list(ALL)).total, 1)
        await phone.stop()
        kept.cancel()
        also_kept.cancel()

    async def test_errors_are_told_by_kind_with_a_reason(self):
        with self.assertRaises(pimesh.PimeshError.Invalid):
            await pimesh.Node.open("", "phone")
        folder = self.folder() + "/home"
        node = await pimesh.Node.open(folder, "phone")
        with self.assertRaises(pimesh.PimeshError.Locked) as locked:
            await pimesh.Node.open(folder, "phone")
        self.assertIn("another pimesh process", locked.exception.reason)
        self.assertTrue(locked.exception.hint)
        with self.assertRaises(pimesh.PimeshError.NotFound):
            await node.show("fffffff")
        with self.assertRaises(pimesh.PimeshError.Invalid):
            await node.import_text("dear diary", None)
        with self.assertRaises(pimesh.PimeshError.Failed):
            await node.pair_offer()
        with self.assertRaises(pimesh.PimeshError.Invalid):
            bad = pimesh.StartOptions(listen=["nowhere"], discover=False)
            await node.start(bad)
        self.assertFalse(node.is_running())
        await node.start(options())
        with self.assertRaises(pimesh.PimeshError.Invalid):
            await node.start(options())
        with self.assertRaises(pimesh.PimeshError.Invalid):
            await node.pair_join("no code at all", [])
        offer = await node.pair_offer()
        waiting = asyncio.create_task(offer.wait())
        await asyncio.sleep(0)
        offer.cancel()
        with self.assertRaises(pimesh.PimeshError.Cancelled):
            await waiting
        await node.stop()

    async def test_a_home_can_be_opened_again_once_the_node_is_let_go(self):
        folder = self.folder() + "/home"
        node = await pimesh.Node.open(folder, "phone")
        await node.import_text(CARD, None)
        del node
        gc.collect()
        end = time.monotonic() + PATIENCE
        while True:
            try:
                again = await pimesh.Node.open(folder, "another name")
                break
            except pimesh.PimeshError.Locked:
                self.assertLess(time.monotonic(), end, "the home stays locked")
                await asyncio.sleep(0.05)
        self.assertEqual(again.name(), "phone")
        self.assertEqual((await again.list(ALL)).total, 1)


if __name__ == "__main__":
    unittest.main()
