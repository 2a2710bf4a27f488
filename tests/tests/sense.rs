//! Edits by hand after which an event could not take place as it says.

use std::fs;

use crate::program::Program;

const PARTY: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:p\r\n\
    DTSTART:20270101T100000Z\r\nDTEND:20270101T110000Z\r\nSUMMARY:Party\r\nEND:VEVENT\r\n\
    END:VCALENDAR\r\n";

/// A device with one item, and its id.
fn with(text: &str) -> (Program, String) {
    let program = Program::new("laptop");
    let file = program.device.folder().join("one.ics");
    fs::write(&file, text).unwrap();
    assert_eq!(program.json(&["import", file.to_str().unwrap()]).1, 0);
    let (list, _) = program.json(&["list"]);
    let id = list["items"][0]["id"].as_str().unwrap().to_owned();
    (program, id)
}

fn raw(program: &Program, id: &str) -> String {
    program.json(&["show", id]).0["text"].to_string()
}

#[test]
fn an_edit_after_which_nothing_can_take_place_is_refused_and_names_the_property() {
    let (program, id) = with(PARTY);
    let before = raw(&program, &id);
    let refused: [(&[&str], &str); 6] = [
        (&["--set", "DTSTART:20270105T100000Z"], "DTEND"),
        (&["--set", "DTEND=20261231T100000Z"], "DTEND"),
        (&["--set", "RRULE=FREQ=BOGUS"], "RRULE"),
        (&["--remove", "DTSTART"], "DTSTART"),
        (&["--set", "DTSTART=20270101"], "DTSTART"),
        (&["--add", "X-A:b\nEND:VEVENT"], "X-A"),
    ];
    for (words, named) in refused {
        let (said, exit) = program.json(&[&["edit", &id], words].concat());
        assert_eq!(exit, 2, "{words:?}: {said}");
        let message = said["error"]["message"].as_str().unwrap();
        assert!(message.contains(named), "{words:?}: {message}");
    }
    let file = program.device.folder().join("edited.ics");
    fs::write(&file, PARTY.replace("DTEND:20270101", "DTEND:20261231")).unwrap();
    let (said, exit) = program.json(&["edit", &id, "--file", file.to_str().unwrap()]);
    assert_eq!(exit, 2, "{said}");
    assert_eq!(raw(&program, &id), before);

    let both = [
        "--set",
        "DTSTART=20270105T100000Z",
        "--set",
        "DTEND=20270105T110000Z",
    ];
    let repeat = ["--set", "RRULE=FREQ=WEEKLY;BYDAY=MO,WE;COUNT=10"];
    for words in [&both[..], &repeat, &["--remove", "DTEND"]] {
        let (said, exit) = program.json(&[&["edit", &id], words].concat());
        assert_eq!(exit, 0, "{words:?}: {said}");
    }
}

#[test]
fn what_came_in_wrong_can_be_edited_step_by_step() {
    let wrong = PARTY.replace("DTEND:20270101", "DTEND:20261231");
    let (program, id) = with(&wrong.replace("SUMMARY", "RRULE:FREQ=BOGUS\r\nSUMMARY"));
    for words in [
        ["--set", "SUMMARY=Feast"],
        ["--set", "RRULE=FREQ=DAILY"],
        ["--set", "DTEND=20270101T120000Z"],
    ] {
        let (said, exit) = program.json(&[&["edit", &id][..], &words].concat());
        assert_eq!(exit, 0, "{words:?}: {said}");
    }
    assert_eq!(
        program.json(&["show", &id]).0["flags"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
}
