//! Base64 as mails and mail servers use it: written strictly, read with patience.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Writes one line without breaks, padded.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .fold(0_u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let index = (word >> (18 - 6 * digit)) & 63;
            let is_padding = digit > chunk.len();
            text.push(if is_padding {
                '='
            } else {
                char::from(ALPHABET[index as usize])
            });
        }
    }
    text
}

/// Reads what can be read: line breaks are skipped, other strange bytes too, which the
/// second value tells. After padding only whole lines of Base64 count (mailing lists
/// append their footer to the encoded text, some mailers join encoded files).
pub(super) fn decode_lenient(text: &[u8]) -> (Vec<u8>, bool) {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut word, mut digits) = (0_u32, 0);
    let (mut is_padded, mut is_damaged) = (false, false);
    for line in text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
        if is_padded
            && !line
                .iter()
                .all(|byte| value(*byte).is_some() || *byte == b'=')
        {
            is_damaged = true;
            continue;
        }
        for byte in line {
            match value(*byte) {
                Some(value) => {
                    word = word << 6 | value;
                    digits += 1;
                }
                None if *byte == b'=' => {
                    is_padded = true;
                    flush(&mut bytes, &mut word, &mut digits);
                }
                None => is_damaged |= !byte.is_ascii_whitespace(),
            }
            if digits == 4 {
                flush(&mut bytes, &mut word, &mut digits);
            }
        }
    }
    flush(&mut bytes, &mut word, &mut digits);
    (bytes, is_damaged)
}

fn flush(bytes: &mut Vec<u8>, word: &mut u32, digits: &mut u32) {
    let whole = *word << (6 * (4 - *digits));
    let count = (*digits * 6 / 8) as usize;
    bytes.extend_from_slice(&whole.to_be_bytes()[1..1 + count]);
    (*word, *digits) = (0, 0);
}

fn value(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for length in 0..70 {
            let bytes: Vec<u8> = (0..length).map(|it: u8| it.wrapping_mul(37)).collect();
            assert_eq!(decode_lenient(encode(&bytes).as_bytes()), (bytes, false));
        }
    }

    #[test]
    fn junk_is_skipped_and_told() {
        assert_eq!(
            decode_lenient(b"QkVH\r\nSU46\r\n"),
            (b"BEGIN:".to_vec(), false)
        );
        assert_eq!(
            decode_lenient(b"QkVH$$$SU46\n=\n"),
            (b"BEGIN:".to_vec(), true)
        );
        assert_eq!(
            decode_lenient(b"QQ==\n____\nlist footer!\n"),
            (b"A".to_vec(), true)
        );
        assert_eq!(
            decode_lenient(b"QQ==\n-- list footer\n"),
            (b"A".to_vec(), true)
        );
        assert_eq!(decode_lenient(b"QQ==\nQg=="), (b"AB".to_vec(), false));
    }
}
