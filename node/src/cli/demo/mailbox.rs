//! The sample mailbox: a Maildir with mails written for it.

use std::fs;
use std::io;
use std::path::Path;

/// An invitation and its update, another invitation and its cancellation, two cards in
/// different versions, and two mails with nothing in them for us.
const MAILS: [&str; 8] = [
    include_str!("mail/1-invitation.eml"),
    include_str!("mail/2-update.eml"),
    include_str!("mail/3-another-invitation.eml"),
    include_str!("mail/4-cancellation.eml"),
    include_str!("mail/5-card-version-3.eml"),
    include_str!("mail/6-card-version-4.eml"),
    include_str!("mail/7-deutsch.eml"),
    include_str!("mail/8-english.eml"),
];

/// The contact both devices will change.
pub(super) const CONTACT: &str = "Zoé Lambert";

/// How many mails there are.
pub(super) fn mails() -> usize {
    MAILS.len()
}

/// Writes the Maildir, half of it as already read.
pub(super) fn write(maildir: &Path) -> io::Result<()> {
    for folder in ["cur", "new", "tmp"] {
        fs::create_dir_all(maildir.join(folder))?;
    }
    for (number, mail) in MAILS.iter().enumerate() {
        let unique = format!("{}.M{number}P1.demo", 1_795_000_000 + number);
        let path = match number % 2 {
            0 => maildir.join("cur").join(unique + ":2,S"),
            _ => maildir.join("new").join(unique),
        };
        fs::write(path, mail)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use pimesh_crdt::normalise::Text;
    use pimesh_transports::ingest::read_mail;

    use super::*;

    #[test]
    fn every_sample_mail_is_read_without_a_problem() {
        let mut parts = 0;
        for mail in MAILS.map(|mail| read_mail(mail.as_bytes())) {
            assert!(mail.problems.is_empty(), "{mail:?}");
            for part in &mail.parts {
                let text = Text::read(&part.bytes).unwrap();
                assert!(text.counts().refused.is_empty(), "{part:?}");
                assert_eq!(text.len(), 1, "{part:?}");
                text.item(0).unwrap();
                parts += 1;
            }
        }
        assert_eq!(parts, 6);
    }
}
