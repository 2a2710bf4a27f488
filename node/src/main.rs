//! The `pimesh` command. Everything is in `pimesh::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    pimesh::cli::main()
}
