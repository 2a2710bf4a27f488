//! A file of mails (mboxrd: `From ` lines between them, `>From ` inside), and a file
//! with one mail.
//!
//! A file that grew is read from where it was left; a file whose last known bytes
//! changed was rewritten and is read anew. The last mail may have been read while it was
//! being written: if what follows is not a `From ` line, it is read again.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::cursor::{Cursor, MboxEnd, Place};
use super::error::SourceError;
use super::maildir::{file_error, read_file};
use super::seen::Mark;
use super::source::{Batch, RawMail};
use super::{BATCH_BYTES, BATCH_MAILS, LARGEST_MAIL, Problem};

/// How many bytes before the end tell whether a file was rewritten.
const TAIL: u64 = 1 << 10;
/// Longer lines are read in pieces of this size.
const PIECE: u64 = 1 << 20;

/// One mbox file.
#[derive(Debug)]
pub(super) struct Mbox {
    path: PathBuf,
}

impl Mbox {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        let mut begin = Vec::new();
        let file = File::open(path).map_err(file_error(path))?;
        file.take(5)
            .read_to_end(&mut begin)
            .map_err(file_error(path))?;
        if !begin.is_empty() && begin != b"From " {
            let expected = "an mbox file (it does not begin with `From `)";
            return Err(SourceError::NotThat {
                path: path.to_owned(),
                expected,
            });
        }
        Ok(Self {
            path: path.to_owned(),
        })
    }

    pub(super) fn next_batch(&mut self, cursor: &Cursor) -> Result<Option<Batch>, SourceError> {
        self.read(cursor).map_err(file_error(&self.path))
    }

    fn read(&self, cursor: &Cursor) -> std::io::Result<Option<Batch>> {
        let mut file = File::open(&self.path)?;
        let length = file.metadata()?.len();
        let start = match &cursor.0 {
            Place::Mbox(end)
                if end.offset <= length && tail(&mut file, end.offset)? == end.tail =>
            {
                if end.offset == length {
                    return Ok(None);
                }
                resume(&mut file, end)?
            }
            _ => 0,
        };
        file.seek(SeekFrom::Start(start))?;
        let mut pieces = Pieces::new(file, start);
        let mut batch = Batch::default();
        let (mut bytes, mut last) = (0, start);
        while bytes < BATCH_BYTES && batch.mails.len() < BATCH_MAILS {
            let Some(mail) = pieces.mail()? else { break };
            bytes += mail.bytes.len() as u64;
            last = mail.start;
            self.take(mail, &mut batch);
        }
        let offset = pieces.offset();
        let mut file = pieces.into_file();
        let end = MboxEnd {
            offset,
            last,
            tail: tail(&mut file, offset)?,
        };
        Ok(batch.unless_idle(Place::Mbox(end), cursor))
    }

    fn take(&self, mail: Mail, batch: &mut Batch) {
        let key = format!("{}-{}", mail.start, Mark::of(&mail.bytes).to_hex());
        if mail.is_too_large {
            let place = format!("{} at byte {}", self.path.display(), mail.start);
            let reason = format!("over the limit of {LARGEST_MAIL} bytes");
            batch.problems.push(Problem::new(place, reason));
        } else if !mail.bytes.is_empty() {
            batch.mails.push(RawMail {
                key,
                bytes: mail.bytes,
            });
        }
    }
}

/// Where to go on in a file that grew.
fn resume(file: &mut File, end: &MboxEnd) -> std::io::Result<u64> {
    file.seek(SeekFrom::Start(end.offset))?;
    let mut next = Vec::new();
    file.take(64).read_to_end(&mut next)?;
    let is_new_mail = next.trim_ascii_start().starts_with(b"From ");
    Ok(if is_new_mail { end.offset } else { end.last })
}

fn tail(file: &mut File, offset: u64) -> std::io::Result<String> {
    let from = offset.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(offset - from).read_to_end(&mut bytes)?;
    Ok(Mark::of(&bytes).to_hex())
}

struct Mail {
    start: u64,
    bytes: Vec<u8>,
    is_too_large: bool,
}

/// The file line by line, with one line kept back: the `From ` of the next mail.
struct Pieces {
    reader: BufReader<File>,
    /// Where the next unread byte is.
    at: u64,
    piece: Vec<u8>,
    is_line_start: bool,
    is_after_blank: bool,
    is_kept_back: bool,
}

impl Pieces {
    fn new(file: File, at: u64) -> Self {
        Self {
            reader: BufReader::new(file),
            at,
            piece: Vec::new(),
            is_line_start: true,
            is_after_blank: true,
            is_kept_back: false,
        }
    }

    /// Up to where the mails given out so far reach.
    fn offset(&self) -> u64 {
        self.at
            - if self.is_kept_back {
                self.piece.len() as u64
            } else {
                0
            }
    }

    fn into_file(self) -> File {
        self.reader.into_inner()
    }

    fn mail(&mut self) -> std::io::Result<Option<Mail>> {
        while !self.is_kept_back {
            if !self.next()? {
                return Ok(None);
            }
        }
        let mut mail = Mail {
            start: self.offset(),
            bytes: Vec::new(),
            is_too_large: false,
        };
        self.is_kept_back = false;
        while self.next()? && !self.is_kept_back {
            let is_quoted = self.piece.trim_ascii_start().len() == self.piece.len()
                && self.piece.starts_with(b">")
                && without_quotes(&self.piece).starts_with(b"From ");
            let piece = if is_quoted {
                &self.piece[1..]
            } else {
                &self.piece
            };
            mail.is_too_large |= (mail.bytes.len() + piece.len()) as u64 > LARGEST_MAIL;
            if mail.is_too_large {
                mail.bytes.clear();
            } else {
                mail.bytes.extend_from_slice(piece);
            }
        }
        // The empty line before the next `From ` is not the mail's.
        for blank in [b"\n\r\n".as_slice(), b"\n\n"] {
            if mail.bytes.ends_with(blank) {
                mail.bytes.truncate(mail.bytes.len() - blank.len() + 1);
            }
        }
        Ok(Some(mail))
    }

    /// Reads on; a line that begins a mail is kept back. False at the end of the file.
    fn next(&mut self) -> std::io::Result<bool> {
        self.piece.clear();
        let read = (&mut self.reader)
            .take(PIECE)
            .read_until(b'\n', &mut self.piece)?;
        self.at += read as u64;
        let begins = self.is_line_start && self.is_after_blank && is_from_line(&self.piece);
        self.is_kept_back = begins;
        self.is_after_blank = self.is_line_start && self.piece.trim_ascii().is_empty();
        self.is_line_start = self.piece.ends_with(b"\n");
        Ok(read > 0)
    }
}

fn without_quotes(line: &[u8]) -> &[u8] {
    let quotes = line.iter().take_while(|byte| **byte == b'>').count();
    &line[quotes..]
}

/// `From ` with a time in it, or one of Thunderbird's short forms: prose begins lines with
/// the word too, and not every writer quotes it.
fn is_from_line(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"From ") else {
        return false;
    };
    let digit = |byte: &u8| byte.is_ascii_digit();
    let has_time =
        |it: &[u8]| it[2] == b':' && [&it[0], &it[1], &it[3], &it[4]].into_iter().all(digit);
    rest.windows(5).any(has_time) || matches!(rest.trim_ascii(), b"" | b"-")
}

/// A file with one mail.
#[derive(Debug)]
pub(super) struct Eml {
    path: PathBuf,
}

impl Eml {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        let is_file = File::open(path).and_then(|file| file.metadata());
        if !is_file.map_err(file_error(path))?.is_file() {
            return Err(SourceError::NotThat {
                path: path.to_owned(),
                expected: "a file",
            });
        }
        Ok(Self {
            path: path.to_owned(),
        })
    }

    pub(super) fn next_batch(&mut self, cursor: &Cursor) -> Result<Option<Batch>, SourceError> {
        let mut batch = Batch::default();
        let place = match read_file(&self.path).map_err(file_error(&self.path))? {
            Ok(bytes) => {
                let key = Mark::of(&bytes).to_hex();
                batch.mails.push(RawMail {
                    key: key.clone(),
                    bytes,
                });
                Place::Eml(key)
            }
            Err(problem) => {
                let place = Place::Eml(problem.reason.clone());
                batch.problems.push(problem);
                place
            }
        };
        if cursor.0 == place {
            return Ok(None);
        }
        Ok(batch.unless_idle(place, cursor))
    }
}
