//! Tidies up the store while nobody asks it for anything: edits that lie loose are packed, and
//! memory that was needed for what was asked before is given back.
//!
//! A step takes some milliseconds, and whoever asks meanwhile waits for that one only. As soon as
//! anybody has asked, the round ends and waits for quiet again. After a round the file is written
//! anew where that is worth it; whoever asks meanwhile ends that, and it is tried at the next one.

use std::time::Duration;

use pimesh_crdt::store::{Store, Tidying};
use tokio_util::sync::CancellationToken;

use super::store::StoreHandle;
use super::{EngineError, memory};

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
    let (mut tidied, mut lean) = (None, None);
    loop {
        // what comes while a round goes on is left for the next one
        let names = store.unasked(|store| store.names_so_far()).await?;
        if tidied.is_none_or(|before| names >= before + WORTH) {
            let mut from = Tidying::default();
            while let Ended::Asked(at) = {
                quiet(store, &mut lean).await?;
                round(store, from).await?
            } {
                from = at;
            }
            (tidied, lean) = (Some(names), None);
        }
        quiet(store, &mut lean).await?;
    }
}

/// Waits until nobody has asked for anything for a while. Gives memory back then, once for what
/// was asked: `lean` is up to where that is done.
async fn quiet(store: &StoreHandle, lean: &mut Option<u64>) -> Result<(), EngineError> {
    loop {
        let before = store.asked();
        tokio::time::sleep(QUIET).await;
        if store.asked() == before {
            if lean.replace(before) != Some(before) {
                store.unasked(|store| store.shrink()).await?;
                memory::give_back();
            }
            return Ok(());
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
            None => {
                store.tighten(before).await?;
                return Ok(Ended::Done);
            }
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
    use pimesh_crdt::store::Filter;
    use pimesh_crdt::{CollectionId, DeviceId, Timestamp};

    use super::*;
    use crate::engine::store::open;
    use crate::home::Home;

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
        let home = Home::at(folder.path()).unwrap();
        let store = open(&home, DeviceId([1; 32])).unwrap();
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

    /// Enough that writing the file anew takes a while.
    fn filled(store: &mut Store) -> Result<(), EngineError> {
        let mut batch = store.batch(Timestamp(1))?;
        batch.upsert_collection(CONTACTS, "contacts", "Contacts", "")?;
        for item in (0..5_000).map(item) {
            batch.add_new(CONTACTS, item.doc_id(), genesis(&item))?;
        }
        for n in 0..1_000_u32 {
            batch.put_blob(&n.to_le_bytes().repeat(16 << 10))?;
        }
        batch.commit()?;
        Ok(())
    }

    #[tokio::test]
    async fn whoever_asks_while_the_file_is_written_anew_ends_that() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        let store = open(&home, DeviceId([1; 32])).unwrap();
        store.with(filled).await.unwrap();
        let (tight, items) = tokio::join!(store.tighten(store.asked()), async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let begun = std::time::Instant::now();
            let items = store.read(|store| store.count(&Filter::default())).await;
            (items.unwrap(), begun.elapsed())
        });
        assert_eq!(items.0, 5_000);
        assert!(!tight.unwrap(), "it went on for {:?}", items.1);
        let problems = store.read(Store::quick_check).await.unwrap();
        assert_eq!(problems, Vec::<String>::new());
        assert!(!store.tighten(store.asked() + 1).await.unwrap());
        assert!(store.tighten(store.asked()).await.unwrap());
        assert!(
            !store.tighten(store.asked()).await.unwrap(),
            "worth it again"
        );
    }
}
