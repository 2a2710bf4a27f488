//! JSON documents, one per line, of bounded length.

use std::io;

use serde::Serialize;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::RpcError;

/// The longest request: one item with photos as text, or some thousand ids.
pub(super) const LONGEST_REQUEST: usize = 32 * 1024 * 1024;
/// The longest answer: a list of a few hundred thousand items.
pub(super) const LONGEST_ANSWER: usize = 512 * 1024 * 1024;

/// The next line without its end, or `None` when the other side is done.
pub(super) async fn read<R>(reader: &mut R, limit: usize) -> Result<Option<Vec<u8>>, RpcError>
where
    R: AsyncBufRead + Unpin,
{
    let mut line = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    reader
        .take(most)
        .read_until(b'\n', &mut line)
        .await
        .map_err(RpcError::Lost)?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) if line.len() >= limit => Err(RpcError::TooLongLine { limit }),
        Some(_) => Err(RpcError::Lost(io::ErrorKind::UnexpectedEof.into())),
    }
}

/// Writes one document and its line end.
pub(super) async fn write<W>(writer: &mut W, document: &impl Serialize) -> io::Result<()>
where
    W: AsyncWrite + Unpin,
{
    let mut line = serde_json::to_vec(document)?;
    line.push(b'\n');
    writer.write_all(&line).await?;
    writer.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_up_to_the_bound_are_read_and_longer_ones_refused() {
        let mut text: &[u8] = b"12345\n\n123456\n";
        assert_eq!(read(&mut text, 5).await.unwrap().unwrap(), b"12345");
        assert_eq!(read(&mut text, 5).await.unwrap().unwrap(), b"");
        let error = read(&mut text, 5).await.unwrap_err();
        assert!(matches!(error, RpcError::TooLongLine { limit: 5 }));
    }

    #[tokio::test]
    async fn a_line_cut_in_the_middle_is_not_taken_for_a_whole_one() {
        let mut text: &[u8] = b"{\"cmd\":";
        assert!(matches!(read(&mut text, 50).await, Err(RpcError::Lost(_))));
        assert_eq!(read(&mut text, 50).await.unwrap(), None);
    }
}
