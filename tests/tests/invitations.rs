//! The mails about meetings in the corpus, imported by the whole device, and what each must
//! come to: read by hand from the mails.

use std::path::{Path, PathBuf};

use pimesh::api::ItemSummary;
use pimesh_tests::data;
use pimesh_tests::device::Device;

/// What is listed afterwards: collection, UID, title, start, whether it repeats.
type Listed = (&'static str, &'static str, &'static str, &'static str, bool);

/// Cancellations wait for what they cancel and show nothing; what is no invitation from its
/// organizer is proposed in a collection of its own.
const EXPECTED: [(&str, &[Listed]); 11] = [
    ("cancel-repeat-event", &[]),
    ("cancel-single-event", &[]),
    (
        "event-with-file-attachment",
        &[(
            "Calendar",
            "02e79b96-file",
            "File Attachment Event",
            "2022-03-16T11:00:00Z",
            false,
        )],
    ),
    (
        "meet-meeting-invite",
        &[(
            "Calendar",
            "65m17hsdolmotv3kvmrtg40ont@google.com",
            "Meeeeet me HTML",
            "2021-03-22T09:30:00Z",
            false,
        )],
    ),
    (
        "message-containing-event",
        &[(
            "From mail",
            "20160824T204000Z-568860280@example.com",
            "Haircut",
            "2016-09-01T06:25:00Z",
            false,
        )],
    ),
    (
        "message-non-invite",
        &[(
            "From mail",
            "1e5fd4e6-bc52-439c-ac76-40da54f57c77@secure.example.com",
            "Party at John's house, Helsinki",
            "2021-11-29T10:55:00[Europe/Helsinki]",
            false,
        )],
    ),
    (
        "outlook-test-invite",
        &[(
            "Calendar",
            "030000008200E00074C5B7101A82E0080000000060B608D090DDD7010000000000000000100000004BE0CFFA\
             54BCF64E956E34143362C3C0",
            "Testaus",
            "2021-11-27T09:00:00[FLE Standard Time]",
            false,
        )],
    ),
    (
        "repeat-event",
        &[(
            "Calendar",
            "02e79b96",
            "Repeat Event",
            "2022-03-16T11:00:00Z",
            true,
        )],
    ),
    (
        "repeat-update-major",
        &[(
            "Calendar",
            "02e79b96",
            "Repeat Event",
            "2022-03-16T05:00:00Z",
            true,
        )],
    ),
    (
        "teams-meeting-invite",
        &[(
            "Calendar",
            "056000008200E00074C5B7101A82E008000000001AF84C64CBC8D601000000000000000010000000403B5AC1\
             0A0EB444A947D2B499A4B98C",
            "Teams meeting",
            "2020-12-02T19:00:00[FLE Standard Time]",
            false,
        )],
    ),
    (
        "update-major",
        &[(
            "Calendar",
            "02e79b96",
            "Single Event",
            "2022-03-16T05:00:00Z",
            false,
        )],
    ),
];

fn thunderbirds(root: &Path, name: &str) -> PathBuf {
    let name = format!("calendar__test__browser__invitations__data__{name}.eml");
    root.join("corpus/imip/comm-central").join(name)
}

fn listed(item: &ItemSummary) -> (&str, &str, &str, &str, bool) {
    let start = item.start.as_deref().unwrap_or("");
    (
        &item.collection,
        &item.uid,
        &item.name,
        start,
        item.recurring,
    )
}

#[tokio::test]
async fn every_mail_of_thunderbirds_tests_comes_to_what_it_says() {
    let Some(root) = data::corpus() else { return };
    for (name, expected) in EXPECTED {
        let device = Device::new("laptop");
        let path = [thunderbirds(&root, name)];
        let report = device.import(&path).await;
        assert!(report.totals.add_up(), "{name}: {report:?}");
        assert_eq!(report.totals.refused, 0, "{name}: {report:?}");
        let items = device.items().await;
        let found: Vec<_> = items.values().map(listed).collect();
        assert_eq!(found, expected, "{name}");

        let changes = device.changes().await;
        let again = device.import(&path).await;
        assert_eq!((again.totals.added, again.totals.changed), (0, 0), "{name}");
        assert_eq!(device.changes().await, changes, "{name}");
    }
}

#[tokio::test]
async fn mails_about_one_meeting_show_the_same_in_both_orders() {
    let Some(root) = data::corpus() else { return };
    let told: [(&[&str], &str, &str); 4] = [
        (
            &["repeat-event", "cancel-repeat-event"],
            "CANCELLED",
            "2022-03-16T11:00:00Z",
        ),
        (
            &["repeat-event", "repeat-update-major"],
            "CONFIRMED",
            "2022-03-16T05:00:00Z",
        ),
        (
            &["update-major", "cancel-single-event"],
            "CONFIRMED",
            "2022-03-16T05:00:00Z",
        ),
        (
            &["repeat-event", "cancel-repeat-event", "repeat-update-major"],
            "CONFIRMED",
            "2022-03-16T05:00:00Z",
        ),
    ];
    for (names, status, start) in told {
        let mut paths: Vec<PathBuf> = names.iter().map(|name| thunderbirds(&root, name)).collect();
        let mut texts = Vec::new();
        for _ in 0..2 {
            let device = Device::new("laptop");
            device.import(&paths).await;
            let items = device.items().await;
            assert_eq!(items.len(), 1, "{names:?}: {items:?}");
            let item = device.show(items.keys().next().unwrap()).await;
            assert_eq!(item.summary.start.as_deref(), Some(start), "{names:?}");
            assert_eq!(item.conflicts, [], "{names:?}");
            let said = item
                .properties
                .iter()
                .find(|property| property.name == "STATUS");
            assert_eq!(said.unwrap().value, status, "{names:?}");
            texts.push(item.text);
            paths.reverse();
        }
        assert_eq!(texts[0], texts[1], "{names:?}");
    }
}

/// Each mail in them was forwarded by somebody who is not its organizer, so nothing may
/// enter the calendar by itself.
#[tokio::test]
async fn forwarded_examples_of_the_standard_propose_and_edit_nothing() {
    let Some(root) = data::corpus() else { return };
    let told = [
        ("src__Net-ICal-Libical__test-data__2446.mime", 31, 23),
        ("src__Net-ICal-Libical__test-data__mail-examples", 8, 0),
    ];
    for (name, messages, refused) in told {
        let device = Device::new("laptop");
        let path = device.folder().join("examples.mbox");
        std::fs::copy(root.join("corpus/imip/libical").join(name), &path).unwrap();
        let report = device.import(&[path]).await;
        let totals = report.totals;
        assert!(totals.add_up(), "{report:?}");
        assert_eq!(totals.begun, messages + refused, "{report:?}");
        assert_eq!(totals.refused, refused, "{report:?}");
        let items = device.items().await;
        assert!(
            items.values().all(|item| item.collection == "From mail"),
            "{items:?}"
        );
        assert_eq!(items.len() as u64, totals.added);
    }
}
