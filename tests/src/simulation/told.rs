//! What the model knows of a document, in words: for people who look for a mistake.

use pimesh_crdt::{ChangeHash, DocId};

use super::model::Model;

impl Model {
    /// Every write to a key of a document.
    pub fn told(&self, doc: DocId, at: &str) -> String {
        let short = |name: &ChangeHash| name.to_string()[..4].to_owned();
        let mut out = String::new();
        for write in self.docs.get(&doc).into_iter().flatten() {
            let knew: Vec<String> = write.knew.iter().map(short).collect();
            out += &format!(
                "\n  {} {:?} in {:?} says {:?} shown {:?} gives {:?} ends {:?} anew {:?} knew {}",
                short(&write.name),
                write.by,
                write.within.iter().map(|id| id.0[0]).collect::<Vec<_>>(),
                write.says.get(at),
                write.shown.get(at),
                write.gives,
                write.ends,
                write.anew,
                knew.join(" "),
            );
        }
        out
    }
}
