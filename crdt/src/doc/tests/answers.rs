//! An own answer against what the organiser writes of the attendee later.

use super::invitations::{ANNA, FIRST, UPDATE, partstat, request};
use super::*;

/// The invitation, accepted here, and an update whose line for Anna is this.
fn accepted_and_updated(line: &str) -> Shown {
    let mut a = Replica::new(1, &request(FIRST));
    a.change(|item| {
        let attendee = only(item, "ATTENDEE");
        let answered = item.values[&attendee].replace("NEEDS-ACTION", "ACCEPTED");
        item.values.insert(attendee, answered);
    });
    let before = UPDATE.rsplit_once("ATTENDEE").unwrap().0;
    a.take(request(&format!("{before}{line}:mailto:{ANNA}")));
    a.shown()
}

#[test]
fn an_own_answer_stays_where_the_organiser_knows_of_none_and_writes_the_line_anew() {
    for line in [
        "ATTENDEE;CN=Anna;PARTSTAT=NEEDS-ACTION;RSVP=TRUE",
        "ATTENDEE;CN=Anna;ROLE=OPT-PARTICIPANT;RSVP=TRUE",
    ] {
        let shown = accepted_and_updated(line);
        assert_eq!(shown.conflicts, [], "{line}");
        assert_eq!(partstat(&shown.item), "ACCEPTED", "{line}");
        let attendee = &shown.item.values[&only(&shown.item, "ATTENDEE")];
        assert!(attendee.contains("CN=Anna"), "{attendee}");
        assert_eq!(attendee.contains("ROLE="), line.contains("ROLE="));
    }
}

#[test]
fn an_own_answer_and_another_that_the_organiser_has_clash() {
    let shown = accepted_and_updated("ATTENDEE;CN=Anna;PARTSTAT=DECLINED");
    assert_eq!(shown.conflicts.len(), 1);
}

#[test]
fn who_changed_more_than_the_answer_is_asked() {
    let mut a = Replica::new(1, &request(FIRST));
    a.change(|item| {
        let attendee = only(item, "ATTENDEE");
        let line = item.values[&attendee].replace("NEEDS-ACTION", "ACCEPTED;CN=Mine");
        item.values.insert(attendee, line);
    });
    let before = UPDATE.rsplit_once("ATTENDEE").unwrap().0;
    a.take(request(&format!("{before}ATTENDEE;CN=Anna:mailto:{ANNA}")));
    assert_eq!(a.shown().conflicts.len(), 1);
}

#[test]
fn an_update_without_the_person_who_answered_shows_no_answer() {
    let without = UPDATE.rsplit_once("\nATTENDEE").unwrap().0;
    let mut a = Replica::new(1, &request(FIRST));
    a.take(request(without));
    assert!(all(&a.shown().item, "ATTENDEE").is_empty());
}
