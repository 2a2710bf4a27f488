//! Words about the same person in several items.

use clap::Args;

/// Make several contacts one person, without changing them
///
/// They are listed and shown as one from then on, on all devices; the first one gives the
/// name. Each stays what it is: it is exported by itself, and a source that brings it finds
/// it again.
///
/// Example: pimesh duplicates
///          pimesh link 7kq2 m3xd
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Link {
    /// Their ids; two at least
    #[arg(required = true, num_args = 2.., value_name = "ITEM")]
    pub(crate) items: Vec<String>,
}

/// Make contacts that were linked stand alone again
///
/// Each of those named does; what else was linked with them stays together.
///
/// Example: pimesh unlink m3xd
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Unlink {
    /// Their ids
    #[arg(required = true, value_name = "ITEM")]
    pub(crate) items: Vec<String>,
}
