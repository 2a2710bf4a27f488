//! Words about devices: making one, running it, pairing it.

use clap::{Args, Subcommand};

/// Make this computer a device of your mesh
///
/// Creates a key, which is the device's identity, and an empty store in one private
/// folder. Nothing is sent anywhere.
///
/// Example: pimesh init --name laptop
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// What to call this device [default: the computer's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Make the device that is here a new one that holds the same: after it was removed
    #[arg(long, conflicts_with = "name")]
    pub(crate) new_key: bool,
    /// Do not ask before the key is replaced
    #[arg(long, requires = "new_key")]
    pub(crate) yes: bool,
}

/// Show your devices: connected or not, last seen, and what each has confirmed
///
/// Example: pimesh devices rename phone "old phone"
///          pimesh devices remove "old phone"
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Devices {
    /// Without it, they are shown.
    #[command(subcommand)]
    pub(crate) change: Option<DeviceChange>,
}

/// What to do with one of them.
#[derive(Debug, Subcommand)]
pub(crate) enum DeviceChange {
    /// Call a device something else, on all of them
    Rename {
        /// Its name, or the beginning of its id
        device: String,
        /// What to call it from now on
        name: String,
    },
    /// Let a device in no more: lost, sold, or not trusted. This device leaves the mesh
    ///
    /// The others refuse it at once, or as soon as they hear of it; it never comes back with the
    /// key it has. What it holds stays on it: nothing can be taken from a device that is gone.
    Remove {
        /// Its name, or the beginning of its id
        device: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Is everything everywhere?
///
/// "In sync" means that every other device has itself confirmed that it holds
/// everything this one holds. A device that was not heard of is never assumed to.
/// What happened to this device itself (it was copied, or set back) is told here until
/// you acknowledge it.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// I know what is told of this device: do not tell it again
    #[arg(long)]
    pub(crate) acknowledge: bool,
}

/// Keep this device in touch with the others, until you press Ctrl-C
///
/// Finds your other devices, exchanges changes with them as they happen, and reads your
/// mailboxes when it is time. Prints "ready" when it is.
///
/// Example: pimesh run
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Listen here only, for instance /ip4/0.0.0.0/udp/4001/quic-v1 (may be repeated)
    #[arg(long, value_name = "MULTIADDR")]
    pub(crate) listen: Vec<String>,
    /// Do not look for devices in the local network
    #[arg(long)]
    pub(crate) no_mdns: bool,
    /// Pass on what your other devices say to each other where they cannot reach each other
    #[arg(long)]
    pub(crate) relay: bool,
    /// This device is reached here too, for instance by what a router passes on (may be repeated)
    #[arg(long, value_name = "MULTIADDR")]
    pub(crate) external: Vec<String>,
}

/// Show pimesh working: two devices and a mailbox, all on this computer
///
/// Makes two devices in a temporary folder, reads a sample mailbox on the first, pairs
/// them, changes the same contact on both while they are apart, and shows how the
/// changes come together. Touches nothing of yours and leaves nothing behind.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Leave the two devices and the mailbox there to look at
    #[arg(long)]
    pub(crate) keep: bool,
}

/// Add another of your devices
///
/// One device shows a code, the other types it. The code works once and for ten minutes.
/// Address books and calendars of the same name become one: before that is done, the
/// device that types says so and asks.
///
/// Example: pimesh pair offer    (on the first device)
///          pimesh pair join 4821-crater-lemon-orbit-pilot    (on the second)
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Pair {
    /// Without it, you are asked.
    #[command(subcommand)]
    pub(crate) by: Option<PairBy>,
}

/// Who shows the code.
#[derive(Debug, Subcommand)]
pub(crate) enum PairBy {
    /// Show a code here, and wait for the other device
    Offer,
    /// Type the code that the other device shows
    Join {
        /// The code, or the text of the QR code
        code: String,
        /// Where the other device is, if it is not in the same network (may be repeated)
        #[arg(long, value_name = "MULTIADDR")]
        addr: Vec<String>,
        /// Do not ask before the devices are paired
        #[arg(long)]
        yes: bool,
    },
}

/// Wait until your other devices have everything
///
/// Ends with exit code 0 when every device (or the one named) has confirmed everything,
/// and with 3 when the time was up before that.
///
/// Example: pimesh wait --until-confirmed --device phone --timeout 60
#[derive(Debug, Args)]
pub(crate) struct Wait {
    /// Wait for the devices' own word that they hold everything
    #[arg(long, required = true)]
    pub(crate) until_confirmed: bool,
    /// Only this device
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Option<String>,
    /// Give up after so many seconds [default: never]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
}
