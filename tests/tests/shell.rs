//! What a person reads at a terminal, and what a shell gets.

use std::fs;

use crate::couple::card;
use crate::program::Program;

fn text(program: &Program, words: &[&str]) -> String {
    String::from_utf8(program.output(words).stdout).unwrap()
}

fn import(program: &Program, name: &str, text: &str, words: &[&str]) -> i32 {
    let file = program.device.folder().join(name);
    fs::write(&file, text).unwrap();
    program
        .json(&[&["import", file.to_str().unwrap()], words].concat())
        .1
}

#[test]
fn a_backup_goes_to_standard_output_and_can_be_restored_from_there() {
    let program = Program::new("laptop");
    import(&program, "ann.vcf", &card("ann", "FN:Ann"), &[]);
    let folder = program.device.folder();
    let pass = folder.join("pass");
    fs::write(&pass, "a passphrase").unwrap();
    let pass = ["--password-file", pass.to_str().unwrap()];
    let mut backup = program.command(&[&["backup", "-"], &pass[..]].concat());
    let made = backup.current_dir(folder).output().unwrap();
    assert_eq!(made.status.code(), Some(0));
    assert!(!folder.join("-").exists());
    let file = folder.join("laptop.backup");
    fs::write(&file, &made.stdout).unwrap();
    let left = fs::read_dir(program.device.home.folder().join("spool")).unwrap();
    assert_eq!(left.count(), 0, "nothing stays in the spool");
    let home = folder.join("second");
    let words = [
        "--home",
        home.to_str().unwrap(),
        "restore-backup",
        file.to_str().unwrap(),
    ];
    let (restored, exit) = program.json(&[&words[..], &pass].concat());
    assert_eq!((exit, &restored["items"]), (0, &1.into()), "{restored}");
    let (said, exit) = program.json(&[&["backup", "-"], &pass[..]].concat());
    assert_eq!(exit, 2, "{said}");
}

#[test]
fn lists_say_what_they_leave_out_and_long_names_leave_room() {
    let program = Program::new("laptop");
    let cards = card("ann", "FN:Ann") + &card("l", &format!("FN:{}", "Long name ".repeat(40)));
    import(&program, "two.vcf", &cards, &[]);
    assert_eq!(
        text(&program, &["list", "--limit", "0"]),
        "2 items, none of them shown.\n"
    );
    let list = text(&program, &["list"]);
    assert!(
        list.lines().all(|line| line.chars().count() < 120),
        "{list}"
    );
    assert!(list.contains("Long name…"), "{list}");
}

#[test]
fn a_collection_gets_a_name_of_one_line_or_none_is_made() {
    let program = Program::new("laptop");
    for name in ["", "  ", "x\ny", &"n".repeat(201)] {
        let exit = import(
            &program,
            "ann.vcf",
            &card("ann", "FN:Ann"),
            &["--into", name],
        );
        assert_eq!(exit, 2, "{name:?}");
    }
    let (all, _) = program.json(&["collections"]);
    assert_eq!(all["collections"].as_array().unwrap().len(), 0);
}

#[test]
fn conflicts_are_told_in_words() {
    let program = Program::new("laptop");
    let event = |day: &str, title: &str| {
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTIMEZONE\r\nTZID:Custom\r\n\
             BEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\n\
             TZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:c\r\n\
             DTSTART;TZID=Custom:{day}T100000\r\nRRULE:FREQ=DAILY\r\n\
             SUMMARY;LANGUAGE=de:{title}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        )
    };
    import(&program, "1.ics", &event("20270105", "A"), &[]);
    import(&program, "2.ics", &event("20270106", "B"), &[]);
    let told = text(&program, &["conflicts"]);
    for part in [
        "A  (LANGUAGE=de)",
        "DTSTART 2027-01-05 10:00 Custom, RRULE FREQ=DAILY",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("~TZ"), "{told}");
}
