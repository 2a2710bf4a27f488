//! What was: logs, the trash and restore, on one device and seen from another.

use pimesh::api::{ItemLog, Moment, Newer, Past, Reply, Request, Restored, Trash, Write};
use pimesh_tests::device::Device;

use crate::couple::{Couple, card, doc, import, refused, set, values};
use crate::program::Program;
use crate::undo::undo;

pub(crate) async fn log(device: &Device, item: &str, property: Option<&str>) -> ItemLog {
    let (item, property) = (item.to_owned(), property.map(str::to_owned));
    match device
        .ask(Request::Past(Past::Log { item, property }))
        .await
    {
        Reply::Log(log) => log,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn trash(device: &Device) -> Trash {
    match device.ask(Request::Past(Past::Trash)).await {
        Reply::Trash(trash) => trash,
        other => panic!("{other:?}"),
    }
}

fn restoring(target: &str, at: Moment, newer: Newer, write: Write) -> Request {
    let target = target.to_owned();
    Request::Past(Past::Restore {
        target,
        at,
        newer,
        write,
    })
}

async fn restore(device: &Device, target: &str, at: Moment, newer: Newer) -> Restored {
    match device
        .ask(restoring(target, at, newer, Write::Really))
        .await
    {
        Reply::Restored(restored) => restored,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn delete(device: &Device, doc: &str) {
    let items = vec![doc.to_owned()];
    device.ask(Request::Delete { items }).await;
}

pub(crate) async fn revive(device: &Device, doc: &str) {
    let items = vec![doc.to_owned()];
    device.ask(Request::Past(Past::Revive { items })).await;
}

/// A moment that what was done before it does not reach.
async fn moment() -> Moment {
    let at = Moment::now();
    pimesh_tests::wait::eventually("the clock goes on", async || {
        (Moment::now() > at).then_some(())
    })
    .await;
    at
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_says_who_changed_what_where_and_what_it_was() {
    let mut couple = Couple::with(&card("ann", "FN:Ann\nTITLE:one")).await;
    let ann = doc(&couple.laptop, "Ann").await;
    couple.laptop.edit(&ann, set("TITLE", "two")).await;
    couple.agree().await;
    couple
        .apart(
            async |_| (),
            async |device| {
                device.edit(&ann, set("TITLE", "three")).await;
                device.edit(&ann, set("FN", "Anna")).await;
                delete(device, &ann).await;
            },
        )
        .await;
    let of_laptop = log(&couple.laptop, &ann, None).await;
    let of_phone = log(&couple.phone, &ann, None).await;
    for log in [&of_laptop, &of_phone] {
        assert!(log.deleted);
        assert_eq!(log.changes.len(), 5, "{log:#?}");
        let born = &log.changes[0];
        assert!(born.from_text && born.at.is_none());
        assert_eq!(born.lives[0].life, "created");
        assert_eq!(born.devices, ["laptop"]);
        assert!(born.properties.iter().all(|p| p.property != "VERSION"));
        let titles: Vec<_> = log
            .changes
            .iter()
            .flat_map(|c| c.properties.iter().map(move |p| (c, p)))
            .filter(|(_, p)| p.property == "TITLE")
            .map(|(c, p)| (c.devices[0].as_str(), p.old.as_deref(), p.new.as_deref()))
            .collect();
        let expected = [
            ("laptop", None, Some("one")),
            ("laptop", Some("one"), Some("two")),
            ("phone", Some("two"), Some("three")),
        ];
        assert_eq!(titles, expected);
        let name = &log.changes[3].properties;
        assert_eq!(name.len(), 1, "N did not change: {name:?}");
        assert_eq!(name[0].property, "FN");
        assert_eq!(name[0].old.as_deref(), Some("Ann"));
        let end = log.changes.last().unwrap();
        assert_eq!(end.lives[0].life, "deleted");
        assert!(end.at.is_some() && end.source.as_deref() == Some("cli"));
    }
    let story = |log: &ItemLog| {
        let mut changes = log.changes.clone();
        changes[0].source = None; // the file is known where it was imported
        changes
    };
    assert_eq!(story(&of_laptop), story(&of_phone), "the same, told twice");
    assert_eq!(
        log(&couple.phone, &ann, Some("title")).await.changes.len(),
        3
    );
    couple.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_on_one_device_comes_back_from_the_trash_of_another() {
    let couple = Couple::with(&(card("ann", "FN:Ann\nTEL:1") + &card("bob", "FN:Bob"))).await;
    let ann = doc(&couple.laptop, "Ann").await;
    let before = couple.laptop.texts().await;
    assert_eq!(trash(&couple.phone).await.items, []);
    delete(&couple.laptop, &ann).await;
    couple.agree().await;
    let deleted = trash(&couple.phone).await;
    assert_eq!(deleted.items.len(), 1);
    assert_eq!(deleted.items[0].item.name, "Ann");
    assert_eq!(deleted.items[0].device.as_deref(), Some("laptop"));
    assert!(deleted.items[0].at.is_some());
    revive(&couple.phone, &ann).await;
    couple.agree().await;
    for device in couple.both() {
        assert_eq!(trash(device).await.items, []);
        assert_eq!(device.texts().await, before, "whole, as it was");
    }
    couple.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collection_is_brought_back_to_what_this_device_showed_at_a_time() {
    let cards = ["ann", "bob", "cat"].map(|uid| card(uid, &format!("FN:{uid}\nTEL:1\nNOTE:n")));
    let couple = Couple::with(&cards.concat()).await;
    let (ann, bob) = (
        doc(&couple.laptop, "ann").await,
        doc(&couple.laptop, "bob").await,
    );
    delete(&couple.laptop, &doc(&couple.laptop, "cat").await).await;
    couple.agree().await;
    let good = couple.laptop.texts().await;
    let at = moment().await;
    let changed = pimesh::api::EditBy::Text(card("ann", "FN:ann\nTEL:2\nTITLE:x"));
    couple.phone.edit(&ann, changed).await;
    delete(&couple.phone, &bob).await;
    import(
        &couple.phone,
        "new.vcf",
        &(card("dan", "FN:dan") + &cards[2]),
    )
    .await;
    couple.agree().await;

    let try_first = restoring("Contacts", at, Newer::Keep, Write::DryRun);
    let Reply::Restored(tried) = couple.laptop.ask(try_first).await else {
        panic!("not a reply to restore")
    };
    assert_eq!((tried.changed, tried.newer, tried.operation), (3, 1, None));
    assert_eq!(couple.laptop.items().await.len(), 3, "nothing was written");
    let done = restore(&couple.laptop, "Contacts", at, Newer::Keep).await;
    assert_eq!((done.changed, done.newer), (3, 1), "{done:?}");
    couple.agree().await;
    assert_eq!(couple.phone.items().await.len(), 3, "dan stays");
    restore(&couple.laptop, "Contacts", at, Newer::Delete).await;
    couple.agree().await;
    for device in couple.both() {
        assert_eq!(device.texts().await, good);
    }
    let once_more = restore(&couple.laptop, "Contacts", at, Newer::Delete).await;
    assert_eq!(once_more.changed, 0);
    undo(&couple.laptop, done.operation).await;
    assert_eq!(values(&couple.laptop, &ann, "TITLE").await, ["x"]);
    let before_all = "2001-01-01T00:00:00Z".parse().unwrap();
    let asked = restoring("Contacts", before_all, Newer::Keep, Write::Really);
    let failure = refused(&couple.laptop, asked).await;
    assert!(failure.hint.unwrap().contains("since"));
    couple.stop().await;
}

#[tokio::test]
async fn the_program_tells_the_past_and_asks_before_it_changes_much() {
    let program = Program::new("laptop");
    let file = program.device.folder().join("two.vcf");
    std::fs::write(&file, card("ann", "FN:Ann\nTEL:1") + &card("bob", "FN:Bob")).unwrap();
    assert_eq!(program.json(&["import", file.to_str().unwrap()]).1, 0);
    let ann = doc(&program.device, "Ann").await;
    assert_eq!(program.json(&["edit", &ann, "--set", "TEL=2"]).1, 0);
    let (told, _) = program.json(&["log", &ann, "TEL"]);
    let source = told["changes"][0]["source"].as_str().unwrap();
    assert!(source.ends_with("two.vcf"), "{source}");
    assert_eq!(told["changes"][1]["properties"][0]["old"], "1");
    assert_eq!(told["changes"][1]["devices"][0], "this device");
    assert_eq!(program.json(&["delete", &ann, "--yes"]).1, 0);
    let (deleted, _) = program.json(&["trash"]);
    assert_eq!(deleted["items"][0]["item"]["name"], "Ann");
    assert_eq!(program.json(&["trash", "restore", &ann]).1, 0);
    assert_eq!(program.json(&["trash", "restore", &ann]).1, 2, "it lives");
    assert_eq!(program.json(&["trash", "restore", "0123456"]).1, 4);
    let (list, _) = program.json(&["undo", "--list"]);
    let kinds: Vec<_> = list["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| o["kind"].clone())
        .collect();
    assert_eq!(kinds, ["trash restore", "delete", "edit", "import"]);
    assert_eq!(
        program.json(&["undo", "3"]).0["changed"],
        0,
        "it is back already"
    );
    assert_eq!(program.json(&["undo", "2"]).1, 0);
    assert_eq!(program.json(&["undo", "2"]).1, 2);
    assert_eq!(program.json(&["undo", "99"]).1, 4);
    let (refused, code) = program.json(&["undo", "1"]);
    assert_eq!(code, 3, "Ann was edited since, Bob alone goes: {refused}");
    for words in [&["log", &ann][..], &["trash"], &["undo", "--list"]] {
        let said = program.output(words);
        assert_eq!(said.status.code(), Some(0), "{words:?}");
        assert!(said.stdout.len() > 20);
    }
    assert_eq!(
        program
            .json(&["restore", "Contacts", "--at", "1999-01-01"])
            .1,
        4
    );
    assert_eq!(program.json(&["restore", &ann, "--at", "soon"]).1, 2);
}
