//! When things take place, as people see it: lists of days, what to know about an item's times,
//! and occurrences that two devices made different things of.

use pimesh::api::{
    Agenda, Decision, EditBy, FlagReason, Form, Kind, OccurrenceChoice, OccurrenceConflict, Patch,
    Reply, Request,
};
use pimesh_tests::device::{Device, importing};

use crate::couple::{Couple, card, doc, import, refused};

/// A weekly meeting in Berlin on Mondays at 10, from the sixth of January 2025 on.
const WEEKLY: &str =
    "DTSTART;TZID=Europe/Berlin:20250106T100000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY\nSUMMARY:Weekly";
const ON_THE_13TH: &str = "RECURRENCE-ID;TZID=Europe/Berlin:20250113T100000\n\
    DTSTART;TZID=Europe/Berlin:20250113T100000\nDURATION:PT1H\nSUMMARY:With Ann\nLOCATION:Loft";

fn calendar(events: &[&str]) -> String {
    let mut text = String::from("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n");
    for event in events {
        text += &format!("BEGIN:VEVENT\nUID:weekly\n{event}\nEND:VEVENT\n");
    }
    (text + "END:VCALENDAR\n").replace('\n', "\r\n")
}

/// Two devices with the weekly meeting.
async fn couple() -> (Couple, String) {
    let couple = Couple::with(&card("ann", "FN:Ann")).await;
    import(&couple.laptop, "weekly.ics", &calendar(&[WEEKLY])).await;
    couple.agree().await;
    let weekly = doc(&couple.laptop, "Weekly").await;
    (couple, weekly)
}

fn written(name: &str, params: &str, value: &str, is_added: bool) -> EditBy {
    let (name, params, value) = (name.to_owned(), params.to_owned(), value.to_owned());
    let value = Form::Written { params, value };
    EditBy::Patches(vec![match is_added {
        true => Patch::Add { name, value },
        false => Patch::Set { name, value },
    }])
}

async fn agenda(device: &Device, from: &str, to: &str) -> Agenda {
    let request = Request::Agenda {
        collection: None,
        kind: Kind::Events,
        from: from.into(),
        to: to.into(),
        zone: Some("Europe/Berlin".into()),
        limit: None,
    };
    match device.ask(request).await {
        Reply::Agenda(agenda) => agenda,
        other => panic!("{other:?}"),
    }
}

/// `2025-01-13T10:00:00+01:00 With Ann`, for each.
async fn told(device: &Device, from: &str, to: &str) -> Vec<String> {
    let agenda = agenda(device, from, to).await;
    let each = agenda.occurrences.iter();
    each.map(|one| format!("{} {}", one.start, one.name))
        .collect()
}

async fn in_question(device: &Device) -> Vec<OccurrenceConflict> {
    match device.ask(Request::Conflicts).await {
        Reply::Conflicts(all) => all.occurrences,
        other => panic!("{other:?}"),
    }
}

async fn decide(device: &Device, doc: &str, occurrence: &str, choice: OccurrenceChoice) {
    let by = Decision::Occurrence(choice);
    let (item, property) = (doc.to_owned(), occurrence.to_owned());
    match device.ask(Request::Resolve { item, property, by }).await {
        Reply::Resolved(_) => {}
        other => panic!("{other:?}"),
    }
}

const OCCURRENCE: &str = "Europe/Berlin:20250113T100000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_series_moved_apart_from_a_change_of_one_occurrence_is_a_question_with_four_answers() {
    use OccurrenceChoice::{Day, Delete, Keep, Series};
    let at_ten = "2025-01-13T10:00:00+01:00 With Ann";
    let at_eleven = "2025-01-13T11:00:00+01:00 Weekly";
    for (choice, after) in [
        (Keep, vec![at_ten, at_eleven]),
        (Day, vec!["2025-01-13T11:00:00+01:00 With Ann"]),
        (Series, vec!["2025-01-13T11:00:00+01:00 With Ann"]),
        (Delete, vec![at_eleven]),
    ] {
        let (mut couple, weekly) = couple().await;
        couple
            .apart(
                async |device| {
                    let at = "20250106T110000";
                    let edit = written("DTSTART", "TZID=Europe/Berlin", at, false);
                    device.edit(&weekly, edit).await;
                },
                async |device| {
                    let text = calendar(&[WEEKLY, ON_THE_13TH]);
                    device.edit(&weekly, EditBy::Text(text)).await;
                },
            )
            .await;
        for device in couple.both() {
            let both = told(device, "2025-01-13", "2025-01-13").await;
            assert_eq!(both, [at_ten, at_eleven], "both are shown");
            let [one] = &in_question(device).await[..] else {
                panic!("one question");
            };
            assert_eq!(one.reason, FlagReason::OccurrenceGone);
            assert_eq!(one.occurrence, OCCURRENCE);
            assert_eq!(one.title.as_deref(), Some("With Ann"));
            assert_eq!(one.choices, [Keep, Day, Series, Delete]);
            let shown = device.show(&weekly).await;
            assert_eq!(shown.occurrences.len(), 1);
            assert_eq!(shown.flags, [], "both sides are as they were meant");
        }
        decide(&couple.phone, &weekly, OCCURRENCE, choice).await;
        couple.agree().await;
        for device in couple.both() {
            assert_eq!(in_question(device).await, [], "{choice:?}");
            let now = told(device, "2025-01-13", "2025-01-13").await;
            assert_eq!(now, after, "{choice:?}");
            let next_week = told(device, "2025-01-20", "2025-01-20").await;
            let name = if choice == Series {
                "With Ann"
            } else {
                "Weekly"
            };
            assert_eq!(next_week, [format!("2025-01-20T11:00:00+01:00 {name}")]);
        }
        let again = Request::Resolve {
            item: weekly.clone(),
            property: OCCURRENCE.into(),
            by: Decision::Occurrence(Keep),
        };
        refused(&couple.laptop, again).await;
        couple.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_an_occurrence_beats_calling_it_off_and_is_told() {
    for (choice, left) in [(OccurrenceChoice::Keep, 1), (OccurrenceChoice::Delete, 0)] {
        let (mut couple, weekly) = couple().await;
        couple
            .apart(
                async |device| {
                    let off = written("EXDATE", "TZID=Europe/Berlin", "20250113T100000", true);
                    device.edit(&weekly, off).await;
                    assert_eq!(told(device, "2025-01-13", "2025-01-13").await.len(), 0);
                },
                async |device| {
                    let text = calendar(&[WEEKLY, ON_THE_13TH]);
                    device.edit(&weekly, EditBy::Text(text)).await;
                },
            )
            .await;
        for device in couple.both() {
            let shown = told(device, "2025-01-13", "2025-01-13").await;
            assert_eq!(shown, ["2025-01-13T10:00:00+01:00 With Ann"]);
            let [one] = &in_question(device).await[..] else {
                panic!("one question");
            };
            assert_eq!(one.reason, FlagReason::ChangedAndCalledOff);
        }
        decide(&couple.laptop, &weekly, OCCURRENCE, choice).await;
        couple.agree().await;
        for device in couple.both() {
            assert_eq!(in_question(device).await, []);
            let shown = told(device, "2025-01-13", "2025-01-13").await;
            assert_eq!(shown.len(), left, "{choice:?}: {shown:?}");
        }
        couple.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_versions_of_one_occurrence_whose_zones_are_written_differently_are_a_question() {
    let in_utc = "RECURRENCE-ID:20250113T090000Z\nDTSTART:20250113T120000Z\nSUMMARY:In UTC";
    for (choice, left) in [(OccurrenceChoice::Keep, 0), (OccurrenceChoice::Delete, 1)] {
        let (mut couple, weekly) = couple().await;
        couple
            .apart(
                async |device| {
                    let text = calendar(&[WEEKLY, in_utc]);
                    device.edit(&weekly, EditBy::Text(text)).await;
                },
                async |device| {
                    let text = calendar(&[WEEKLY, ON_THE_13TH]);
                    device.edit(&weekly, EditBy::Text(text)).await;
                },
            )
            .await;
        let asked = in_question(&couple.laptop).await;
        assert_eq!(asked, in_question(&couple.phone).await);
        let [one] = &asked[..] else {
            panic!("{asked:?}")
        };
        assert_eq!(one.reason, FlagReason::TwoOfOneOccurrence);
        let both = [one.occurrence.clone(), one.other.clone().unwrap()];
        let shown = told(&couple.laptop, "2025-01-13", "2025-01-13").await;
        assert_eq!(shown.len(), 1, "one of them takes place");
        decide(&couple.phone, &weekly, &both[0], choice).await;
        couple.agree().await;
        for device in couple.both() {
            assert_eq!(in_question(device).await, []);
            let day = agenda(device, "2025-01-13", "2025-01-13").await;
            let [entry] = &day.occurrences[..] else {
                panic!("{day:?}")
            };
            assert_eq!(entry.occurrence.as_deref(), Some(both[left].as_str()));
        }
        couple.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_follows_is_moved_and_a_later_single_change_made_apart_stays() {
    let from_here_on = "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20250113T100000\n\
        DTSTART;TZID=Europe/Berlin:20250113T140000\nDURATION:PT1H\nSUMMARY:Afternoons";
    let single = "RECURRENCE-ID;TZID=Europe/Berlin:20250127T100000\n\
        DTSTART;TZID=Europe/Berlin:20250128T090000\nDURATION:PT1H\nSUMMARY:On Tuesday";
    let (mut couple, weekly) = couple().await;
    couple
        .apart(
            async |device| {
                let text = calendar(&[WEEKLY, from_here_on]);
                device.edit(&weekly, EditBy::Text(text)).await;
            },
            async |device| {
                let text = calendar(&[WEEKLY, single]);
                device.edit(&weekly, EditBy::Text(text)).await;
            },
        )
        .await;
    for device in couple.both() {
        let shown = told(device, "2025-01-01", "2025-02-03").await;
        assert_eq!(
            shown,
            [
                "2025-01-06T10:00:00+01:00 Weekly",
                "2025-01-13T14:00:00+01:00 Afternoons",
                "2025-01-20T14:00:00+01:00 Afternoons",
                "2025-01-28T09:00:00+01:00 On Tuesday",
                "2025-02-03T14:00:00+01:00 Afternoons",
            ]
        );
        assert_eq!(in_question(device).await, []);
        assert!(
            device
                .show(&weekly)
                .await
                .text
                .contains("RANGE=THISANDFUTURE")
        );
    }
    couple.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_days_is_right_on_the_nights_when_clocks_are_set() {
    let device = &mut Device::new("laptop");
    device.start().await;
    let nightly = "DTSTART;TZID=Europe/Berlin:20250101T023000\nDURATION:PT15M\n\
        RRULE:FREQ=DAILY\nSUMMARY:Night";
    let day = "DTSTART;VALUE=DATE:20250330\nSUMMARY:Day";
    import(device, "night.ics", &calendar(&[nightly])).await;
    import(
        device,
        "day.ics",
        &calendar(&[day]).replace("UID:weekly", "UID:day"),
    )
    .await;
    assert_eq!(
        told(device, "2025-03-29", "2025-03-31").await,
        [
            "2025-03-29T02:30:00+01:00 Night",
            "2025-03-30 Day",
            "2025-03-30T03:30:00+02:00 Night",
            "2025-03-31T02:30:00+02:00 Night",
        ]
    );
    assert_eq!(
        told(device, "2025-10-26", "2025-10-26").await,
        ["2025-10-26T02:30:00+02:00 Night"]
    );
    let shown = device.show(&doc(device, "Night").await).await;
    let next = shown.next.expect("it goes on");
    assert!(next.recurring && next.name == "Night", "{next:?}");
    assert_eq!(device.show(&doc(device, "Day").await).await.next, None);
    device.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_doubtful_about_times_is_told_and_nothing_is_refused() {
    let device = &mut Device::new("laptop");
    device.start().await;
    let hebrew = "DTSTART;VALUE=DATE:20250413\nRRULE:RSCALE=HEBREW;FREQ=YEARLY\nSUMMARY:Passover";
    let nowhere = "DTSTART;TZID=Nowhere:20250101T100000\nSUMMARY:Nowhere";
    let texts = [
        (hebrew, FlagReason::OtherCalendar),
        (nowhere, FlagReason::UnknownZone),
    ];
    for (event, reason) in texts {
        let text = calendar(&[event]).replace("UID:weekly", &format!("UID:{reason:?}"));
        let path = device.folder().join("doubtful.ics");
        std::fs::write(&path, text).unwrap();
        let Reply::Imported(report) = device.ask(importing(&[path])).await else {
            panic!("an import")
        };
        assert_eq!((report.totals.added, report.totals.refused), (1, 0));
        let [flagged] = &report.files[0].flagged[..] else {
            panic!("{report:?}")
        };
        assert_eq!(flagged.flags[0].reason, reason);
        let shown = device.show(&flagged.item).await;
        assert_eq!(shown.flags[0].reason, reason, "by the id that was told");
    }
    let out = device.folder().join("out.ics");
    let request = Request::Export {
        collection: "Calendar".into(),
        to: pimesh::api::ExportTo::File(out.clone()),
    };
    let Reply::Exported(done) = device.ask(request).await else {
        panic!("an export")
    };
    let mut reasons: Vec<_> = done.flagged.iter().map(|one| one.flags[0].reason).collect();
    reasons.sort_unstable();
    assert_eq!(
        reasons,
        [FlagReason::UnknownZone, FlagReason::OtherCalendar]
    );
    assert_eq!(done.items, 2, "written all the same");
    assert!(
        std::fs::read_to_string(out)
            .unwrap()
            .contains("RSCALE=HEBREW")
    );
    device.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_made_to_cause_work_hold_up_neither_an_import_nor_a_list() {
    let device = &mut Device::new("laptop");
    device.start().await;
    let mut text = String::from("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n");
    for n in 0..120 {
        text += &format!(
            "BEGIN:VEVENT\r\nUID:hostile-{n}\r\nDTSTART:20250101T000000Z\r\n\
             RRULE:FREQ=DAILY\r\nEXRULE:FREQ=SECONDLY\r\nSUMMARY:Hostile {n}\r\nEND:VEVENT\r\n"
        );
    }
    text += "BEGIN:VEVENT\r\nUID:good\r\nDTSTART:20250106T100000Z\r\nSUMMARY:Good\r\n\
        END:VEVENT\r\nEND:VCALENDAR\r\n";
    let path = device.folder().join("hostile.ics");
    std::fs::write(&path, text).unwrap();
    let Reply::Imported(report) = device.ask(importing(&[path])).await else {
        panic!("an import")
    };
    assert_eq!(report.totals.added, 121, "nothing is refused");
    let has = |reason| {
        let flagged = report.files[0].flagged.iter();
        flagged
            .filter(|one| one.flags.iter().any(|flag| flag.reason == reason))
            .count()
    };
    assert!(
        has(FlagReason::TooMuchWork) > 50,
        "{}",
        has(FlagReason::TooMuchWork)
    );
    assert!(
        has(FlagReason::NotExamined) > 10,
        "not all of them were worked out"
    );
    let day = agenda(device, "2025-01-06", "2025-01-06").await;
    assert!(day.cut && !day.flagged.is_empty());
    assert!(day.occurrences.iter().any(|one| one.name == "Good"));
    device.stop().await;
}
