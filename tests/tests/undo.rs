//! Taking back what was done on a device, as its other devices see it.

use pimesh::api::{Choice, Decision, Past, Reply, Request, Undone, Write};
use pimesh_tests::data::{self, Heavy, Scale};
use pimesh_tests::device::{Device, agree, importing, pair};

use crate::couple::{Couple, card, doc, import, set, values};
use crate::past::{delete, revive, trash};

pub(crate) async fn undo(device: &Device, operation: Option<i64>) -> Undone {
    let write = Write::Really;
    match device
        .ask(Request::Past(Past::Undo { operation, write }))
        .await
    {
        Reply::Undone(undone) => undone,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn undo_puts_back_what_was_and_keeps_what_somebody_wrote_since() {
    let couple = Couple::with(&card("ann", "FN:Ann\nTITLE:old\nNOTE:old")).await;
    let ann = doc(&couple.laptop, "Ann").await;
    let both = pimesh::api::EditBy::Text(card("ann", "FN:Ann\nTITLE:new\nNOTE:new"));
    couple.laptop.edit(&ann, both).await;
    couple.agree().await;
    couple.phone.edit(&ann, set("NOTE", "newest")).await;
    couple.agree().await;

    let undone = undo(&couple.laptop, None).await;
    assert_eq!((undone.changed, undone.kept), (1, 1), "{undone:?}");
    assert_eq!(undone.items[0].properties, ["TITLE"]);
    assert_eq!(undone.items[0].kept, ["NOTE"]);
    couple.agree().await;
    for device in couple.both() {
        assert_eq!(values(device, &ann, "TITLE").await, ["old"]);
        assert_eq!(values(device, &ann, "NOTE").await, ["newest"]);
        assert_eq!(device.conflicts().await, []);
    }
    let again = undo(&couple.laptop, undone.undo).await;
    assert_eq!(again.changed, 1, "an undo can be undone");
    assert_eq!(values(&couple.laptop, &ann, "TITLE").await, ["new"]);
    couple.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn undo_revives_what_was_deleted_and_deletes_only_what_an_import_added() {
    let mut couple = Couple::with(&card("ann", "FN:Ann\nTEL:1")).await;
    let ann = doc(&couple.laptop, "Ann").await;
    delete(&couple.laptop, &ann).await;
    undo(&couple.laptop, None).await;
    couple.agree().await;
    assert_eq!(values(&couple.phone, &ann, "TEL").await, ["1"]);

    // of five cards one is here, one is taken in on both, one is edited afterwards
    let uids = ["ann", "bob", "cat", "dan", "eve"];
    let texts: Vec<String> = uids
        .iter()
        .map(|uid| {
            card(
                uid,
                &format!("FN:{}\nTEL:1", uid[..1].to_uppercase() + &uid[1..]),
            )
        })
        .collect();
    couple
        .apart(
            async |device| import(device, "five.vcf", &texts.concat()).await,
            async |device| import(device, "one.vcf", &texts[1]).await,
        )
        .await;
    let cat = doc(&couple.phone, "Cat").await;
    couple.phone.edit(&cat, set("TITLE", "mine")).await;
    couple.agree().await;
    let undone = undo(&couple.laptop, None).await;
    assert_eq!((undone.changed, undone.kept), (2, 2), "{undone:?}");
    couple.agree().await;
    for device in couple.both() {
        let items = device.items().await;
        let mut names: Vec<&str> = items.values().map(|item| item.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["Ann", "Bob", "Cat"]);
        assert_eq!(values(device, &cat, "TITLE").await, ["mine"]);
    }
    undo(&couple.laptop, undone.undo).await;
    couple.agree().await;
    assert_eq!(couple.phone.items().await.len(), 5);
    couple.stop().await;
}

#[tokio::test]
async fn undoing_an_edit_does_not_raise_what_was_deleted_since() {
    let laptop = Device::new("laptop");
    import(&laptop, "ann.vcf", &card("ann", "FN:Ann\nTITLE:old")).await;
    let ann = doc(&laptop, "Ann").await;
    laptop.edit(&ann, set("TITLE", "new")).await;
    delete(&laptop, &ann).await;
    let edit = 2;
    assert_eq!(undo(&laptop, Some(edit)).await.changed, 1);
    assert_eq!(laptop.items().await.len(), 0, "it stays deleted");
    assert_eq!(trash(&laptop).await.items.len(), 1);
    revive(&laptop, &ann).await;
    assert_eq!(values(&laptop, &ann, "TITLE").await, ["old"]);
}

#[tokio::test]
async fn what_was_undone_can_be_imported_again() {
    let laptop = Device::new("laptop");
    let text = card("ann", "FN:Ann\nTITLE:old") + &card("bob", "FN:Bob");
    import(&laptop, "two.vcf", &text).await;
    let before = laptop.texts().await;
    undo(&laptop, None).await;
    assert_eq!(laptop.items().await.len(), 0);
    import(&laptop, "two.vcf", &text).await;
    assert_eq!(laptop.texts().await, before);
    undo(&laptop, None).await;
    assert_eq!(laptop.items().await.len(), 0, "and undone again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn undoing_an_import_ends_the_conflicts_that_it_made() {
    let lines = |title: &str, tel: &str| format!("FN:Ann\nTITLE:{title}\nORG:{title}\nTEL:{tel}");
    let couple = Couple::with(&card("ann", &lines("one", "111"))).await;
    let ann = doc(&couple.laptop, "Ann").await;
    let before = couple.laptop.texts().await;
    import(&couple.laptop, "b.vcf", &card("ann", &lines("two", "222"))).await;
    couple.agree().await;
    let clash = couple.phone.conflicts().await;
    assert_eq!(clash.len(), 2, "{clash:?}");
    let undone = undo(&couple.laptop, None).await;
    assert_eq!(undone.items[0].properties, ["ORG", "TEL", "TITLE"]);
    couple.agree().await;
    for device in couple.both() {
        assert_eq!(device.conflicts().await, []);
        assert_eq!(values(device, &ann, "TITLE").await, ["one"]);
    }
    assert_eq!(couple.laptop.texts().await, before);
    undo(&couple.laptop, undone.undo).await;
    couple.agree().await;
    let again = couple.phone.conflicts().await;
    let values = |all: &[pimesh::api::Conflict]| {
        let one = |c: &pimesh::api::Conflict| (c.shown.value.clone(), c.others[0].value.clone());
        all.iter().map(one).collect::<Vec<_>>()
    };
    assert_eq!(values(&again), values(&clash), "and the undo can be undone");
    couple.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn undoing_a_decision_puts_the_conflict_back_as_it_was() {
    let mut couple = Couple::with(&card("ann", "FN:Ann\nTITLE:old")).await;
    let ann = doc(&couple.laptop, "Ann").await;
    couple
        .apart(
            async |device| device.edit(&ann, set("TITLE", "one")).await,
            async |device| device.edit(&ann, set("TITLE", "two")).await,
        )
        .await;
    let before = couple.laptop.conflicts().await.remove(0);
    for choice in [Choice::This, Choice::That] {
        let by = Decision::Keep(choice);
        let (item, property) = (ann.clone(), "TITLE".to_owned());
        couple
            .laptop
            .ask(Request::Resolve { item, property, by })
            .await;
        assert_eq!(couple.laptop.conflicts().await, []);
        undo(&couple.laptop, None).await;
        couple.agree().await;
        for device in couple.both() {
            let conflict = device.conflicts().await.remove(0);
            assert_eq!(conflict.shown.value, before.shown.value);
            assert_eq!(conflict.others.len(), 1);
            assert_eq!(conflict.others[0].value, before.others[0].value);
        }
    }
    couple.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_import_of_many_files_is_undone_as_a_whole_and_everywhere() {
    let (mut laptop, mut phone) = (Device::new("laptop"), Device::new("phone"));
    let scale = Scale {
        contacts: 1100,
        events: 1100,
    };
    let files = data::made(scale, Heavy::USUAL, laptop.folder());
    laptop.ask(importing(&files)).await;
    assert_eq!(laptop.items().await.len(), scale.items());
    let address = laptop.start().await;
    phone.start().await;
    pair(&laptop, &phone, address).await;
    agree(&laptop, &phone).await;
    let undone = undo(&laptop, None).await;
    assert_eq!((undone.changed, undone.kept), (scale.items() as u64, 0));
    agree(&laptop, &phone).await;
    assert_eq!(phone.items().await.len(), 0);
    laptop.stop().await;
    phone.stop().await;
}
