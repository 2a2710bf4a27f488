//! Takes a mail apart into its entities without recursion, in one pass over the lines.
//!
//! Boundaries are kept on a stack; a line that closes or continues an outer multipart
//! ends everything inside it, as mails with a missing end mark need it.

use super::DEEPEST_NESTING;
use super::header::Header;

/// One header with the body below it.
#[derive(Debug)]
pub(super) struct Entity<'a> {
    pub(super) header: Header,
    /// Nothing for a multipart and for a plain forwarded mail: their content follows.
    pub(super) body: Option<&'a [u8]>,
    pub(super) depth: usize,
    pub(super) is_first: bool,
    pub(super) is_forwarded: bool,
    /// True where its content is not looked at because of [`DEEPEST_NESTING`].
    pub(super) is_too_deep: bool,
}

enum Frame {
    Multipart { boundary: Vec<u8>, is_digest: bool },
    Message,
}

/// Yields the entities of one mail in their order.
pub(super) struct Splitter<'a> {
    bytes: &'a [u8],
    stack: Vec<Frame>,
    /// Where the next entity begins; nothing at the end.
    next: Option<usize>,
    is_first: bool,
    outer_depth: usize,
}

impl<'a> Splitter<'a> {
    /// `outer_depth`: how deep this mail itself lies in another.
    pub(super) fn new(bytes: &'a [u8], outer_depth: usize) -> Self {
        let blank = bytes
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        Self {
            bytes,
            stack: Vec::new(),
            next: Some(blank),
            is_first: true,
            outer_depth,
        }
    }

    pub(super) fn next_entity(&mut self) -> Option<Entity<'a>> {
        let start = self.next?;
        let stack = &self.stack;
        let (mut header, body) =
            Header::read(self.bytes, start, |line| boundary(stack, line).is_some());
        if header.content.media_type.is_empty() && self.is_in_digest() {
            "message/rfc822".clone_into(&mut header.content.media_type);
        }
        let is_forwarded = self
            .stack
            .iter()
            .any(|frame| matches!(frame, Frame::Message));
        let is_first = std::mem::replace(&mut self.is_first, false);
        let inner = self.inner(&header);
        let depth = self.stack.len();
        let is_too_deep = depth + self.outer_depth >= DEEPEST_NESTING
            && (inner.is_some() || header.content.is_message());
        let mut entity = Entity {
            header,
            body: None,
            depth,
            is_first,
            is_forwarded,
            is_too_deep,
        };
        match inner {
            Some(Frame::Message) if !is_too_deep => {
                self.stack.push(Frame::Message);
                self.next = Some(body);
            }
            Some(multipart) if !is_too_deep => {
                self.stack.push(multipart);
                self.skip_to_boundary(body);
            }
            Some(_) | None => {
                let end = self.skip_to_boundary(body);
                entity.body = self.bytes.get(body..end);
            }
        }
        Some(entity)
    }

    /// The frame that the content below this header opens.
    fn inner(&self, header: &Header) -> Option<Frame> {
        let content = &header.content;
        if content.media_type.starts_with("multipart/") {
            let boundary = content.boundary.as_ref()?.trim_end().as_bytes().to_vec();
            let is_digest = content.media_type == "multipart/digest";
            return Some(Frame::Multipart {
                boundary,
                is_digest,
            });
        }
        let is_plain = !matches!(content.encoding.as_str(), "base64" | "quoted-printable");
        (content.is_message() && is_plain).then_some(Frame::Message)
    }

    fn is_in_digest(&self) -> bool {
        matches!(
            self.stack.last(),
            Some(Frame::Multipart {
                is_digest: true,
                ..
            })
        )
    }

    /// Goes on to the line that begins the next entity, and returns where the content
    /// before the first boundary line ended.
    fn skip_to_boundary(&mut self, from: usize) -> usize {
        let (mut at, mut content_end) = (from, None);
        while at < self.bytes.len() {
            let (line, next) = line_at(self.bytes, at);
            if let Some((index, is_close)) = boundary(&self.stack, line) {
                content_end.get_or_insert_with(|| without_line_end(self.bytes, from, at));
                self.stack
                    .truncate(if is_close { index } else { index + 1 });
                if !is_close {
                    self.next = Some(next);
                    return content_end.unwrap_or(at);
                }
            }
            at = next;
        }
        self.next = None;
        content_end.unwrap_or(self.bytes.len())
    }
}

/// Which multipart the line continues, or closes.
fn boundary(stack: &[Frame], line: &[u8]) -> Option<(usize, bool)> {
    let line = line.strip_prefix(b"--")?.trim_ascii_end();
    stack.iter().enumerate().rev().find_map(|(index, frame)| {
        let Frame::Multipart { boundary, .. } = frame else {
            return None;
        };
        match line.strip_prefix(boundary.as_slice())? {
            b"" => Some((index, false)),
            b"--" => Some((index, true)),
            _ => None,
        }
    })
}

/// The line at `at` without its end, and where the next one begins.
pub(super) fn line_at(bytes: &[u8], at: usize) -> (&[u8], usize) {
    let rest = &bytes[at..];
    let (line, next) = match rest.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&rest[..end], at + end + 1),
        None => (rest, bytes.len()),
    };
    (line.strip_suffix(b"\r").unwrap_or(line), next)
}

/// The line end before a boundary belongs to the boundary (RFC 2046 §5.1.1).
fn without_line_end(bytes: &[u8], from: usize, at: usize) -> usize {
    let body = &bytes[from..at];
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    from + body.strip_suffix(b"\r").unwrap_or(body).len()
}
