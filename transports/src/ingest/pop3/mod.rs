//! A mailbox over POP3: what is listed by UIDL and not seen before is fetched. Nothing is
//! ever deleted there, so the server's list is compared with a set of marks.

mod connection;

use std::collections::{BTreeSet, HashMap};

use super::cursor::{Cursor, Place};
use super::error::SourceError;
use super::seen::{Mark, Seen};
use super::source::{Batch, RawMail, Secret};
use super::url::Server;
use super::{BATCH_BYTES, BATCH_MAILS, LARGEST_MAIL, Problem};
use connection::{Connection, Fetched};

/// One mailbox, connected while it is being read.
#[derive(Debug)]
pub(super) struct Pop3 {
    server: Server,
    secret: Secret,
    pass: Option<Pass>,
}

/// One session: the server's list does not change while it lasts.
#[derive(Debug)]
struct Pass {
    connection: Connection,
    listed: Vec<Listed>,
    /// What was looked at in this pass, so that a mail that cannot be fetched is not
    /// asked for again and again.
    tried: usize,
    /// What was returned last. A caller who comes with another cursor begins at the top.
    returned: Option<Cursor>,
}

#[derive(Clone, Debug)]
struct Listed {
    number: u32,
    uidl: String,
    mark: Mark,
    size: u64,
}

impl Pop3 {
    pub(super) async fn open(server: Server, secret: Secret) -> Result<Self, SourceError> {
        let mut pop3 = Self {
            server,
            secret,
            pass: None,
        };
        pop3.pass = Some(pop3.begin().await?);
        Ok(pop3)
    }

    async fn begin(&self) -> Result<Pass, SourceError> {
        let mut connection = Connection::open(&self.server, &self.secret).await?;
        let uidls = connection.uidls().await?;
        let sizes: HashMap<u32, u64> = connection.sizes().await?.into_iter().collect();
        let listed = listed(uidls, &sizes);
        Ok(Pass {
            connection,
            listed,
            tried: 0,
            returned: None,
        })
    }

    pub(super) async fn next_batch(
        &mut self,
        cursor: &Cursor,
    ) -> Result<Option<Batch>, SourceError> {
        let mut pass = match self.pass.take() {
            Some(pass) => pass,
            None => self.begin().await?,
        };
        let mut seen = match &cursor.0 {
            Place::Pop3(seen) => seen.clone(),
            _ => Seen::default(),
        };
        if pass.returned.as_ref() != Some(cursor) {
            pass.tried = 0;
            seen.keep_only(
                &pass
                    .listed
                    .iter()
                    .map(|mail| mail.mark)
                    .collect::<BTreeSet<_>>(),
            );
        }
        let mut batch = Batch::default();
        while batch.mails.is_empty() && batch.problems.is_empty() {
            let wanted = pass.choose(&mut seen, &mut batch);
            if wanted.is_empty() {
                break;
            }
            let numbers: Vec<u32> = wanted.iter().map(|mail| mail.number).collect();
            let fetched = pass.connection.fetch(&numbers).await?;
            for (mail, fetched) in wanted.into_iter().zip(fetched) {
                mail.take(fetched, &mut seen, &mut batch);
            }
        }
        let batch = batch.unless_idle(Place::Pop3(seen), cursor);
        match &batch {
            None => pass.connection.close().await,
            Some(batch) => {
                pass.returned = Some(batch.cursor.clone());
                self.pass = Some(pass);
            }
        }
        Ok(batch)
    }
}

impl Pass {
    /// The next mails that were not seen, as many as a batch takes.
    fn choose(&mut self, seen: &mut Seen, batch: &mut Batch) -> Vec<Listed> {
        let (mut wanted, mut bytes) = (Vec::new(), 0_u64);
        while let Some(mail) = self.listed.get(self.tried) {
            if seen.contains(mail.mark) {
                self.tried += 1;
                continue;
            }
            if mail.size > LARGEST_MAIL {
                let reason = format!("{} bytes is over the limit of {LARGEST_MAIL}", mail.size);
                batch.problems.push(Problem::new(mail.place(), reason));
                seen.insert(mail.mark);
                self.tried += 1;
                continue;
            }
            bytes += mail.size;
            if wanted.len() == BATCH_MAILS || bytes > BATCH_BYTES && !wanted.is_empty() {
                break;
            }
            wanted.push(mail.clone());
            self.tried += 1;
        }
        wanted
    }
}

impl Listed {
    fn take(self, fetched: Fetched, seen: &mut Seen, batch: &mut Batch) {
        match fetched {
            Fetched::Mail(bytes) => {
                seen.insert(self.mark);
                batch.mails.push(RawMail {
                    key: self.uidl,
                    bytes,
                });
            }
            Fetched::TooLarge => {
                seen.insert(self.mark);
                let reason = format!("over the limit of {LARGEST_MAIL} bytes");
                batch.problems.push(Problem::new(self.place(), reason));
            }
            Fetched::Refused(answer) => {
                let reason = format!("the server does not give it ({answer}); tried again later");
                batch.problems.push(Problem::new(self.place(), reason));
            }
        }
    }

    fn place(&self) -> String {
        format!("mail {} ({})", self.number, self.uidl)
    }
}

/// UIDLs should be unique; where a server repeats one, the repeats are counted, or the
/// second mail would be taken for the first.
fn listed(uidls: Vec<(u32, String)>, sizes: &HashMap<u32, u64>) -> Vec<Listed> {
    let mut repeats: HashMap<String, u32> = HashMap::new();
    let name = |(number, mut uidl): (u32, String)| {
        let repeat = repeats.entry(uidl.clone()).or_default();
        *repeat += 1;
        if *repeat > 1 {
            uidl = format!("{uidl} {repeat}");
        }
        let mark = Mark::of(uidl.as_bytes());
        Listed {
            number,
            uidl,
            mark,
            size: sizes.get(&number).copied().unwrap_or(0),
        }
    };
    uidls.into_iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_uidl_does_not_hide_the_second_mail() {
        let uidls = vec![
            (1, "a".to_owned()),
            (2, "a".to_owned()),
            (3, "b".to_owned()),
        ];
        let marks: BTreeSet<_> = listed(uidls, &HashMap::new())
            .into_iter()
            .map(|mail| mail.mark)
            .collect();
        assert_eq!(marks.len(), 3);
    }
}
