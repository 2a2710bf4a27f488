//! Tidies up the store while nobody asks it for anything: edits that lie loose are packed.
//!
//! A step takes some milliseconds, and whoever asks meanwhile waits for that one only. As soon as
//! anybody has asked, the round ends and waits for quiet again.

use std::time::Duration;

use pimesh_crdt::store::{Store, Tidying};
use tokio_util::sync::CancellationToken;

use super::EngineError;
use super::store::StoreHandle;

/// For so long nobody must have asked for anything.
const QUIET: Duration = Duration::from_secs(30);
/// Between two steps: the disk and the processor are left to others most of the time.
const REST: Duration = Duration::from_millis(50);
/// New changes that are worth another round: what was edited just now may well be again.
const WORTH: u64 = 256;

/// How a round has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// There is nothing more to do.
    Done,
    /// Somebody has asked for something.
    Asked(Tidying),
}

/// Tidies up until `stop` is cancelled.
pub(super) async fn while_quiet(store: StoreHandle, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        result = rounds(&store) => {
            if let Err(error) = result {
                tracing::warn!(%error, "the store is not tidied up any more");
            }
        }
    }
}

async fn rounds(store: &StoreHandle) -> Result<(), EngineError> {
    let mut tidied = None;
    loop {
        // what comes while a round goes on is left for the next one
        let names = store.unasked(|store| store.names_so_far()).await?;
        if tidied.is_none_or(|before| names >= before + WORTH) {
            let mut from = Tidying::default();
            while let Ended::Asked(at) = {
                quiet(store).await;
                round(store, from).await?
            } {
                from = at;
            }
            tidied = Some(names);
        }
        quiet(store).await;
    }
}

/// Waits until nobody has asked for anything for a while.
async fn quiet(store: &StoreHandle) {
    loop {
        let before = store.asked();
        tokio::time::sleep(QUIET).await;
        if store.asked() == before {
            return;
        }
    }
}

/// Goes on with a round.
async fn round(store: &StoreHandle, mut from: Tidying) -> Result<Ended, EngineError> {
    let before = store.asked();
    while store.asked() == before {
        let step = move |store: &mut Store| store.tidy(from);
        match store.unasked(step).await? {
            Some(next) => from = next,
            None => return Ok(Ended::Done),
        }
        tokio::time::sleep(REST).await;
    }
    Ok(Ended::Asked(from))
}

#[cfg(test)]
mod tests {
    use pimesh_crdt::diff::Edit;
    use pimesh_crdt::doc::{Author, Writer, genesis};
    use pimesh_crdt::item::Item;
    use pimesh_crdt::{CollectionId, DeviceId, Timestamp};

    use super::*;

    const CONTACTS: CollectionId = CollectionId([7; 16]);
    const ITEMS: usize = 100;

    fn item(i: usize) -> Item {
        let mut item = Item::new("vcard", format!("uid-{i}"));
        item.values
            .insert("NAME".to_owned(), format!("FN:Name {i}"));
        item
    }

    /// Imports contacts and edits each once.
    fn edited(store: &mut Store) -> Result<(), EngineError> {
        let mut batch = store.batch(Timestamp(1))?;
        batch.upsert_collection(CONTACTS, "contacts", "Contacts", "")?;
        for item in (0..ITEMS).map(item) {
            batch.add_new(CONTACTS, item.doc_id(), genesis(&item))?;
        }
        batch.commit()?;
        let mut batch = store.batch(Timestamp(2))?;
        for (i, item) in (0..ITEMS).map(item).enumerate() {
            let document = batch.document(CONTACTS, item.doc_id())?;
            let note = Edit::Set {
                key: "NOTE".to_owned(),
                value: ":n".to_owned(),
            };
            let author = Author {
                device: DeviceId([1; 32]),
                source: "cli".to_owned(),
                writer: Writer::Person,
                now: Timestamp(2),
                random: [u8::try_from(i).unwrap_or(0); 16],
            };
            if let Some(change) = document.edit(&document.heads(), &[note], &author)? {
                batch.add_new(CONTACTS, item.doc_id(), change)?;
            }
        }
        batch.commit()?;
        Ok(())
    }

    async fn notes(store: &StoreHandle) -> usize {
        let noted = |store: &mut Store| {
            let mut noted = 0;
            for item in (0..ITEMS).map(item) {
                let document = store.document(CONTACTS, item.doc_id())?;
                noted += usize::from(document.view().shown().item.value("NOTE").is_some());
            }
            Ok::<_, EngineError>(noted)
        };
        store.with(noted).await.unwrap()
    }

    #[tokio::test]
    async fn a_round_ends_as_soon_as_anybody_asks_and_goes_on_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pimesh.db");
        let store = StoreHandle::open(&path, DeviceId([1; 32])).unwrap();
        store.with(edited).await.unwrap();

        let (ended, noted) = tokio::join!(round(&store, Tidying::default()), async {
            tokio::time::sleep(REST / 2).await;
            notes(&store).await
        });
        let Ended::Asked(at) = ended.unwrap() else {
            panic!("it went on although somebody asked");
        };
        assert_ne!(at, Tidying::default(), "it had begun");
        assert_eq!(noted, ITEMS);
        assert_eq!(round(&store, at).await.unwrap(), Ended::Done);
        assert_eq!(notes(&store).await, ITEMS);
        let left = store.unasked(|store| store.tidy(Tidying::default()));
        assert_eq!(left.await.unwrap(), None);
    }
}
