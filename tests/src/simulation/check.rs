//! What must be true: whenever a session claims to be in sync, and of everything at the end.

use std::collections::{BTreeMap, BTreeSet};

use pimesh_crdt::doc::{Document, Shown};
use pimesh_crdt::item::{Item, key, names};
use pimesh_crdt::render::render;
use pimesh_crdt::store::{Filter, Life, Order, Page, Store};
use pimesh_crdt::{BlobHash, CollectionId, DocId};

use super::answers;
use super::bring::parse;
use super::lacks;
use super::mesh::{Failure, LinkId, World, vectors};
use super::model::{Expected, joins, list, meaning};
use super::write::COLLECTIONS;

fn fail<T>(what: impl Into<String>) -> Result<T, Failure> {
    Err(Failure(what.into()))
}

/// A session says that both ends hold the same. The peer may hold more by now; never less, and
/// where both hold equally much it must be the same.
pub fn claim(
    world: &World,
    link: LinkId,
    end: usize,
    collection: CollectionId,
) -> Result<(), Failure> {
    let (me, peer) = if end == 0 { link } else { (link.1, link.0) };
    let (ours, theirs) = (&world.devices[me].store, &world.devices[peer].store);
    let (our, their) = (
        ours.version_vector(collection)?,
        theirs.version_vector(collection)?,
    );
    if !their.covers(&our) || their.fork_with(&our).is_some() {
        return fail(format!(
            "LIED: device {me} says that {peer} holds all of {collection}: {their:?} against {our:?}"
        ));
    }
    if our != their {
        return Ok(());
    }
    let class = |store: &Store| -> Result<_, Failure> {
        let mut all = vectors(store)?;
        let of = store.class_of(collection)?;
        all.retain(|(id, _)| store.class_of(*id).is_ok_and(|class| class == of));
        Ok(all)
    };
    if class(ours)? == class(theirs)? && states(ours, collection)? != states(theirs, collection)? {
        return fail(format!(
            "LIED: {me} and {peer} say they are in sync, and hold different items of {collection}"
        ));
    }
    Ok(())
}

/// The state of every document of a class.
fn states(store: &Store, collection: CollectionId) -> Result<BTreeMap<DocId, String>, Failure> {
    let filter = Filter {
        collection: Some(collection),
        life: Life::Any,
        ..Filter::default()
    };
    let rows = store.list(&filter, Order::Id, Page::ALL)?;
    let count = rows.len();
    let of: BTreeMap<DocId, String> = rows
        .into_iter()
        .map(|row| (row.doc, format!("{} {} {}", row.state, row.live, row.name)))
        .collect();
    if of.len() != count {
        return fail(format!("DOUBLED: an item is in {collection} twice"));
    }
    Ok(of)
}

/// Everything, once all devices have met and nothing is on its way.
pub fn everything(world: &World) -> Result<(), Failure> {
    let collections = COLLECTIONS.into_iter().chain([CollectionId::MESH]);
    for collection in collections {
        alike(world, collection)?;
        let class = world.model.class(collection);
        let wanted = world.model.docs(&class);
        let store = &world.devices[0].store;
        let found = states(store, collection)?;
        if let Some(lost) = wanted.iter().find(|doc| !found.contains_key(doc)) {
            return fail(format!("LOST: document {lost} of {collection}"));
        }
        if let Some(made) = found.keys().find(|doc| !wanted.contains(doc)) {
            return fail(format!(
                "DOUBLED: nobody made document {made} of {collection}"
            ));
        }
        let mut alive = 0;
        for doc in wanted {
            let expected = world.model.expected(&class, doc);
            alive += u64::from(expected.alive.contains(&None));
            let changes = store.changes_of(collection, doc)?;
            let document = Document::load(changes.iter().map(Vec::as_slice))?;
            one(&document, &expected).map_err(|Failure(what)| {
                let at = what.split_whitespace().nth(1).unwrap_or_default();
                let told = world.model.told(doc, at);
                Failure(format!("{what}\nin document {doc} of {collection}{told}"))
            })?;
        }
        let filter = Filter {
            collection: Some(collection),
            ..Filter::default()
        };
        if store.count(&filter)? != alive {
            return fail(format!(
                "{} items are listed, {alive} live",
                store.count(&filter)?
            ));
        }
    }
    if let Some(doc) = world.model.split_text() {
        return fail(format!(
            "DOUBLED: one text made two changes of document {doc}"
        ));
    }
    blobs(world)?;
    agreed(world)?;
    lacks::told(world)
}

/// All devices hold the same of a collection.
fn alike(world: &World, collection: CollectionId) -> Result<(), Failure> {
    let first = &world.devices[0].store;
    let (vector, states) = (
        first.version_vector(collection)?,
        states(first, collection)?,
    );
    for (at, device) in world.devices.iter().enumerate().skip(1) {
        let store = &device.store;
        if store.version_vector(collection)? != vector {
            return fail(format!(
                "DIVERGED: devices 0 and {at} have got differently far in {collection}: {vector:?} {:?}",
                store.version_vector(collection)?
            ));
        }
        let theirs = self::states(store, collection)?;
        if theirs != states {
            return fail(format!(
                "DIVERGED: devices 0 and {at} hold different items of {collection}: {states:?} {theirs:?}"
            ));
        }
    }
    Ok(())
}

/// One document against what the model says of it.
fn one(document: &Document, expected: &Expected) -> Result<(), Failure> {
    let shown = document.view().shown();
    if shown.live != expected.alive.contains(&None) {
        let what = if shown.live { "RAISED" } else { "LOST" };
        return fail(format!("{what}: alive is {}", shown.live));
    }
    let mut there: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (at, value) in &shown.item.values {
        let values = there.entry(at).or_default();
        values.insert(meaning(at, value));
    }
    for conflict in &shown.conflicts {
        let values = there.entry(&conflict.key).or_default();
        let others = conflict.others.iter();
        values.extend(others.map(|other| meaning(&conflict.key, &other.value)));
    }
    let is_alive = |at: &str| {
        let rid = key::split_override(at).0;
        rid.is_none_or(|rid| expected.alive.contains(&Some(rid.to_owned())))
    };
    let none = BTreeSet::new();
    for (at, must) in &expected.must {
        let there: BTreeSet<String> = match list(at) {
            None => there.get(at.as_str()).unwrap_or(&none).clone(),
            Some(of) => {
                let all = there.iter().filter(|(at, _)| list(at) == Some(of));
                all.flat_map(|(_, values)| values).cloned().collect()
            }
        };
        let is_there = |value: &String| {
            there.contains(value) || there.iter().any(|note| joins(at, note, value))
        };
        if is_alive(at) && is_told(at) && !must.iter().all(is_there) {
            return fail(format!(
                "LOST: {at} must hold {must:?}, and holds {there:?}"
            ));
        }
    }
    let is_invited = expected.may.contains_key("ORGANIZER");
    for (at, there) in there {
        let may = expected.may.get(at).unwrap_or(&none);
        if !is_alive(at) {
            return fail(format!("RAISED: {at} of an ended occurrence is shown"));
        }
        if is_told(at) && !there.is_subset(may) && !(is_invited && at.starts_with("R/")) {
            return fail(format!(
                "DOUBLED: {at} may hold {may:?}, and holds {there:?}"
            ));
        }
    }
    answers::answered(&shown.item, expected)?;
    answers::acknowledged(&shown.item, expected)?;
    doubled(&shown)?;
    reread(&shown.item)
}

/// True for what people see; what machines keep merges by its own rules.
pub(super) fn is_told(at: &str) -> bool {
    let rest = key::split_override(at).1;
    let name = key::name(at);
    !(rest.starts_with('~')
        || rest.starts_with("CAL/")
        || rest.ends_with("/ack")
        || names::is_book_keeping(name)
        || matches!(name, "UID" | "STATUS" | "ATTENDEE"))
}

/// No text of ours has a value twice. Beside one that clashes it may stand until someone
/// decides; under one birth id and its repeats it is taken to be meant.
fn doubled(shown: &Shown) -> Result<(), Failure> {
    let mut births = BTreeMap::new();
    let open: BTreeSet<&str> = shown.conflicts.iter().map(|c| c.key.as_str()).collect();
    // two alarms may have been heard at one moment
    let told = |at: &str| !open.contains(at) && !at.ends_with("/ack");
    let all = shown.item.values.iter();
    for (at, value) in all.filter(|(at, _)| told(at)) {
        let Some(of) = list(at) else { continue };
        let birth = key::by_repeat(at).0;
        let known = births.insert((of, meaning(at, value)), birth);
        if known.is_some_and(|known| known != birth) {
            return fail(format!(
                "DOUBLED: {value:?} is twice, as {at} and {}",
                known.unwrap_or_default()
            ));
        }
    }
    Ok(())
}

/// What is shown is what a client reads.
fn reread(item: &Item) -> Result<(), Failure> {
    if !item.has_master() || !item.blobs().is_empty() {
        return Ok(());
    }
    let text = render(item, &|_: BlobHash| None).text;
    let again = parse(&text)?.item;
    let told = |item: &Item| -> BTreeSet<String> {
        let each = item.values.iter().filter(|(at, _)| is_told(at));
        each.map(|(at, value)| {
            let rid = key::split_override(at).0;
            format!("{rid:?} {} {value}", key::name(at))
        })
        .collect()
    };
    let (before, after) = (told(item), told(&again));
    if before != after {
        return fail(format!("RENDERED otherwise: {before:?} {after:?}\n{text}"));
    }
    Ok(())
}

/// Every photo is where its contact is, unless nobody has it any more.
fn blobs(world: &World) -> Result<(), Failure> {
    for (at, device) in world.devices.iter().enumerate() {
        for missing in device.store.missing_blobs(None, usize::from(u16::MAX))? {
            for other in &world.devices {
                if other.store.blob(missing.hash)?.is_some() {
                    return fail(format!("LOST: device {at} lacks photo {}", missing.hash));
                }
            }
        }
    }
    Ok(())
}

/// Every session says that all is in sync, and every device knows it of its peers.
fn agreed(world: &World) -> Result<(), Failure> {
    for (link, found) in &world.links {
        for (end, (me, peer)) in [(link.0, link.1), (link.1, link.0)].into_iter().enumerate() {
            for (collection, ours) in vectors(&world.devices[me].store)? {
                let peer_id = world.devices[peer].id;
                let confirmed = world.devices[me].store.confirmed(peer_id, collection)?;
                let says = found.in_sync[end].get(&collection);
                if says != Some(&true) && !ours.is_empty() {
                    return fail(format!(
                        "MODEST: {me} does not know that {peer} holds {collection}"
                    ));
                }
                // which origins are retired is no part of what is kept of a peer
                if !confirmed.iter().eq(ours.iter()) {
                    return fail(format!("MODEST: {me} has not kept what {peer} confirmed"));
                }
            }
        }
    }
    Ok(())
}
