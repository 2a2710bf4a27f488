//! Invitations, updates, cancellations and answers, in every order of receipt.

use super::*;
use crate::itip::{Message, Method, messages};

const BOSS: &str = "boss@example.org";
pub(super) const ANNA: &str = "anna@example.org";

/// A message about the event `e`, from these lines.
fn mail(method: &str, lines: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\nVERSION:2.0\nMETHOD:{method}\nBEGIN:VEVENT\nUID:e\n\
         ORGANIZER:mailto:{BOSS}\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n"
    )
}

fn read(text: &str, sender: &str) -> Vec<Result<Message, crate::normalise::Problem>> {
    let text = Text::read(text.as_bytes()).unwrap();
    messages(&text, None, &[sender.to_owned()])
}

/// The change that a message makes.
fn change(text: &str, sender: &str) -> NewChange {
    match read(text, sender).remove(0).unwrap() {
        Message::Change { change, .. } => change,
        Message::Proposal(parsed) => panic!("{parsed:?}"),
    }
}

fn refused(text: &str, sender: &str) -> String {
    read(text, sender).remove(0).unwrap_err().reason
}

pub(super) const FIRST: &str = "SEQUENCE:0\nDTSTAMP:20250101T000000Z\nDTSTART:20250110T100000Z\n\
    DTEND:20250110T110000Z\nSUMMARY:Talk\nLOCATION:Room 1\n\
    ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:anna@example.org";
pub(super) const UPDATE: &str = "SEQUENCE:1\nDTSTAMP:20250102T000000Z\nDTSTART:20250110T150000Z\n\
    DTEND:20250110T160000Z\nSUMMARY:Talk moved\n\
    ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:anna@example.org";
const END: &str = "SEQUENCE:2\nDTSTAMP:20250103T000000Z\nSTATUS:CANCELLED";

fn answer(sequence: u64, stamp: &str, partstat: &str) -> NewChange {
    let lines =
        format!("SEQUENCE:{sequence}\nDTSTAMP:{stamp}\nATTENDEE;PARTSTAT={partstat}:mailto:{ANNA}");
    change(&mail("REPLY", &lines), ANNA)
}

pub(super) fn request(lines: &str) -> NewChange {
    change(&mail("REQUEST", lines), BOSS)
}

fn cancel(lines: &str) -> NewChange {
    change(&mail("CANCEL", lines), BOSS)
}

/// What these changes show, which must be the same in whatever order they are read.
fn shown(changes: &[&NewChange]) -> Shown {
    let mut first: Option<Shown> = None;
    for order in permutations(changes.len()) {
        let bytes = order.iter().map(|i| changes[*i].bytes.as_slice());
        let shown = Document::load(bytes).unwrap().view().shown();
        let first = first.get_or_insert_with(|| shown.clone());
        assert_eq!(first.item, shown.item);
        assert_eq!(first.live, shown.live);
        assert_eq!(first.conflicts, shown.conflicts);
    }
    first.unwrap()
}

fn permutations(n: usize) -> Vec<Vec<usize>> {
    let Some(last) = n.checked_sub(1) else {
        return vec![Vec::new()];
    };
    let shorter = permutations(last);
    let insert = |order: &Vec<usize>| -> Vec<Vec<usize>> {
        let at = |i| {
            let mut order = order.clone();
            order.insert(i, last);
            order
        };
        (0..=order.len()).map(at).collect()
    };
    shorter.iter().flat_map(insert).collect()
}

pub(super) fn partstat(item: &Item) -> String {
    let attendee = item.value(&only(item, "ATTENDEE")).unwrap();
    let read = crate::item::register::Stored::read(attendee);
    read.parameters()
        .value_of("PARTSTAT")
        .unwrap_or("")
        .to_owned()
}

#[test]
fn an_invitation_its_update_answer_and_end_show_the_same_in_every_order() {
    let all = [
        request(FIRST),
        request(UPDATE),
        answer(1, "20250102T120000Z", "ACCEPTED"),
        cancel(END),
    ];
    let shown = shown(&all.iter().collect::<Vec<_>>());
    assert!(shown.live);
    assert_eq!(shown.conflicts, []);
    let item = &shown.item;
    assert_eq!(item.value("SUMMARY"), Some(":Talk moved"));
    assert_eq!(
        item.value("LOCATION"),
        None,
        "absence in the newer message removes"
    );
    assert_eq!(item.value("STATUS"), Some(":CANCELLED"));
    assert_eq!(item.value("SEQUENCE"), Some(":2"));
    assert_eq!(
        item.value("WHEN"),
        Some("DTSTART:20250110T150000Z\nDTEND:20250110T160000Z")
    );
    assert_eq!(partstat(item), "ACCEPTED");
    assert!(
        item.values
            .keys()
            .all(|at| !at.starts_with("REPLY") && !at.starts_with('~'))
    );
}

#[test]
fn a_lower_sequence_that_comes_later_is_history_and_no_conflict() {
    let shown = shown(&[&request(UPDATE), &request(FIRST)]);
    assert_eq!(shown.item.value("SUMMARY"), Some(":Talk moved"));
    assert_eq!(shown.conflicts, []);
}

#[test]
fn of_one_sequence_the_later_stamp_is_in_force() {
    let later = FIRST
        .replace("20250101T", "20250105T")
        .replace("Room 1", "Room 2");
    let shown = shown(&[&request(FIRST), &request(&later)]);
    assert_eq!(shown.item.value("LOCATION"), Some(":Room 2"));
}

#[test]
fn a_sequence_of_ten_is_later_than_one_of_nine() {
    let nine = FIRST
        .replace("SEQUENCE:0", "SEQUENCE:9")
        .replace("Room 1", "nine");
    let ten = FIRST
        .replace("SEQUENCE:0", "SEQUENCE:10")
        .replace("Room 1", "ten");
    let huge = FIRST.replace("SEQUENCE:0", "SEQUENCE:99999999999999999999");
    let shown = shown(&[&request(&ten), &request(&nine), &request(&huge)]);
    assert_eq!(shown.item.value("LOCATION"), Some(":ten"));
}

#[test]
fn a_cancellation_waits_for_its_invitation_and_gives_no_life() {
    let end = cancel(END);
    assert!(!shown(&[&end]).live);
    let both = shown(&[&end, &request(FIRST)]);
    assert!(both.live);
    assert_eq!(both.item.value("STATUS"), Some(":CANCELLED"));
    assert_eq!(both.item.value("SUMMARY"), Some(":Talk"));
}

#[test]
fn an_answer_waits_for_its_invitation_and_gives_no_life() {
    let yes = answer(0, "20250101T120000Z", "ACCEPTED");
    assert!(!shown(&[&yes]).live);
    assert_eq!(partstat(&shown(&[&yes, &request(FIRST)]).item), "ACCEPTED");
}

#[test]
fn an_invitation_after_a_cancellation_holds_again() {
    let anew = UPDATE.replace("SEQUENCE:1", "SEQUENCE:3");
    let shown = shown(&[&request(FIRST), &cancel(END), &request(&anew)]);
    assert_eq!(shown.item.value("STATUS"), None);
}

#[test]
fn the_later_answer_counts_and_one_to_an_older_sequence_does_not() {
    let yes = answer(0, "20250101T120000Z", "ACCEPTED");
    let no = answer(0, "20250101T130000Z", "DECLINED");
    assert_eq!(
        partstat(&shown(&[&request(FIRST), &yes, &no]).item),
        "DECLINED"
    );
    let shown = shown(&[&request(FIRST), &request(UPDATE), &yes, &no]);
    assert_eq!(partstat(&shown.item), "NEEDS-ACTION");
}

#[test]
fn an_answer_to_an_event_of_ones_own_counts_for_its_sequence() {
    let own = |sequence: u64| {
        let text = mail("X", FIRST).replace("METHOD:X\n", "");
        genesis(&item(
            &text.replace("SEQUENCE:0", &format!("SEQUENCE:{sequence}")),
        ))
    };
    let yes = answer(0, "20250101T120000Z", "ACCEPTED");
    assert_eq!(partstat(&shown(&[&own(0), &yes]).item), "ACCEPTED");
    assert_eq!(partstat(&shown(&[&own(1), &yes]).item), "NEEDS-ACTION");
}

#[test]
fn an_answer_of_somebody_not_invited_changes_nothing() {
    let lines = "DTSTAMP:20250101T120000Z\nATTENDEE;PARTSTAT=ACCEPTED:mailto:eve@example.org";
    let crash = change(&mail("REPLY", lines), "eve@example.org");
    assert_eq!(
        shown(&[&request(FIRST), &crash]).item,
        shown(&[&request(FIRST)]).item
    );
}

#[test]
fn an_answer_is_a_word_and_not_more_parameters() {
    let lines =
        format!("DTSTAMP:20250101T120000Z\nATTENDEE;PARTSTAT=\"ACCEPTED;CN=Boss:x\":mailto:{ANNA}");
    let sly = change(&mail("REPLY", &lines), ANNA);
    let shown = shown(&[&request(FIRST), &sly]);
    assert_eq!(partstat(&shown.item), "ACCEPTEDCNBOSSX");
}

const SERIES: &str = "SEQUENCE:0\nDTSTAMP:20250101T000000Z\nDTSTART:20250106T100000Z\n\
    DTEND:20250106T110000Z\nRRULE:FREQ=WEEKLY\nSUMMARY:Weekly\n\
    ATTENDEE:mailto:anna@example.org";

#[test]
fn a_cancelled_occurrence_is_kept_and_says_when_and_what_it_was() {
    let one = "SEQUENCE:1\nDTSTAMP:20250102T000000Z\nRECURRENCE-ID:20250113T100000Z";
    let shown = shown(&[&cancel(one), &request(SERIES)]);
    let item = &shown.item;
    let of = |name: &str| item.value(&format!("R/:20250113T100000Z/{name}"));
    assert_eq!(of("STATUS"), Some(":CANCELLED"));
    assert_eq!(of("WHEN"), Some("DTSTART:20250113T100000Z"));
    assert_eq!(of("SUMMARY"), Some(":Weekly"));
    assert_eq!(item.value("STATUS"), None);
    assert!(shown.live);
}

#[test]
fn the_end_of_a_series_ends_its_moved_occurrences() {
    let moved = "SEQUENCE:0\nDTSTAMP:20250102T000000Z\nRECURRENCE-ID:20250113T100000Z\n\
        DTSTART:20250113T120000Z\nSUMMARY:Moved";
    let shown = shown(&[&request(SERIES), &request(moved), &cancel(END)]);
    let of = |name: &str| shown.item.value(&format!("R/:20250113T100000Z/{name}"));
    assert_eq!(of("STATUS"), Some(":CANCELLED"));
    assert_eq!(of("SUMMARY"), Some(":Moved"));
}

#[test]
fn a_cancelled_task_says_so_where_tasks_say_it() {
    let task = |method: &str, lines: &str| mail(method, lines).replace("VEVENT", "VTODO");
    let given = "SEQUENCE:0\nDTSTAMP:20250101T000000Z\nSUMMARY:Do\nSTATUS:IN-PROCESS\n\
        PERCENT-COMPLETE:50";
    let ask = change(&task("REQUEST", given), BOSS);
    let end = change(&task("CANCEL", END), BOSS);
    let shown = shown(&[&ask, &end]);
    assert_eq!(
        shown.item.value("DONE"),
        Some("STATUS:CANCELLED\nPERCENT-COMPLETE:50")
    );
    assert_eq!(shown.item.value("STATUS"), None);
}

#[test]
fn a_persons_alarms_categories_and_answer_outlive_an_update() {
    let mut a = Replica::new(1, &request(FIRST));
    a.change(|item| {
        let attendee = only(item, "ATTENDEE");
        let answered = item.values[&attendee].replace("NEEDS-ACTION", "ACCEPTED");
        item.values.insert(attendee, answered);
        item.values.insert("CATEGORIES#mine".into(), ":Mine".into());
        item.values
            .insert("ALARM#mine".into(), "ACTION:DISPLAY\nTRIGGER:-PT5M".into());
    });
    a.take(request(UPDATE));
    let shown = a.shown();
    assert_eq!(shown.conflicts, []);
    assert_eq!(shown.item.value("SUMMARY"), Some(":Talk moved"));
    assert_eq!(all(&shown.item, "CATEGORIES"), [":Mine"]);
    assert_eq!(all(&shown.item, "ALARM").len(), 1);
    assert_eq!(partstat(&shown.item), "ACCEPTED");
}

#[test]
fn an_update_does_not_bring_back_what_a_person_deleted() {
    let mut a = Replica::new(1, &request(FIRST));
    a.delete();
    a.take(request(UPDATE));
    assert!(!a.shown().live);
    let heads = a.doc().heads();
    a.write(&heads, &[Edit::Revive { rid: None }], Writer::Person);
    assert!(a.shown().live);
    assert_eq!(a.shown().item.value("SUMMARY"), Some(":Talk moved"));
}

#[test]
fn a_message_about_one_occurrence_does_not_bring_back_what_a_person_deleted() {
    let first = request(FIRST);
    let mut device = Replica::new(1, &first);
    device.delete();
    let one = request(
        "SEQUENCE:1\nDTSTAMP:20250102T000000Z\nRECURRENCE-ID:20250117T100000Z\n\
         DTSTART:20250117T120000Z\nSUMMARY:Talk",
    );
    device.take(one);
    assert!(!device.shown().live);
}

#[test]
fn a_stranger_cannot_cancel_or_answer_for_others() {
    let reason = refused(&mail("CANCEL", END), "eve@example.org");
    assert_eq!(
        reason,
        format!("a cancellation from eve@example.org, who is not the organizer {BOSS}")
    );
    let lines = format!("DTSTAMP:20250101T120000Z\nATTENDEE;PARTSTAT=DECLINED:mailto:{ANNA}");
    let reason = refused(&mail("REPLY", &lines), "eve@example.org");
    assert!(reason.contains("not the attendee"), "{reason}");
}

#[test]
fn a_strangers_claim_to_the_same_event_is_never_in_force() {
    let claim = |method: &str, lines: &str| {
        change(
            &mail(method, lines).replace(BOSS, "eve@example.org"),
            "eve@example.org",
        )
    };
    let later = UPDATE
        .replace("moved", "stolen")
        .replace("SEQUENCE:1", "SEQUENCE:9");
    let alarm = format!("{later}\nBEGIN:VALARM\nACTION:AUDIO\nTRIGGER:PT0S\nEND:VALARM");
    let one = format!("{later}\nRECURRENCE-ID:20250117T100000Z");
    let shown = shown(&[
        &request(FIRST),
        &claim("REQUEST", &alarm),
        &claim("CANCEL", &END.replace("SEQUENCE:2", "SEQUENCE:9")),
        &claim("REQUEST", &one),
    ]);
    let mut expected = super::invitations::shown(&[&request(FIRST)]);
    expected.conflicts.clear();
    assert_eq!(shown.item, expected.item);
    assert!(shown.live);
}

#[test]
fn a_deputy_speaks_for_the_organizer() {
    let text = mail("CANCEL", END).replace("ORGANIZER:", "ORGANIZER;SENT-BY=\"mailto:Dep@x.org\":");
    let message = read(&text, "dep@x.org").remove(0).unwrap();
    assert!(matches!(
        message,
        Message::Change {
            method: Method::Cancel,
            ..
        }
    ));
}

#[test]
fn what_is_published_or_forwarded_is_a_proposal() {
    for (method, sender) in [("PUBLISH", BOSS), ("REQUEST", "friend@example.org")] {
        let message = read(&mail(method, FIRST), sender).remove(0).unwrap();
        let Message::Proposal(parsed) = message else {
            panic!("{method}")
        };
        assert_eq!(parsed.item.uid, "e");
    }
}

#[test]
fn a_method_that_the_mail_contradicts_is_refused() {
    let text = mail("CANCEL", END);
    let text = Text::read(text.as_bytes()).unwrap();
    let all = messages(&text, Some("request"), &[BOSS.to_owned()]);
    assert_eq!(all.len(), 1);
    assert_eq!(
        all[0].as_ref().unwrap_err().reason,
        "the mail says method REQUEST, its calendar says CANCEL"
    );
    assert!(messages(&text, Some("cancel"), &[BOSS.to_owned()])[0].is_ok());
}

#[test]
fn methods_that_ask_for_a_decision_stay_in_the_mailbox() {
    for method in ["COUNTER", "ADD", "REFRESH", "DECLINECOUNTER"] {
        assert!(refused(&mail(method, FIRST), BOSS).contains("is not read"));
    }
}

#[test]
fn one_message_read_on_two_devices_is_one_change() {
    assert_eq!(request(FIRST), request(FIRST));
    assert_eq!(answer(0, "x", "ACCEPTED"), answer(0, "x", "ACCEPTED"));
}
