//! The `pimesh` program, built beside the tests so that they start the one of their own
//! profile and state: `node/src/main.rs` is the same line.

use std::process::ExitCode;

fn main() -> ExitCode {
    pimesh::cli::main()
}
