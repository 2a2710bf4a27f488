//! Files that are imported again after another program has changed them: what is new there is
//! an edit of what the file said before, and nothing is doubled.

use std::path::{Path, PathBuf};

use pimesh::api::{Counts, EditBy, Form, Patch};
use pimesh_tests::device::Device;

pub(crate) fn card(lines: &[&str]) -> String {
    let lines = lines.join("\r\n");
    format!("BEGIN:VCARD\r\nVERSION:3.0\r\n{lines}\r\nEND:VCARD\r\n")
}

/// Writes a file and imports it, or the folder that it lies in; gives what was added, changed, restored and the same.
async fn import(device: &Device, name: &str, text: &str) -> [u64; 4] {
    let path = device.folder().join(name);
    let folder = path.parent().unwrap().to_owned();
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(&path, text).unwrap();
    import_path(device, if name.contains('/') { folder } else { path }).await
}

async fn import_path(device: &Device, path: PathBuf) -> [u64; 4] {
    let report = device.import(&[path]).await;
    assert!(report.totals.add_up(), "{:?}", report.totals);
    assert_eq!(report.skipped, []);
    let Counts {
        added,
        changed,
        restored,
        same,
        ..
    } = report.totals;
    [added, changed, restored, same]
}

async fn edit(device: &Device, doc: &str, name: &str, value: &str) {
    let value = Form::Plain(value.into());
    let patch = Patch::Set {
        name: name.into(),
        value,
    };
    device.edit(doc, EditBy::Patches(vec![patch])).await;
}

/// The only item there is: its document, and its properties as `NAME:value`, sorted.
pub(crate) async fn only(device: &Device) -> (String, Vec<String>) {
    let items = device.items().await;
    assert_eq!(items.len(), 1, "{items:?}");
    let doc = items.into_keys().next().unwrap();
    (doc.clone(), says(device, &doc).await)
}

pub(crate) async fn says(device: &Device, doc: &str) -> Vec<String> {
    let item = device.show(doc).await;
    let mut all: Vec<String> = item
        .properties
        .iter()
        .filter(|p| !matches!(p.name.as_str(), "UID" | "N" | "VERSION" | "PRODID"))
        .map(|p| format!("{}:{}", p.name, p.value))
        .collect();
    all.sort();
    all
}

const ANN: &[&str] = &[
    "UID:1",
    "FN:Ann",
    "N:;Ann;;;",
    "TEL:+1",
    "EMAIL:ann@example.org",
];

#[tokio::test]
async fn what_a_file_no_longer_says_is_removed_and_what_was_edited_here_stays() {
    let device = Device::new("laptop");
    assert_eq!(import(&device, "book.vcf", &card(ANN)).await, [1, 0, 0, 0]);
    let (doc, _) = only(&device).await;
    edit(&device, &doc, "NOTE", "kept").await;

    let later = card(&[
        "UID:1",
        "FN:Ann",
        "N:;Ann;;;",
        "EMAIL:ann@example.org",
        "TITLE:Dr",
    ]);
    assert_eq!(import(&device, "book.vcf", &later).await, [0, 1, 0, 0]);
    assert_eq!(
        only(&device).await.1,
        ["EMAIL:ann@example.org", "FN:Ann", "NOTE:kept", "TITLE:Dr"]
    );
    assert_eq!(device.conflicts().await, []);
    let changes = device.changes().await;
    assert_eq!(import(&device, "book.vcf", &later).await, [0, 0, 0, 1]);
    assert_eq!(device.changes().await, changes);

    // back to what it was, which a first sight would not see
    assert_eq!(import(&device, "book.vcf", &card(ANN)).await, [0, 1, 0, 0]);
    assert_eq!(
        only(&device).await.1,
        ["EMAIL:ann@example.org", "FN:Ann", "NOTE:kept", "TEL:+1"]
    );
}

#[tokio::test]
async fn what_a_file_and_a_person_both_changed_is_a_conflict_with_both_values() {
    let device = Device::new("laptop");
    import(&device, "book.vcf", &card(ANN)).await;
    let (doc, _) = only(&device).await;
    edit(&device, &doc, "TEL", "+2").await;
    let theirs = card(&[
        "UID:1",
        "FN:Ann",
        "N:;Ann;;;",
        "TEL:+3",
        "EMAIL:ann@example.org",
    ]);
    assert_eq!(import(&device, "book.vcf", &theirs).await, [0, 1, 0, 0]);
    let conflicts = device.conflicts().await;
    assert_eq!(conflicts.len(), 1, "{conflicts:?}");
    let whole = format!("{conflicts:?}");
    assert!(whole.contains("+2") && whole.contains("+3"), "{whole}");
    assert_eq!(import(&device, "book.vcf", &theirs).await, [0, 0, 0, 1]);
}

#[tokio::test]
async fn another_file_is_a_first_sight_and_removes_nothing() {
    let device = Device::new("laptop");
    import(&device, "book.vcf", &card(ANN)).await;
    let less = card(&["UID:1", "FN:Ann", "N:;Ann;;;", "TITLE:Dr"]);
    assert_eq!(import(&device, "other.vcf", &less).await, [0, 1, 0, 0]);
    let whole = ["EMAIL:ann@example.org", "FN:Ann", "TEL:+1", "TITLE:Dr"];
    assert_eq!(only(&device).await.1, whole);
    // that file never said TEL or EMAIL, so it does not remove them now
    let moved = card(&["UID:1", "FN:Ann", "N:;Ann;;;", "TITLE:Prof"]);
    assert_eq!(import(&device, "other.vcf", &moved).await, [0, 1, 0, 0]);
    let whole = ["EMAIL:ann@example.org", "FN:Ann", "TEL:+1", "TITLE:Prof"];
    assert_eq!(only(&device).await.1, whole);
    assert_eq!(device.conflicts().await, []);
}

#[tokio::test]
async fn a_file_that_said_nothing_new_removes_only_what_it_had_said() {
    let device = Device::new("laptop");
    import(&device, "book.vcf", &card(ANN)).await;
    let (doc, _) = only(&device).await;
    edit(&device, &doc, "NOTE", "kept").await;
    let extract = card(&["UID:1", "FN:Ann", "N:;Ann;;;", "TEL:+1"]);
    assert_eq!(import(&device, "extract.vcf", &extract).await, [0, 0, 0, 1]);
    let without = card(&["UID:1", "FN:Ann", "N:;Ann;;;", "TITLE:Dr"]);
    assert_eq!(import(&device, "extract.vcf", &without).await, [0, 1, 0, 0]);
    assert_eq!(
        only(&device).await.1,
        ["EMAIL:ann@example.org", "FN:Ann", "NOTE:kept", "TITLE:Dr"]
    );
    // what it shows now for the first time is not there twice
    let with_mail = card(&[
        "UID:1",
        "FN:Ann",
        "N:;Ann;;;",
        "EMAIL:Ann@example.org",
        "TITLE:Dr",
    ]);
    assert_eq!(
        import(&device, "extract.vcf", &with_mail).await,
        [0, 0, 0, 1]
    );
    let with_mail = with_mail.replace("TITLE:Dr", "NOTE:kept");
    assert_eq!(
        import(&device, "extract.vcf", &with_mail).await,
        [0, 1, 0, 0]
    );
    assert_eq!(
        only(&device).await.1,
        ["EMAIL:ann@example.org", "FN:Ann", "NOTE:kept"]
    );
}

#[tokio::test]
async fn a_card_without_uid_that_changed_is_the_same_card_in_a_file_and_in_a_folder() {
    for name in ["book.vcf", "folder/ann.vcf"] {
        let device = Device::new("laptop");
        let first = card(&["FN:Ann", "TEL:+1", "EMAIL:ann@example.org"]);
        assert_eq!(import(&device, name, &first).await, [1, 0, 0, 0]);
        let second = card(&["FN:Ann", "TEL:+2", "EMAIL:ann@example.org"]);
        assert_eq!(import(&device, name, &second).await, [0, 1, 0, 0], "{name}");
        assert_eq!(
            only(&device).await.1,
            ["EMAIL:ann@example.org", "FN:Ann", "TEL:+2"]
        );
        let changes = device.changes().await;
        assert_eq!(import(&device, name, &second).await, [0, 0, 0, 1]);
        let third = card(&["FN:Ann", "TEL:+2", "EMAIL:ann@example.com"]);
        assert_eq!(import(&device, name, &third).await, [0, 1, 0, 0]);
        assert_eq!(import(&device, name, &third).await, [0, 0, 0, 1]);
        assert_eq!(device.changes().await, changes + 1);
        assert_eq!(device.conflicts().await, []);
    }
}

#[tokio::test]
async fn a_name_alone_never_makes_two_cards_one() {
    let device = Device::new("laptop");
    import(&device, "book.vcf", &card(&["FN:Ann", "TEL:+1"])).await;
    let other = card(&["FN:Ann", "TEL:+2"]);
    assert_eq!(import(&device, "book.vcf", &other).await, [1, 0, 0, 0]);
    assert_eq!(device.items().await.len(), 2);
}

#[tokio::test]
async fn namesakes_who_share_a_phone_stay_two_whatever_changes() {
    let device = Device::new("laptop");
    let book = |old: &str, young: &str| {
        card(&["FN:John Doe", "TEL:+1", old]) + &card(&["FN:John Doe", "TEL:+1", young])
    };
    let first = book("BDAY:19500101", "BDAY:19800101");
    assert_eq!(import(&device, "book.vcf", &first).await, [2, 0, 0, 0]);
    let second = book("BDAY:19500102", "BDAY:19800102");
    assert_eq!(import(&device, "book.vcf", &second).await, [0, 2, 0, 0]);
    assert_eq!(import(&device, "book.vcf", &second).await, [0, 0, 0, 2]);
    let mut born = Vec::new();
    for doc in device.items().await.into_keys() {
        born.push(says(&device, &doc).await[0].clone());
    }
    born.sort();
    assert_eq!(born, ["BDAY:19500102", "BDAY:19800102"]);
    // one of them stays as it was, the other moves
    let third = card(&["FN:John Doe", "TEL:+1", "BDAY:19800102"])
        + &card(&["FN:John Doe", "TEL:+1", "BDAY:19500102", "NOTE:moved"]);
    assert_eq!(import(&device, "book.vcf", &third).await, [0, 1, 0, 1]);
    assert_eq!(device.items().await.len(), 2);
}

#[tokio::test]
async fn a_later_export_under_another_name_is_beside_the_card_that_it_means() {
    let device = Device::new("laptop");
    let ann = card(&["FN:Ann", "TEL:+1", "EMAIL:ann@example.org"]);
    let ben = card(&["FN:Ben", "EMAIL:ben@example.org"]);
    import(&device, "contacts.vcf", &(ann + &ben)).await;
    let ann = card(&["FN:Ann", "TEL:+2", "EMAIL:ann@example.org"]);
    let later = import(&device, "contacts (1).vcf", &(ann.clone() + &ben)).await;
    assert_eq!(later, [0, 1, 0, 1]);
    assert_eq!(device.items().await.len(), 2);
    let again = import(&device, "contacts (1).vcf", &(ann + &ben)).await;
    assert_eq!(again, [0, 0, 0, 2]);
}

#[tokio::test]
async fn an_item_that_a_file_holds_twice_changes_nothing_when_it_is_read_again() {
    let device = Device::new("laptop");
    let one = card(&["UID:1", "FN:Ann", "TEL:+1"]);
    let other = card(&["UID:1", "FN:Ann", "TEL:+1", "TITLE:Dr"]);
    import(&device, "book.vcf", &(one.clone() + &other)).await;
    let changes = device.changes().await;
    for text in [one.clone() + &other, other + &one] {
        assert_eq!(import(&device, "book.vcf", &text).await, [0, 0, 0, 2]);
        assert_eq!(device.changes().await, changes);
    }
}

#[tokio::test]
async fn what_was_deleted_here_comes_back_with_an_import_and_with_what_it_says_now() {
    let device = Device::new("laptop");
    import(&device, "book.vcf", &card(ANN)).await;
    let (doc, _) = only(&device).await;
    let delete = || pimesh::api::Request::Delete {
        items: vec![doc.clone()],
    };
    device.ask(delete()).await;
    assert_eq!(import(&device, "book.vcf", &card(ANN)).await, [0, 0, 1, 0]);
    device.ask(delete()).await;
    let moved = card(&[
        "UID:1",
        "FN:Ann",
        "N:;Ann;;;",
        "TEL:+9",
        "EMAIL:ann@example.org",
    ]);
    assert_eq!(import(&device, "book.vcf", &moved).await, [0, 0, 1, 0]);
    assert_eq!(
        only(&device).await.1,
        ["EMAIL:ann@example.org", "FN:Ann", "TEL:+9"]
    );
}

#[tokio::test]
async fn an_occurrence_that_a_calendar_no_longer_overrides_is_as_the_rule_says() {
    let device = Device::new("laptop");
    let event = |more: &str| {
        let head = "UID:e\r\nDTSTAMP:20260101T000000Z\r\n";
        let whole = if more.is_empty() {
            String::new()
        } else {
            format!(
                "BEGIN:VEVENT\r\n{head}RECURRENCE-ID:20260108T100000Z\r\n\
                 DTSTART:20260108T120000Z\r\nSUMMARY:{more}\r\nEND:VEVENT\r\n"
            )
        };
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\n{head}\
             DTSTART:20260101T100000Z\r\nRRULE:FREQ=WEEKLY\r\nSUMMARY:Weekly\r\n\
             END:VEVENT\r\n{whole}END:VCALENDAR\r\n"
        )
    };
    let path = Path::new("calendar.ics").to_str().unwrap();
    assert_eq!(import(&device, path, &event("later")).await, [1, 0, 0, 0]);
    assert_eq!(
        import(&device, path, &event("much later")).await,
        [0, 1, 0, 0]
    );
    assert_eq!(import(&device, path, &event("")).await, [0, 1, 0, 0]);
    let (doc, _) = only(&device).await;
    let item = device.show(&doc).await;
    assert!(item.properties.iter().all(|p| p.occurrence.is_none()));
    assert_eq!(import(&device, path, &event("")).await, [0, 0, 0, 1]);
    assert_eq!(import(&device, path, &event("later")).await, [0, 1, 0, 0]);
}
