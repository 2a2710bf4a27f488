//! Texts made to be slow: the whole line from bytes to rendered text in bounded time.

use std::fmt::Write as _;
use std::time::Duration;

use super::*;
use crate::doc::{Document, genesis};

/// How many of each thing: fewer in a build without optimisation, which is ten times slower.
const MANY: usize = if cfg!(debug_assertions) { 4000 } else { 20_000 };

/// What the whole line may take for one text: reading and first changes are half of it.
const LIMIT: Duration = Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 4 });

/// Reads a text, makes documents of its items, two clashing ones of the first, writes all back.
fn all_of(bytes: &[u8]) -> usize {
    let text = Text::read(bytes).unwrap();
    let mut calendars = crate::render::Calendars::default();
    let mut rendered = 0;
    let (mut items, mut clashing) = (0, 0);
    for parsed in text.items().flatten() {
        items += 1;
        let blobs: HashMap<BlobHash, Vec<u8>> = parsed
            .blobs
            .into_iter()
            .map(|blob| (blob.hash, blob.bytes))
            .collect();
        let bytes = |hash: BlobHash| blobs.get(&hash).cloned();
        let item = parsed.item;
        let first = genesis(&item);
        let mut changes = vec![first.bytes];
        if clashing < 5 && item.values.len() > 3 {
            clashing += 1;
            let mut other = item.clone();
            for value in other.values.values_mut() {
                value.push('x');
            }
            changes.push(genesis(&other).bytes);
        }
        let document = Document::load(changes.iter().map(Vec::as_slice)).unwrap();
        let shown = document.view().shown();
        document.summary();
        let mut after = item.clone();
        after.values.remove("SUMMARY");
        assert_eq!(diff(&item, &item, Absence::Deletes), []);
        let edits = diff(&shown.item, &after, Absence::Deletes);
        let heads = document.heads();
        document.edit(&heads, &edits, &author()).unwrap();
        if item.kind == kind::VCARD {
            rendered += render(&item, &bytes).text.len();
        } else {
            calendars.add(&item, &bytes);
        }
    }
    assert!(rendered + calendars.finish().text.len() < 20 * bytes.len() + 10_000 * (items + 1));
    items
}

fn author() -> crate::doc::Author {
    crate::doc::Author {
        device: crate::DeviceId([1; 32]),
        source: "test".into(),
        writer: crate::doc::Writer::Person,
        now: crate::Timestamp(1),
        random: [0; 16],
    }
}

/// How long this thread has been at work, not counting that others were; nothing where the
/// system does not tell.
fn busy() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = told.split(' ').next().and_then(|n| n.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

fn in_time(name: &str, bytes: &[u8]) -> usize {
    let begun = busy();
    let items = all_of(bytes);
    let taken = busy().saturating_sub(begun);
    if taken > LIMIT / 8 {
        eprintln!("{name}: {} kB, {items} items, {taken:?}", bytes.len() >> 10);
    }
    assert!(taken < LIMIT, "{name} took {taken:?}");
    items
}

fn calendar(inside: &str) -> Vec<u8> {
    format!("BEGIN:VCALENDAR\r\n{inside}END:VCALENDAR\r\n").into_bytes()
}

fn event(inside: &str) -> Vec<u8> {
    calendar(&format!(
        "VERSION:2.0\r\nBEGIN:VEVENT\r\nUID:e\r\nDTSTART:20250101T100000Z\r\nSUMMARY:s\r\n{inside}\
         END:VEVENT\r\n"
    ))
}

/// A text of many lines, each made from its number.
fn lines(n: usize, line: impl Fn(usize) -> String) -> String {
    (0..n).map(line).fold(String::new(), |mut out, line| {
        let _ = write!(out, "{line}\r\n");
        out
    })
}

/// A VTIMEZONE of about so many bytes.
fn zone(bytes: usize) -> String {
    format!(
        "BEGIN:VTIMEZONE\r\nTZID:Z\r\n{}END:VTIMEZONE\r\n",
        lines(bytes / 40, |n| format!("COMMENT:{n:030}"))
    )
}

#[test]
fn many_events_of_one_calendar_take_linear_time() {
    let bare = lines(MANY, |n| format!("BEGIN:VEVENT\r\nUID:{n}\r\nEND:VEVENT"));
    assert_eq!(in_time("events", &calendar(&bare)), MANY);
}

#[test]
fn many_occurrences_of_one_event_take_linear_time() {
    // one item of more is over the limit
    let many = MANY.min(12_000);
    for length in [100, 60_000] {
        let occurrence = |n: usize| {
            format!(
                "BEGIN:VEVENT\r\nUID:e\r\nRECURRENCE-ID;TZID=Z:{n:08}T100000\r\n\
                 DTSTART;TZID=Z:{n:08}T110000\r\nSUMMARY:{n}\r\nEND:VEVENT"
            )
        };
        let text = calendar(&format!(
            "VERSION:2.0\r\n{}{}",
            zone(length),
            lines(many, occurrence)
        ));
        assert_eq!(in_time("occurrences", &text), 1);
    }
}

#[test]
fn an_absurd_time_zone_is_an_item_of_its_own_and_not_of_every_event() {
    let events = lines(MANY / 4, |n| {
        format!("BEGIN:VEVENT\r\nUID:{n}\r\nDTSTART;TZID=Z:20250101T110000\r\nEND:VEVENT")
    });
    let text = calendar(&format!("VERSION:2.0\r\n{}{events}", zone(1 << 20)));
    assert_eq!(in_time("zone", &text), MANY / 4 + 1);
}

#[test]
fn calendars_that_define_one_zone_each_in_their_own_way_take_linear_time() {
    let one = |n: usize| {
        let inside = format!(
            "VERSION:2.0\r\nBEGIN:VTIMEZONE\r\nTZID:Z\r\nCOMMENT:{n}\r\nEND:VTIMEZONE\r\n\
             BEGIN:VEVENT\r\nUID:{n}\r\nDTSTART;TZID=Z:20250101T110000\r\nEND:VEVENT\r\n"
        );
        String::from_utf8(calendar(&inside)).unwrap()
    };
    let text: String = (0..MANY / 2).map(one).collect();
    assert_eq!(in_time("zones", text.as_bytes()), MANY / 2);
}

#[test]
fn many_elements_of_one_kind_take_linear_time() {
    type Make = fn(usize) -> String;
    let kinds: [(&str, Make); 7] = [
        ("attendees", |n| {
            format!("ATTENDEE;CN={n}:mailto:{n}@example.org")
        }),
        ("equal attendees", |_| {
            "ATTENDEE:mailto:a@example.org".into()
        }),
        ("alarms", |n| {
            format!("BEGIN:VALARM\r\nACTION:AUDIO\r\nTRIGGER:-PT{n}S\r\nEND:VALARM")
        }),
        ("equal alarms", |_| {
            "BEGIN:VALARM\r\nACTION:AUDIO\r\nTRIGGER:PT0S\r\nEND:VALARM".into()
        }),
        ("dates", |n| format!("EXDATE:{n:08}T100000Z")),
        ("categories", |n| format!("CATEGORIES;X={n}:{n}")),
        ("attachments", |n| {
            format!("ATTACH;ENCODING=BASE64;VALUE=BINARY:{:0>2000}", n)
        }),
    ];
    for (name, make) in kinds {
        let n = if name == "attachments" {
            MANY / 10
        } else {
            MANY
        };
        assert_eq!(in_time(name, &event(&lines(n, make))), 1);
    }
}

#[test]
fn many_lines_of_a_card_take_linear_time() {
    let card =
        |inside: &str| format!("BEGIN:VCARD\r\nVERSION:3.0\r\nUID:u\r\n{inside}END:VCARD\r\n");
    let long = "x".repeat(1 << 20);
    let names = format!("FN:{long}\r\n{}", lines(2 * MANY, |n| format!("FN:{n}")));
    in_time("names", card(&names).as_bytes());
    in_time(
        "addresses",
        card(&lines(MANY, |n| format!("EMAIL:{n}@x.org"))).as_bytes(),
    );
    in_time(
        "equal numbers",
        card(&lines(MANY, |_| "TEL:1".into())).as_bytes(),
    );
    let labels = |n| format!("item{n}.TEL:{n}\r\nitem{n}.X-ABLabel:{n}");
    in_time("labels", card(&lines(MANY, labels)).as_bytes());
    in_time(
        "unreadable",
        card(&lines(2 * MANY, |n| format!("no line {n}"))).as_bytes(),
    );
    in_time(
        "notes",
        card(&format!(
            "NOTE:n\r\n{}",
            lines(2 * MANY, |n| format!("no line {n}"))
        ))
        .as_bytes(),
    );
    in_time(
        "parameters",
        card(&format!("TEL{}:1\r\n", ";X=\"a,b\"".repeat(5 * MANY))).as_bytes(),
    );
}

#[test]
fn the_hostile_texts_of_the_corpus_are_read_in_time() {
    // the second is what tools/gen/gen_hostile.py makes
    for folder in ["PIMESH_CORPUS", "PIMESH_HOSTILE"] {
        let Some(root) = std::env::var_os(folder) else {
            eprintln!("skipped: {folder} is not set");
            continue;
        };
        let root = if folder == "PIMESH_CORPUS" {
            Path::new(&root).join("corpus/hostile")
        } else {
            root.into()
        };
        for path in files(&root) {
            in_time(&path.display().to_string(), &std::fs::read(&path).unwrap());
        }
    }
}
