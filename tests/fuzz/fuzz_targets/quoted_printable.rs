//! Quoted-printable, in mails and in old contacts.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pimesh_fuzz::run("quoted_printable", bytes));
