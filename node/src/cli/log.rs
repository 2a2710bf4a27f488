//! What the program says of itself, on standard error: warnings, unless asked for more.

use tracing_subscriber::EnvFilter;

use super::args::Command;

/// `-v` once and more, or `PIMESH_LOG` in the form of tracing's filters.
/// A demo tells its story itself, so unless asked it is quiet.
pub(super) fn start(verbose: u8, command: &Command) {
    let from_words = match verbose {
        0 if matches!(command, Command::Demo(_)) => "error",
        0 => "warn",
        1 => "warn,pimesh=info,pimesh_transports=info,pimesh_crdt=info",
        2 => "info,pimesh=debug,pimesh_transports=debug,pimesh_crdt=debug",
        _ => "debug,pimesh=trace,pimesh_transports=trace,pimesh_crdt=trace",
    };
    let filter = match std::env::var("PIMESH_LOG") {
        Ok(text) if verbose == 0 && !text.is_empty() => EnvFilter::new(text),
        _ => EnvFilter::new(from_words),
    };
    let logging = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(super::output::may_colour_stderr());
    // A second start in one process (tests) keeps the first.
    let _ = logging.try_init();
}
