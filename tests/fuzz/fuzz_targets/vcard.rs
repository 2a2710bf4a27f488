//! Contacts of any version.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    pimesh_fuzz::round_trip(bytes);
    for version in ["2.1", "3.0", "4.0"] {
        let frame = format!("BEGIN:VCARD\r\nVERSION:{version}\r\n");
        pimesh_fuzz::round_trip(&[frame.as_bytes(), bytes, b"\r\nEND:VCARD\r\n"].concat());
    }
});
