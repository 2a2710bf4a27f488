//! What a batch leaves behind for others to be told: version vectors, counters, its own origin.

use rusqlite::params;

use super::StoreError;
use super::batch::Batch;
use crate::id::Origin;

impl Batch<'_> {
    /// Writes the version vectors and counters that this batch has moved.
    pub(super) fn write_vectors(&mut self) -> Result<(), StoreError> {
        let mut upsert = self.tx.prepare_cached(
            "INSERT INTO vv (coll, peer, origin, n, chain) VALUES (?1, 0, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET n = excluded.n, chain = excluded.chain",
        )?;
        let mut grown = std::collections::BTreeSet::new();
        for ((coll, origin), end) in self.logs.iter().filter(|(_, end)| end.grew) {
            upsert.execute(params![
                coll,
                origin,
                end.reached.n,
                &end.reached.chain.0[..]
            ])?;
            grown.insert(*coll);
        }
        drop(upsert);
        let mut told = std::collections::BTreeSet::new();
        for (collection, place) in &self.places {
            if grown.contains(&place.nr) {
                told.insert((*collection, place.nr, place.class));
                // its documents belong to the whole class, so what that adds up to has changed
                told.insert((self.class_id(place.class)?, place.class, place.class));
            }
        }
        for (collection, nr, class) in told {
            let vector = self.store.vector(nr, 0)?;
            let sum = if nr == class {
                self.sum_of(class)?
            } else {
                None
            };
            self.done.vectors.insert(collection, vector.with_sum(sum));
        }
        if grown.is_empty() && self.done.docs.is_empty() {
            return Ok(());
        }
        let mut count = self.tx.prepare_cached(
            "INSERT INTO meta (key, value) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET value = excluded.value",
        )?;
        count.execute(params!["seq", self.seq])?;
        count.execute(params!["token", self.token])?;
        if self.documents.1.get() != self.documents.0 {
            count.execute(params!["doc", self.documents.1.get()])?;
        }
        drop(count);
        self.mark_moment()?;
        for (class, _) in &self.done.docs {
            self.tx
                .prepare_cached("UPDATE collection SET token = ?2 WHERE id = ?1 AND token <> ?2")?
                .execute(params![&class.0[..], self.token])?;
        }
        Ok(())
    }

    /// Takes another life: nothing that is named from now on can meet what was named before,
    /// here or by a copy of this device, which takes another one than this.
    pub(super) fn begin_incarnation(&mut self) -> Result<(), StoreError> {
        let Origin {
            device,
            incarnation,
        } = self.own.origin;
        let mut hasher = blake3::Hasher::new_derive_key("pimesh incarnation v1");
        hasher.update(&device.0);
        hasher.update(&incarnation.to_le_bytes());
        hasher.update(&self.now.0.to_le_bytes());
        hasher.update(&self.seq.to_le_bytes());
        let mut vectors = self
            .tx
            .prepare_cached("SELECT chain FROM vv WHERE peer = 0")?;
        let mut rows = vectors.query(())?;
        while let Some(row) = rows.next()? {
            hasher.update(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?);
        }
        let mut bytes = [0; 4];
        hasher.finalize_xof().fill(&mut bytes);
        let incarnation = u32::from_le_bytes(bytes).max(1);
        self.own = super::open::own(
            &self.tx,
            Origin {
                device,
                incarnation,
            },
        )?;
        Ok(())
    }
}
