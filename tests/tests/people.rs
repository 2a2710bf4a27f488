//! The same person from two sources: proposed with the reason, linked and taken apart on any
//! device, and never changed by it.

use pimesh::api::{
    Duplicates, EditBy, FailureKind, Form, Linked, Patch, People, Reply, Request, Unlinked,
};
use pimesh_tests::device::Device;

use crate::couple::{Couple, card, import, refused, set, values};
use crate::past::{delete, log, revive, trash};
use crate::undo::undo;

/// Ann as one program has her, and as another; a namesake; somebody at the same switchboard.
fn book() -> String {
    [
        card("g1", "FN:Ann Lambert\nEMAIL:ann@example.org\nTEL;TYPE=CELL:+49 171 1\nTITLE:Sailmaker"),
        card("a1", "FN:Ann Lambert\nEMAIL:Ann@Example.org\nTEL;TYPE=cell:+491711\nTEL:+49 30 9\nNOTE:met in Lyon"),
        card("x1", "FN:Ann Lambert\nEMAIL:another@example.org"),
        card("x2", "FN:Bob\nTEL:+49 30 9"),
    ]
    .concat()
}

fn ask(what: People) -> Request {
    Request::People(what)
}

async fn link(device: &Device, items: &[&str]) -> Linked {
    let items = items.iter().map(|item| (*item).to_owned()).collect();
    match device.ask(ask(People::Link { items })).await {
        Reply::Linked(linked) => linked,
        other => panic!("{other:?}"),
    }
}

async fn unlink(device: &Device, items: &[&str]) -> Unlinked {
    let items = items.iter().map(|item| (*item).to_owned()).collect();
    match device.ask(ask(People::Unlink { items })).await {
        Reply::Unlinked(unlinked) => unlinked,
        other => panic!("{other:?}"),
    }
}

async fn duplicates(device: &Device) -> Duplicates {
    match device.ask(ask(People::Duplicates)).await {
        Reply::Duplicates(found) => found,
        other => panic!("{other:?}"),
    }
}

/// The document of the item with this UID, by what `show` says of it, linked or not.
async fn by_uid(device: &Device, uid: &str) -> String {
    let doc = pimesh_crdt::DocId::of("vcard", uid).to_string();
    assert_eq!(device.show(&doc).await.summary.uid, uid);
    doc
}

async fn names(device: &Device) -> Vec<(String, usize)> {
    let items = device.items().await.into_values();
    let mut out: Vec<_> = items.map(|item| (item.uid, item.linked.len())).collect();
    out.sort();
    out
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_cards_of_one_person_are_proposed_with_the_reason_and_never_by_name_alone() {
    let device = Device::new("laptop");
    import(&device, "book.vcf", &book()).await;
    let found = duplicates(&device).await;
    let [person] = &found.people[..] else {
        panic!("{found:?}")
    };
    let uids: Vec<_> = person.items.iter().map(|item| item.uid.as_str()).collect();
    assert!(uids == ["g1", "a1"] || uids == ["a1", "g1"], "{uids:?}");
    let because: Vec<_> = person.because.iter().map(|r| r.property.as_str()).collect();
    assert_eq!(because, ["EMAIL", "TEL"]);
    assert!(person.because.iter().all(|reason| reason.items.len() == 2));
    assert_eq!(names(&device).await.len(), 4, "nothing was done about it");
    let ids: Vec<&str> = person.items.iter().map(|item| item.id.as_str()).collect();
    link(&device, &ids).await;
    assert_eq!(duplicates(&device).await.people, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_linked_person_is_listed_once_and_unlinking_leaves_every_text_and_change_as_it_was() {
    let couple = Couple::with(&book()).await;
    let (laptop, phone) = (&couple.laptop, &couple.phone);
    let (texts, changes) = (laptop.texts().await, laptop.changes().await);
    let (google, apple) = (by_uid(laptop, "g1").await, by_uid(laptop, "a1").await);
    let linked = link(laptop, &[&google, &apple]).await;
    assert!(linked.changed && linked.items[0].uid == "g1", "{linked:?}");
    assert!(!link(laptop, &[&apple, &google]).await.changed);
    couple.agree().await;
    for device in couple.both() {
        let expected = [("g1", 1), ("x1", 0), ("x2", 0)];
        assert_eq!(
            names(device).await,
            expected.map(|(uid, n)| (uid.to_owned(), n))
        );
        assert_eq!(device.texts().await, texts, "each is exported by itself");
        let request = Request::Search {
            text: "49 30 9".into(),
            limit: None,
        };
        let Reply::Items(found) = device.ask(request).await else {
            panic!("a search")
        };
        let mut uids: Vec<_> = found.items.iter().map(|item| item.uid.as_str()).collect();
        uids.sort_unstable();
        assert_eq!(uids, ["g1", "x2"], "found by what the other item says");
        let item = device.show(&apple).await;
        assert_eq!((item.summary.uid.as_str(), item.linked.len()), ("a1", 1));
        assert!(item.text.contains("UID:a1") && !item.text.contains("Sailmaker"));
        let from = |name: &str| {
            let of = item.properties.iter().filter(move |p| p.name == name);
            of.map(|p| (p.value.as_str(), p.items.len()))
                .collect::<Vec<_>>()
        };
        assert_eq!(from("TEL"), [("+49 171 1", 2), ("+49 30 9", 1)]);
        assert_eq!(from("EMAIL"), [("ann@example.org", 2)]);
        assert_eq!(from("NOTE"), [("met in Lyon", 1)]);
        assert_eq!(from("TITLE"), [("Sailmaker", 1)]);
    }
    let apart = unlink(phone, &[&google]).await;
    assert_eq!(
        (apart.items[0].uid.as_str(), apart.others[0].uid.as_str()),
        ("g1", "a1")
    );
    couple.agree().await;
    for device in couple.both() {
        assert_eq!(names(device).await.len(), 4);
        assert_eq!(device.texts().await, texts);
        assert_eq!(device.changes().await, changes, "no change of any item");
        let told = log(device, &google, None).await;
        let links: Vec<_> = told
            .changes
            .iter()
            .flat_map(|change| change.properties.iter().map(move |p| (change, p)))
            .filter(|(_, property)| property.property == "LINK")
            .map(|(c, p)| (c.devices[0].as_str(), p.old.is_some(), p.new.is_some()))
            .collect();
        assert_eq!(links, [("laptop", false, true), ("phone", true, false)]);
    }
    let failure = refused(
        phone,
        ask(People::Unlink {
            items: vec![google],
        }),
    )
    .await;
    assert_eq!(failure.kind, FailureKind::Usage);
    couple.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_goes_to_the_item_that_holds_the_value_and_else_to_the_first() {
    let device = Device::new("laptop");
    import(&device, "book.vcf", &book()).await;
    let (google, apple) = (by_uid(&device, "g1").await, by_uid(&device, "a1").await);
    link(&device, &[&google, &apple]).await;
    device.edit(&google, set("NOTE", "met in Brest")).await;
    device.edit(&apple, set("ROLE", "crew")).await;
    device.edit(&apple, set("EMAIL", "ann@example.net")).await;
    let remove = |value: &str| {
        EditBy::Patches(vec![Patch::Remove {
            name: "TEL".into(),
            value: Some(value.into()),
        }])
    };
    let request = |by| Request::Edit {
        item: google.clone(),
        by,
    };
    assert_eq!(
        refused(&device, request(remove("1"))).await.kind,
        FailureKind::NotFound
    );
    device.edit(&google, remove("+49 30 9")).await;
    let more = Patch::Add {
        name: "TEL".into(),
        value: Form::Plain("+49 40 4".into()),
    };
    device.edit(&apple, EditBy::Patches(vec![more])).await;
    unlink(&device, &[&google]).await;
    assert_eq!(values(&device, &google, "NOTE").await, [""; 0]);
    assert_eq!(values(&device, &apple, "NOTE").await, ["met in Brest"]);
    assert_eq!(values(&device, &google, "ROLE").await, ["crew"]);
    for item in [&google, &apple] {
        assert_eq!(values(&device, item, "EMAIL").await, ["ann@example.net"]);
    }
    let mut numbers = values(&device, &google, "TEL").await;
    numbers.sort();
    assert_eq!(numbers, ["+49 171 1", "+49 40 4"]);
    assert_eq!(values(&device, &apple, "TEL").await, ["+491711"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_linked_person_is_deleted_and_brought_back_as_a_whole_and_a_link_can_be_undone() {
    let couple = Couple::with(&book()).await;
    let laptop = &couple.laptop;
    let (google, apple) = (by_uid(laptop, "g1").await, by_uid(laptop, "a1").await);
    link(laptop, &[&google, &apple]).await;
    delete(laptop, &apple).await;
    assert_eq!(trash(laptop).await.items.len(), 2);
    undo(laptop, None).await;
    assert_eq!(
        names(laptop).await[0],
        ("g1".to_owned(), 1),
        "still one person"
    );
    delete(laptop, &google).await;
    revive(laptop, &apple).await;
    couple.agree().await;
    let expected = [("a1", 0), ("x1", 0), ("x2", 0)];
    for device in couple.both() {
        assert_eq!(
            names(device).await,
            expected.map(|(uid, n)| (uid.to_owned(), n))
        );
    }
    revive(laptop, &google).await;
    assert_eq!(names(laptop).await[0], ("g1".to_owned(), 1));
    let Reply::Operations(done) = laptop
        .ask(Request::Past(pimesh::api::Past::Operations { limit: 9 }))
        .await
    else {
        panic!("operations")
    };
    let linking = done.operations.iter().find(|o| o.kind == "link").unwrap();
    let undone = undo(laptop, Some(linking.number)).await;
    assert_eq!((undone.changed, undone.items.len()), (2, 2), "{undone:?}");
    couple.agree().await;
    assert_eq!(names(&couple.phone).await.len(), 4);
    undo(laptop, undone.undo).await;
    couple.agree().await;
    assert_eq!(names(&couple.phone).await.len(), 3, "an undo can be undone");
    couple.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_linked_and_taken_apart_on_two_devices_at_once_is_the_same_on_both() {
    let mut couple = Couple::with(&book()).await;
    let mut docs = Vec::new();
    for uid in ["g1", "a1", "x1", "x2"] {
        docs.push(by_uid(&couple.laptop, uid).await);
    }
    let [google, apple, other, bob] = &docs[..] else {
        panic!("four")
    };
    couple
        .apart(
            async |device| drop(link(device, &[google, apple]).await),
            async |device| drop(link(device, &[apple, other]).await),
        )
        .await;
    for device in couple.both() {
        assert_eq!(device.show(google).await.linked.len(), 2);
        assert_eq!(device.conflicts().await, []);
    }
    couple
        .apart(
            async |device| drop(unlink(device, &[apple]).await),
            async |device| drop(link(device, &[bob, google]).await),
        )
        .await;
    // whoever made bob one with all three saw apple among them: a link made apart stays
    for device in couple.both() {
        assert_eq!(device.show(bob).await.linked.len(), 3);
    }
    link(&couple.phone, &[google, apple, other]).await;
    couple.agree().await;
    couple
        .apart(
            async |device| drop(unlink(device, &[apple]).await),
            async |device| drop(unlink(device, &[bob]).await),
        )
        .await;
    for device in couple.both() {
        assert_eq!(device.show(google).await.linked[0].uid, "x1");
        assert_eq!(names(device).await.len(), 3);
    }
    couple.stop().await;
}
