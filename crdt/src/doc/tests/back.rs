//! Taking back and telling, on random histories: what was shown is shown again, and nobody's
//! newer value is touched.

use proptest::prelude::*;

use super::*;

const KEYS: [&str; 6] = [
    "NAME",
    "NOTE",
    "TEL#1",
    "TEL#2",
    "EMAIL#1",
    "R/:2025/SUMMARY",
];

/// One thing a device does: `None` as a value removes the key.
#[derive(Clone, Debug)]
enum Does {
    Write(usize, Option<u8>),
    End,
    Begin,
    Hear,
    Decide(usize, u8),
    /// Takes in a text of the item: its name and its note.
    Read(u8, u8),
    /// Writes over what was there after so many changes.
    Stale(usize, u8, usize),
}

fn does() -> impl Strategy<Value = (bool, Does)> {
    let what = prop_oneof![
        6 => (0..KEYS.len(), prop::option::of(0..3_u8)).prop_map(|(at, v)| Does::Write(at, v)),
        1 => Just(Does::End),
        1 => Just(Does::Begin),
        2 => Just(Does::Hear),
        2 => (0..KEYS.len(), 0..3_u8).prop_map(|(at, v)| Does::Decide(at, v)),
        2 => (0..3_u8, 0..3_u8).prop_map(|(name, note)| Does::Read(name, note)),
        2 => (0..KEYS.len(), 0..3_u8, 0..9_usize).prop_map(|(at, v, base)| Does::Stale(at, v, base)),
    ];
    (any::<bool>(), what)
}

fn act(on: &mut Replica, other: &Replica, what: &Does) {
    on.clock += 1;
    let author = author(on.device, on.clock, Writer::Person);
    let doc = on.doc();
    let set = |at: usize, value: u8| Edit::Set {
        key: KEYS[at].into(),
        value: format!(":{value}"),
    };
    let change = match what {
        Does::Hear => {
            on.receive(other);
            return;
        }
        Does::Write(at, value) => {
            let clear = || Edit::Clear {
                key: KEYS[*at].into(),
            };
            let edit = value.map_or_else(clear, |value| set(*at, value));
            doc.edit(&doc.heads(), &[edit], &author)
        }
        Does::End => doc.edit(&doc.heads(), &[Edit::Delete { rid: None }], &author),
        Does::Begin => doc.edit(&doc.heads(), &[Edit::Revive { rid: None }], &author),
        Does::Decide(at, value) => doc.resolve(&doc.heads(), &[set(*at, *value)], &author),
        Does::Read(name, note) => {
            let mut item = card("FN:Anna");
            item.values.insert("NAME".into(), format!(":{name}"));
            item.values.insert("NOTE".into(), format!(":{note}"));
            let text = genesis(&item);
            Ok((!on.changes.contains(&text.bytes)).then_some(text))
        }
        Does::Stale(at, value, base) => {
            let known = &on.changes[..1 + base % on.changes.len()];
            let base = Document::load(known.iter().map(Vec::as_slice)).unwrap();
            doc.edit(&base.heads(), &[set(*at, *value)], &author)
        }
    };
    on.changes
        .extend(change.unwrap().map(|change| change.bytes));
}

/// All but the last change, then all: as they came to one device.
fn around(changes: &[Vec<u8>]) -> [Document; 2] {
    let load = |changes: &[Vec<u8>]| Document::load(changes.iter().map(Vec::as_slice)).unwrap();
    [load(&changes[..changes.len() - 1]), load(changes)]
}

/// The changes that take the last one back.
fn taken_back(on: &mut Replica) -> Back {
    let [before, after] = around(&on.changes);
    let back = Back::to(&before.view(), &after.view(), &after.view());
    let heads = after.heads();
    for edits in std::iter::once(&back.edits[..]).chain(back.beside.chunks(1)) {
        on.clock += 1;
        let author = author(on.device, on.clock, Writer::Person);
        let change = after.put_back(&heads, edits, &back, &author).unwrap();
        on.changes.extend(change.map(|change| change.bytes));
    }
    back
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_was_shown_before_the_last_change_is_shown_again(
        story in prop::collection::vec(does(), 1..14),
        last in does(),
    ) {
        let genesis = genesis(&card("FN:Anna\nNOTE:old"));
        let (mut a, mut b) = (Replica::new(1, &genesis), Replica::new(2, &genesis));
        for (is_a, what) in &story {
            let other = if *is_a { b.clone() } else { a.clone() };
            act(if *is_a { &mut a } else { &mut b }, &other, what);
        }
        let known = a.changes.len();
        if !matches!(last.1, Does::Hear) {
            act(&mut a, &b, &last.1);
        }
        if a.changes.len() > known {
            let before = around(&a.changes)[0].view().shown();
            let back = taken_back(&mut a);
            prop_assert_eq!(&back.kept, &Vec::<String>::new());
            let after = a.shown();
            prop_assert_eq!(before.live, after.live);
            let both = |shown: &Shown| -> std::collections::BTreeMap<String, std::collections::BTreeSet<String>> {
                // the same number under two keys is shown once, under either
                let of_list = |key: &str| key.split('#').next().unwrap_or(key).to_owned();
                let mut all: std::collections::BTreeMap<_, std::collections::BTreeSet<String>> =
                    std::collections::BTreeMap::new();
                for (key, value) in &shown.item.values {
                    all.entry(of_list(key)).or_default().insert(value.clone());
                }
                for conflict in &shown.conflicts {
                    let values = all.entry(of_list(&conflict.key)).or_default();
                    values.extend(conflict.others.iter().map(|other| other.value.clone()));
                }
                all
            };
            if before.live {
                prop_assert_eq!(both(&before), both(&after));
            }
        }
    }

    #[test]
    fn a_story_is_told_with_every_change_once_and_ends_with_what_is_shown(
        story in prop::collection::vec(does(), 1..14),
    ) {
        let genesis = genesis(&card("FN:Anna\nNOTE:old"));
        let (mut a, mut b) = (Replica::new(1, &genesis), Replica::new(2, &genesis));
        for (is_a, what) in &story {
            let other = if *is_a { b.clone() } else { a.clone() };
            act(if *is_a { &mut a } else { &mut b }, &other, what);
        }
        let places: Vec<_> = a.changes.iter().map(|c| decode(c).unwrap().hash).collect();
        let place = |hash: &crate::ChangeHash| places.iter().position(|h| h == hash).unwrap() as u64;
        let steps = a.doc().steps(place);
        let told: Vec<_> = steps.iter().map(|step| step.change).collect();
        prop_assert_eq!(&told, &places);
        let mut lives = steps.iter().flat_map(|step| &step.lives);
        let last = lives.rfind(|(rid, _)| rid.is_none()).unwrap();
        prop_assert_eq!(last.1 != Life::Deleted, a.shown().live);
        for (key, value) in &a.shown().item.values {
            let mut written = steps.iter().flat_map(|step| &step.altered);
            prop_assert!(written.any(|w| w.key == *key && w.new.as_ref() == Some(value)), "{}", key);
        }
    }
}

#[test]
fn what_another_device_wrote_since_stays_and_is_told() {
    let genesis = genesis(&card("FN:Anna\nNOTE:old\nTITLE:old"));
    let mut a = Replica::new(1, &genesis);
    let before = a.doc();
    a.change(|item| {
        item.values.insert("NOTE".into(), ":mine".into());
        item.values.insert("TITLE".into(), ":mine".into());
    });
    let after = a.doc();
    a.set("NOTE", ":newer");
    let now = a.doc();
    let back = Back::to(&before.view(), &after.view(), &now.view());
    assert_eq!(back.kept, ["NOTE"]);
    let expected = Edit::Set {
        key: "TITLE".into(),
        value: ":old".into(),
    };
    assert_eq!(back.edits, [expected]);
}

#[test]
fn what_a_change_created_is_deleted_only_while_nobody_else_has_touched_it() {
    let genesis = genesis(&card("FN:Anna"));
    let (nothing, mut a) = (Document::default(), Replica::new(1, &genesis));
    let born = a.doc();
    let back = Back::to(&nothing.view(), &born.view(), &born.view());
    assert_eq!(back.edits, [Edit::Delete { rid: None }]);
    a.set("NOTE", ":mine");
    let back = Back::to(&nothing.view(), &born.view(), &a.doc().view());
    assert_eq!(back.edits, []);
    assert!(back.kept.contains(&key::LIVE.to_owned()));
}

#[test]
fn a_decision_that_was_taken_back_is_in_force_again_when_that_is_taken_back() {
    let genesis = genesis(&card("FN:Anna\nNOTE:old"));
    for kept in [":one", ":two"] {
        let (mut a, mut b) = (Replica::new(1, &genesis), Replica::new(2, &genesis));
        a.set("NOTE", ":one");
        b.set("NOTE", ":two");
        a.receive(&b);
        let decided = Edit::Set {
            key: "NOTE".into(),
            value: kept.into(),
        };
        let by = author(1, 2000, Writer::Person);
        let decision = a.doc().resolve(&a.doc().heads(), &[decided], &by);
        a.take(decision.unwrap().unwrap());
        let before = a.doc();
        taken_back(&mut a);
        assert_eq!(a.shown().conflicts.len(), 1, "{kept}");
        let after = a.doc();
        let back = Back::to(&before.view(), &after.view(), &after.view());
        let by = author(1, 3000, Writer::Person);
        let again = after.put_back(&after.heads(), &back.edits, &back, &by);
        a.take(again.unwrap().unwrap());
        let shown = a.shown();
        assert_eq!(shown.item.value("NOTE"), Some(kept), "{back:?}");
        assert_eq!(shown.conflicts, [], "{kept}");
    }
}

#[test]
fn an_undone_choice_of_what_one_text_says_is_a_conflict_of_both_texts_again() {
    let text = |note: &str| genesis(&card(&format!("FN:Anna\nNOTE:{note}")));
    let mut a = Replica::new(1, &text("one"));
    a.take(text("two"));
    let clash = a.shown().conflicts.remove(0);
    a.set("NOTE", &clash.others[0].value);
    assert_eq!(a.shown().conflicts, []);
    taken_back(&mut a);
    let again = a.shown().conflicts;
    assert_eq!(again.len(), 1);
    let both = [&again[0].shown, &again[0].others[0].value];
    assert!(both.contains(&&clash.shown) && both.contains(&&clash.others[0].value));
}

#[test]
fn the_last_of_several_exports_is_taken_back_whatever_they_say() {
    let of = |text: usize| {
        let (name, year) = (["Anna", "Beate"][text % 2], text / 2);
        let rev = format!("\nREV:202{year}0101T000000Z");
        let rev = if year == 0 { "" } else { &rev };
        genesis(&card(&format!("FN:{name}{rev}"))).bytes
    };
    for number in 0..8 * 8 * 8 {
        let texts = [number % 8, number / 8 % 8, number / 64];
        let mut a = Replica::new(1, &genesis(&card("FN:Clara")));
        a.changes = texts.map(of).to_vec();
        a.changes.dedup();
        if a.changes.len() < 3 || a.changes[0] == a.changes[2] {
            continue;
        }
        let [before, _] = around(&a.changes);
        let before = before.view().shown();
        taken_back(&mut a);
        let after = a.shown();
        let told = |shown: &Shown| -> Vec<(String, Vec<String>)> {
            let others = |it: &Conflict| it.others.iter().map(|it| it.value.clone()).collect();
            let clashes = shown.conflicts.iter();
            clashes.map(|it| (it.shown.clone(), others(it))).collect()
        };
        let [is, was] = [&after, &before].map(|shown| (shown.item.value("NAME"), told(shown)));
        assert_eq!(is, was, "{texts:?}");
    }
}
