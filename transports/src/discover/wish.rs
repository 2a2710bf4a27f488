//! The node's side of discovery: what it is started with, wishes for, and is told.

use std::collections::HashSet;

use libp2p::Multiaddr;
use pimesh_crdt::DeviceId;
use tokio::sync::watch;

use crate::pair::{Beacon, Invitation, Nameplate, Offer};

/// What discovery is started with.
#[derive(Clone, Debug)]
pub struct DiscoveryConfig {
    /// This device.
    pub device: DeviceId,
    /// Where to speak.
    pub interfaces: Interfaces,
}

/// Where discovery speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interfaces {
    /// On every interface but loopback.
    All,
    /// On this machine only, IPv4.
    Loopback,
    /// Nowhere: the handle works and nothing happens.
    Nowhere,
}

/// Somebody of interest has been heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Discovered {
    /// A member, and where to dial it.
    Member {
        /// The member.
        device: DeviceId,
        /// Where it says it listens.
        addresses: Vec<Multiaddr>,
    },
    /// A device that shows the code or QR code looked for.
    Offer {
        /// Where it says it listens.
        addresses: Vec<Multiaddr>,
    },
    /// A device that joins by the code or QR code that is shown here.
    Joiner {
        /// Where it says it listens.
        addresses: Vec<Multiaddr>,
    },
}

/// What the node wants to be known, and to know.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    pub(super) listening: Vec<Multiaddr>,
    pub(super) members: HashSet<DeviceId>,
    pub(super) connected: HashSet<DeviceId>,
    pub(super) offering: Option<(Nameplate, [Beacon; 2])>,
    pub(super) joining: Option<(Wanted, Beacon)>,
}

impl Wish {
    /// The members that are not connected.
    pub(super) fn missing(&self) -> HashSet<DeviceId> {
        self.members.difference(&self.connected).copied().collect()
    }

    /// Whether a code is shown or typed here.
    pub(super) fn pairs(&self) -> bool {
        self.offering.is_some() || self.joining.is_some()
    }
}

/// Whom a joiner looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Whoever shows a code of this number.
    Code(Nameplate),
    /// The device that showed the QR code.
    Device(DeviceId),
}

/// Speaks to discovery. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DiscoveryHandle {
    pub(super) wish: watch::Sender<Wish>,
}

impl DiscoveryHandle {
    /// Where the mesh listens now; nothing is announced before it listens somewhere.
    pub fn announce(&self, listening: Vec<Multiaddr>) {
        self.wish.send_modify(|wish| wish.listening = listening);
    }

    /// Whom to recognise. Those heard a moment ago are reported at once.
    pub fn set_members(&self, members: HashSet<DeviceId>) {
        self.wish.send_modify(|wish| wish.members = members);
    }

    /// Who is connected: the network is asked for the other members, and for a while only.
    pub fn set_connected(&self, connected: HashSet<DeviceId>) {
        self.wish.send_modify(|wish| wish.connected = connected);
    }

    /// Announces that this code is shown here, and looks for whoever joins by it; or no longer.
    pub fn set_offer(&self, offer: Option<&Offer>) {
        let offering = offer.map(|offer| (offer.code().nameplate(), offer.beacons()));
        self.wish.send_modify(|wish| wish.offering = offering);
    }

    /// Looks for whoever shows this, and announces that this device wants to join; or no longer.
    pub fn set_joining(&self, invitation: Option<&Invitation>) {
        let joining = invitation.map(|invitation| {
            let wanted = match invitation {
                Invitation::Code(code) => Wanted::Code(code.nameplate()),
                Invitation::Ticket(ticket) => Wanted::Device(ticket.device),
            };
            (wanted, invitation.beacon())
        });
        self.wish.send_modify(|wish| wish.joining = joining);
    }
}
