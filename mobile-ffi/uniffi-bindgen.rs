//! Writes the bindings for a language, from this crate's own version of UniFFI:
//! `cargo run -p pimesh-ffi --features bindgen --bin uniffi-bindgen -- generate …`.

fn main() {
    uniffi::uniffi_bindgen_main();
}
