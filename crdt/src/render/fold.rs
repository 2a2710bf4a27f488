//! Content lines folded at 75 octets (RFC 5545 §3.1, RFC 6350 §3.2), never inside a character
//! nor after a `=`.

/// Adds one line, folded and ended by CRLF.
pub(super) fn line(out: &mut String, line: &str) {
    const WIDTH: usize = 75;
    let mut rest = line;
    let mut room = WIDTH;
    while rest.len() > room {
        // a line of quoted-printable that ends in `=` is no folded line to its readers
        let is_good = |at: &usize| rest.is_char_boundary(*at) && rest.as_bytes()[at - 1] != b'=';
        let cut = (1..=room).rev().find(is_good);
        let cut = cut.or_else(|| (room..rest.len()).find(is_good));
        let Some(cut) = cut else { break };
        out.push_str(&rest[..cut]);
        out.push_str("\r\n ");
        rest = &rest[cut..];
        room = WIDTH - 1;
    }
    out.push_str(rest);
    out.push_str("\r\n");
}
