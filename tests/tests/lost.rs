//! Files that are imported again and say less: what that removes, and what it does not.

use pimesh_tests::device::Device;

use crate::read_again::{card, only, says};

/// Imports a text as `book.vcf`; gives what each item lost: its name, what was removed, what held.
async fn lost(device: &Device, text: &str) -> Vec<(String, String, String)> {
    let path = device.folder().join("book.vcf");
    std::fs::write(&path, text).unwrap();
    let tried = device
        .ask(pimesh_tests::device::trying(std::slice::from_ref(&path)))
        .await;
    let report = device.import(&[path]).await;
    let pimesh::api::Reply::Imported(tried) = tried else {
        panic!("{tried:?}")
    };
    assert_eq!(
        tried.files[0].lost, report.files[0].lost,
        "a try says the same"
    );
    let holds = report.files[0]
        .lost
        .iter()
        .any(|lost| !lost.held.is_empty());
    let code = pimesh::api::Reply::Imported(report.clone()).exit_code();
    assert_eq!(code, if holds { 3 } else { 0 });
    let lost = report.files[0].lost.iter();
    let one = |lost: &pimesh::api::LostItem| {
        (
            lost.name.clone(),
            lost.removed.join(" "),
            lost.held.join(" "),
        )
    };
    lost.map(one).collect()
}

#[tokio::test]
async fn what_a_file_removes_is_named_and_what_its_new_writer_may_not_know_is_kept() {
    let device = Device::new("laptop");
    let rich = [
        "UID:1",
        "FN:Ann",
        "TEL:+1",
        "NOTE:allergic",
        "EMAIL:a@x.example",
    ];
    assert_eq!(lost(&device, &card(&rich)).await, []);
    // another program's card of the same person
    let poor = ["UID:1", "PRODID:-//Other//2.0//EN", "FN:Ann", "TEL:+1"];
    let told = lost(&device, &card(&poor)).await;
    assert_eq!(told, [("Ann".into(), String::new(), "EMAIL NOTE".into())]);
    assert_eq!(
        only(&device).await.1,
        ["EMAIL:a@x.example", "FN:Ann", "NOTE:allergic", "TEL:+1"]
    );
    assert_eq!(lost(&device, &card(&poor)).await, [], "said once");
    // which shows a title, and later none: that it removes, in whichever version
    let titled = [
        "UID:1",
        "PRODID:-//Other//2.0//EN",
        "FN:Ann",
        "TEL:+1",
        "TITLE:Dr",
    ];
    assert_eq!(lost(&device, &card(&titled)).await, []);
    let poor = ["UID:1", "PRODID:-//Other//2.1//EN", "FN:Ann", "TEL:+1"];
    let told = lost(&device, &card(&poor)).await;
    assert_eq!(told, [("Ann".into(), "TITLE".into(), String::new())]);
    assert_eq!(
        only(&device).await.1,
        ["EMAIL:a@x.example", "FN:Ann", "NOTE:allergic", "TEL:+1"]
    );
}

#[tokio::test]
async fn a_book_without_a_single_note_removes_no_note_but_one_with_others_does() {
    let device = Device::new("laptop");
    let ann = ["UID:1", "FN:Ann", "TEL:+1", "NOTE:allergic"];
    let bob = ["UID:2", "FN:Bob", "TEL:+2", "NOTE:tall"];
    lost(&device, &(card(&ann) + &card(&bob))).await;
    let told = lost(&device, &(card(&ann[..3]) + &card(&bob))).await;
    assert_eq!(told, [("Ann".into(), "NOTE".into(), String::new())]);
    let told = lost(&device, &(card(&ann[..3]) + &card(&bob[..2]))).await;
    assert_eq!(told, [("Bob".into(), "TEL".into(), "NOTE".into())]);
    let told = lost(&device, &(card(&ann[..2]) + &card(&bob[..2]))).await;
    assert_eq!(told, [("Ann".into(), String::new(), "TEL".into())]);
    let mut all = Vec::new();
    for doc in device.items().await.into_keys() {
        all.extend(says(&device, &doc).await);
    }
    all.sort();
    assert_eq!(all, ["FN:Ann", "FN:Bob", "NOTE:tall", "TEL:+1"]);
}

#[tokio::test]
async fn a_program_that_names_itself_removes_what_it_had_shown() {
    let device = Device::new("laptop");
    let of = |who: &str, lines: &[&str]| {
        let uid = format!("UID:{who}");
        let name = format!("FN:{who}");
        card(&[&[&*uid, "PRODID:-//Book//1.0//EN", &*name][..], lines].concat())
    };
    let noted = ["NOTE:allergic"];
    lost(&device, &(of("Ann", &noted) + &of("Bob", &[]))).await;
    let told = lost(&device, &(of("Ann", &[]) + &of("Bob", &[]))).await;
    assert_eq!(told, [("Ann".into(), "NOTE".into(), String::new())]);
}

#[tokio::test]
async fn an_occurrence_that_a_calendar_no_longer_calls_off_takes_place_again() {
    let device = Device::new("laptop");
    let calendar = |off: &str| {
        let event = |uid: &str, more: &str| {
            format!(
                "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTART:20270101T100000Z\r\nRRULE:FREQ=DAILY\r\n\
                 SUMMARY:{uid}\r\n{more}END:VEVENT\r\n"
            )
        };
        let events = event("walk", off) + &event("run", "");
        format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}END:VCALENDAR\r\n")
    };
    let off = "EXDATE:20270102T100000Z\r\nLOCATION:park\r\n";
    lost(&device, &calendar(off)).await;
    let told = lost(&device, &calendar("")).await;
    assert_eq!(told, [("walk".into(), "EXDATE".into(), "LOCATION".into())]);
}
