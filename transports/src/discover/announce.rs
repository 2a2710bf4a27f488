//! What an announcement says, and how a member reads it: pure.

use std::net::IpAddr;

use libp2p::{Multiaddr, multiaddr::Protocol};
use pimesh_crdt::DeviceId;

use crate::pair::{Beacon, Nameplate};

/// The format of the announcement.
const VERSION: &str = "1";
/// Addresses taken from one announcement; a device has a few, a liar has many.
pub(super) const MAX_ADDRESSES: usize = 16;

/// Drawn at random for each announcement, so that tags cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Salt(pub(super) [u8; 16]);

/// What a device looks like to those who know it, under one salt.
pub(super) type Tag = [u8; 8];

/// The tag of a device. Its key is made from the device's id: who does not know the id
/// can neither make nor recognise it.
pub(super) fn device_tag(device: &DeviceId, salt: Salt) -> Tag {
    tag(
        blake3::derive_key("pimesh mdns recognition v1", &device.0),
        salt,
    )
}

/// The tag of a code's number, for the joiner who has typed it. Numbers are few, so this
/// hides nothing: it only keeps two announcements of one offer from looking alike.
pub(super) fn offer_tag(nameplate: Nameplate, salt: Salt) -> Tag {
    tag(
        blake3::derive_key("pimesh mdns pairing v1", &nameplate.0.to_be_bytes()),
        salt,
    )
}

/// The tag of a device that joins, for the one that shows the code or QR code it joins by: so
/// either can dial the other, whichever can be reached.
pub(super) fn join_tag(beacon: &Beacon, salt: Salt) -> Tag {
    tag(beacon.0, salt)
}

fn tag(key: [u8; 32], salt: Salt) -> Tag {
    let mut tag = Tag::default();
    tag.copy_from_slice(&blake3::keyed_hash(&key, &salt.0).as_bytes()[..8]);
    tag
}

/// The ports a device listens on. With port 0 asked for, each is another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ports {
    pub(super) quic4: Option<u16>,
    pub(super) quic6: Option<u16>,
    pub(super) tcp4: Option<u16>,
    pub(super) tcp6: Option<u16>,
}

impl Ports {
    /// The ports of those addresses that `wanted` accepts.
    pub(super) fn of(addresses: &[Multiaddr], wanted: impl Fn(IpAddr) -> bool) -> Self {
        let mut ports = Self::default();
        for address in addresses {
            let mut parts = address.iter();
            let ip = match parts.next() {
                Some(Protocol::Ip4(ip)) => IpAddr::V4(ip),
                Some(Protocol::Ip6(ip)) => IpAddr::V6(ip),
                _ => continue,
            };
            let (first, second) = (parts.next(), parts.next());
            if parts.next().is_some() {
                continue; // leads elsewhere
            }
            let (slot, port) = match (ip, first, second) {
                (IpAddr::V4(_), Some(Protocol::Udp(port)), Some(Protocol::QuicV1)) => {
                    (&mut ports.quic4, port)
                }
                (IpAddr::V6(_), Some(Protocol::Udp(port)), Some(Protocol::QuicV1)) => {
                    (&mut ports.quic6, port)
                }
                (IpAddr::V4(_), Some(Protocol::Tcp(port)), None) => (&mut ports.tcp4, port),
                (IpAddr::V6(_), Some(Protocol::Tcp(port)), None) => (&mut ports.tcp6, port),
                _ => continue,
            };
            if wanted(ip) {
                *slot = Some(port);
            }
        }
        ports
    }

    /// The port for the SRV record, which has room for one.
    pub(super) fn first(&self) -> Option<u16> {
        self.quic4.or(self.quic6).or(self.tcp4).or(self.tcp6)
    }

    fn named(&self) -> [(&'static str, Option<u16>); 4] {
        [
            ("q4", self.quic4),
            ("q6", self.quic6),
            ("t4", self.tcp4),
            ("t6", self.tcp6),
        ]
    }
}

/// The text record of an announcement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Announcement {
    pub(super) salt: Salt,
    pub(super) device: Tag,
    pub(super) offer: Option<Tag>,
    pub(super) join: Option<Tag>,
    pub(super) ports: Ports,
}

impl Announcement {
    pub(super) fn write(&self) -> Vec<(String, String)> {
        let mut text = vec![
            ("v".to_owned(), VERSION.to_owned()),
            ("s".to_owned(), hex(&self.salt.0)),
            ("t".to_owned(), hex(&self.device)),
        ];
        if let Some(offer) = &self.offer {
            text.push(("pair".to_owned(), "1".to_owned()));
            text.push(("hint".to_owned(), hex(offer)));
        }
        text.extend(self.join.map(|join| ("join".to_owned(), hex(&join))));
        for (name, port) in self.ports.named() {
            text.extend(port.map(|port| (name.to_owned(), port.to_string())));
        }
        text
    }

    /// Nothing if it is not one, or of a later version.
    pub(super) fn read<'a>(field: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let port = |name| {
            field(name)
                .and_then(|text| text.parse().ok())
                .filter(|port| *port != 0)
        };
        if field("v")? != VERSION {
            return None;
        }
        let is_pairing = field("pair") == Some("1");
        Some(Self {
            salt: Salt(unhex(field("s")?)?),
            device: unhex(field("t")?)?,
            offer: if is_pairing {
                Some(unhex(field("hint")?)?)
            } else {
                None
            },
            join: match field("join") {
                Some(join) => Some(unhex(join)?),
                None => None,
            },
            ports: Ports {
                quic4: port("q4"),
                quic6: port("q6"),
                tcp4: port("t4"),
                tcp6: port("t6"),
            },
        })
    }

    pub(super) fn is_of(&self, device: &DeviceId) -> bool {
        device_tag(device, self.salt) == self.device
    }

    pub(super) fn joins(&self, beacon: &Beacon) -> bool {
        self.join == Some(join_tag(beacon, self.salt))
    }

    pub(super) fn offers(&self, nameplate: Nameplate) -> bool {
        self.offer == Some(offer_tag(nameplate, self.salt))
    }
}

/// Where to dial: QUIC before TCP. Link-local IPv6 is left out, since it needs the name of
/// an interface that libp2p cannot be given.
pub(super) fn addresses(ips: impl IntoIterator<Item = IpAddr>, ports: &Ports) -> Vec<Multiaddr> {
    let is_usable = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast(),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_unicast_link_local(),
    };
    let mut ips: Vec<IpAddr> = ips.into_iter().filter(is_usable).collect();
    ips.sort_unstable();
    ips.dedup();
    let quic = ips.iter().filter_map(|ip| {
        let port = if ip.is_ipv4() {
            ports.quic4
        } else {
            ports.quic6
        };
        Some(
            Multiaddr::from(*ip)
                .with(Protocol::Udp(port?))
                .with(Protocol::QuicV1),
        )
    });
    let tcp = ips.iter().filter_map(|ip| {
        let port = if ip.is_ipv4() { ports.tcp4 } else { ports.tcp6 };
        Some(Multiaddr::from(*ip).with(Protocol::Tcp(port?)))
    });
    quic.chain(tcp).take(MAX_ADDRESSES).collect()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0; N];
    if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (index, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAPTOP: DeviceId = DeviceId([1; 32]);
    const PHONE: DeviceId = DeviceId([2; 32]);

    fn announcement(salt: u8) -> Announcement {
        let salt = Salt([salt; 16]);
        Announcement {
            salt,
            device: device_tag(&LAPTOP, salt),
            offer: Some(offer_tag(Nameplate(4821), salt)),
            join: Some(join_tag(&Beacon([5; 32]), salt)),
            ports: Ports {
                quic4: Some(4001),
                tcp4: Some(4002),
                ..Ports::default()
            },
        }
    }

    fn read(text: &[(String, String)]) -> Option<Announcement> {
        Announcement::read(|key| Some(text.iter().find(|(name, _)| name == key)?.1.as_str()))
    }

    #[test]
    fn a_member_recognises_a_device_and_a_joiner_a_code() {
        let heard = read(&announcement(7).write()).unwrap();
        assert_eq!(heard, announcement(7));
        assert!(heard.is_of(&LAPTOP) && !heard.is_of(&PHONE));
        assert!(heard.offers(Nameplate(4821)) && !heard.offers(Nameplate(4822)));
        assert!(heard.joins(&Beacon([5; 32])) && !heard.joins(&Beacon([6; 32])));
    }

    #[test]
    fn two_announcements_of_one_device_have_nothing_in_common_but_the_ports() {
        let (one, other) = (announcement(7).write(), announcement(8).write());
        let same: Vec<_> = one.iter().filter(|field| other.contains(field)).collect();
        assert!(
            same.iter()
                .all(|(key, _)| ["v", "pair", "q4", "t4"].contains(&key.as_str()))
        );
        let id = LAPTOP.to_string();
        assert!(
            one.iter()
                .all(|(_, value)| value.len() < 8 || !id.contains(value.as_str()))
        );
    }

    #[test]
    fn what_is_not_an_announcement_is_ignored() {
        for (key, bad) in [
            ("v", "2"),
            ("s", "00"),
            ("t", "zz"),
            ("hint", "é"),
            ("join", "0g"),
            ("s", "+0+0"),
        ] {
            let mut text = announcement(7).write();
            text.iter_mut()
                .filter(|(name, _)| name == key)
                .for_each(|field| field.1 = bad.to_owned());
            assert_eq!(read(&text), None, "{key}={bad}");
        }
    }

    #[test]
    fn ports_of_the_wanted_interfaces_become_addresses_again() {
        let listening: Vec<Multiaddr> =
            ["/ip4/192.168.1.2/udp/4001/quic-v1", "/ip4/127.0.0.1/tcp/9"]
                .iter()
                .map(|text| text.parse().unwrap())
                .collect();
        let ports = Ports::of(&listening, |ip| !ip.is_loopback());
        assert_eq!(
            ports,
            Ports {
                quic4: Some(4001),
                ..Ports::default()
            }
        );
        let ips = ["192.168.1.2", "fe80::1", "0.0.0.0"].map(|ip| ip.parse().unwrap());
        assert_eq!(addresses(ips, &ports), listening[..1]);
        assert_eq!(Ports::of(&listening, |_| false).first(), None);
    }
}
