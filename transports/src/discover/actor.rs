//! Announces this device and listens for the others, for as long as the node runs.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    time::{Duration, Instant},
};

use libp2p::Multiaddr;
use mdns_sd::{ServiceEvent, ServiceInfo};
use tokio::sync::{mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::announce::{Announcement, Ports, Salt, addresses, device_tag, hex, join_tag, offer_tag};
use super::ear::{Ear, SERVICE};
use super::wish::{Discovered, DiscoveryConfig, DiscoveryHandle, Interfaces, Wanted, Wish};
use crate::pair::{Beacon, Nameplate};

/// How long an announcement keeps its names: long enough that a phone need not wake for
/// it, short enough that yesterday's does not lead to today's.
pub const ROTATION: Duration = Duration::from_secs(15 * 60);
/// Announcements of others kept for a moment, to be looked at again when a member is added. What
/// is heard beyond it is reported as it comes, and not kept.
const MAX_HEARD: usize = 128;
/// Own names kept: the current one, and those whose farewell may still be on its way.
const OWN_NAMES: usize = 8;
/// Findings on their way to the node; when it is behind, the newest are dropped, and
/// heard again at the next announcement.
const FINDINGS: usize = 64;

/// What an announcement is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Announced {
    ports: Ports,
    offering: Option<Nameplate>,
    joining: Option<Beacon>,
}

/// Discovery, before it runs.
#[derive(Debug)]
pub struct Discovery;

impl Discovery {
    /// Runs until `token` is cancelled. A network that cannot do multicast is logged once
    /// and is no error. Must be called within a tokio runtime.
    pub fn start(
        config: DiscoveryConfig,
        tasks: &TaskTracker,
        token: CancellationToken,
    ) -> (DiscoveryHandle, mpsc::Receiver<Discovered>) {
        let (wish, wishes) = watch::channel(Wish::default());
        let (findings, receiver) = mpsc::channel(FINDINGS);
        match Ear::open(config.interfaces) {
            Ok(Some(ear)) => {
                let actor = Actor {
                    config,
                    ear,
                    findings,
                    known: HashMap::new(),
                    ours: VecDeque::new(),
                    current: None,
                    wish: Wish::default(),
                    announced: Announced::default(),
                };
                tasks.spawn(actor.run(wishes, token));
            }
            Ok(None) => tracing::info!("not looking for devices on the local network"),
            Err(error) => {
                tracing::warn!(%error, "cannot look for devices on the local network; known addresses still work");
            }
        }
        (DiscoveryHandle { wish }, receiver)
    }
}

struct Actor {
    config: DiscoveryConfig,
    ear: Ear,
    findings: mpsc::Sender<Discovered>,
    known: HashMap<String, (Announcement, Vec<Multiaddr>)>,
    /// Names of our own latest announcements, which we hear too.
    ours: VecDeque<String>,
    current: Option<String>,
    wish: Wish,
    announced: Announced,
}

impl Actor {
    async fn run(mut self, mut wishes: watch::Receiver<Wish>, token: CancellationToken) {
        let mut rotation = tokio::time::interval(ROTATION);
        loop {
            let (heard, until) = self.ear.parts();
            let silence = tokio::time::Instant::from_std(until.unwrap_or_else(Instant::now));
            let done = tokio::select! {
                () = token.cancelled() => break,
                _ = rotation.tick() => self.rotate(),
                changed = wishes.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let wish = wishes.borrow_and_update().clone();
                    self.wish_for(wish)
                }
                event = heard.recv_async() => match event {
                    Ok(event) => {
                        self.hear(event);
                        Ok(())
                    }
                    Err(_) => break,
                },
                () = tokio::time::sleep_until(silence), if until.is_some() => {
                    self.known.clear();
                    self.ear.listen()
                }
            };
            if let Err(error) = done {
                tracing::warn!(%error, "the local network is not searched");
            }
        }
        self.withdraw();
        // Wait for the goodbyes to leave; a daemon that is gone has said them.
        if let Ok(done) = self.ear.daemon().shutdown() {
            let _status = tokio::time::timeout(Duration::from_secs(1), done.recv_async()).await;
        }
    }

    /// Takes new names, and asks for who is still missed: what they said may have been lost.
    fn rotate(&mut self) -> Result<(), mdns_sd::Error> {
        self.announce();
        if self.wish.missing().is_empty() {
            return Ok(());
        }
        self.ear.look(Instant::now())
    }

    fn wish_for(&mut self, wish: Wish) -> Result<(), mdns_sd::Error> {
        let wanted = Announced {
            ports: self.ports(&wish.listening),
            offering: wish.offering.map(|(nameplate, _)| nameplate),
            joining: wish.joining.map(|(_, beacon)| beacon),
        };
        let was = std::mem::replace(&mut self.wish, wish);
        if wanted != self.announced {
            self.announced = wanted;
            self.announce();
        }
        self.known
            .values()
            .for_each(|(said, at)| self.report(said, at));
        self.ear.attend(&was, &self.wish, Instant::now())
    }

    fn ports(&self, listening: &[Multiaddr]) -> Ports {
        let wants_loopback = self.config.interfaces == Interfaces::Loopback;
        Ports::of(listening, |ip| {
            ip.is_loopback() == wants_loopback || ip.is_unspecified()
        })
    }

    /// Replaces the announcement by one with new names.
    fn announce(&mut self) {
        let announced = self.announced;
        self.withdraw();
        let Some(port) = announced.ports.first() else {
            return;
        };
        let salt = Salt(rand::random());
        let said = Announcement {
            salt,
            device: device_tag(&self.config.device, salt),
            offer: announced
                .offering
                .map(|nameplate| offer_tag(nameplate, salt)),
            join: announced.joining.map(|beacon| join_tag(&beacon, salt)),
            ports: announced.ports,
        };
        let instance = hex(&rand::random::<[u8; 8]>());
        let host = format!("{}.local.", hex(&rand::random::<[u8; 8]>()));
        let ip = if self.config.interfaces == Interfaces::Loopback {
            "127.0.0.1"
        } else {
            ""
        };
        let registered = ServiceInfo::new(SERVICE, &instance, &host, ip, port, &said.write()[..])
            .map(|info| {
                if ip.is_empty() {
                    info.enable_addr_auto()
                } else {
                    info
                }
            })
            .and_then(|info| {
                let name = info.get_fullname().to_owned();
                self.ear.daemon().register(info).map(|()| name)
            });
        match registered {
            Ok(name) => {
                self.ours.push_front(name.clone());
                self.ours.truncate(OWN_NAMES);
                self.current = Some(name);
            }
            Err(error) => tracing::warn!(%error, "this device is not announced"),
        }
    }

    fn withdraw(&mut self) {
        if let Some(name) = self.current.take() {
            // An error means that the daemon is gone, and the announcement with it.
            let _gone = self.ear.daemon().unregister(&name);
        }
    }

    fn hear(&mut self, event: ServiceEvent) {
        match event {
            ServiceEvent::ServiceResolved(service) => {
                self.ear.keep(&self.wish, Instant::now());
                if self.ours.contains(&service.fullname) {
                    return;
                }
                let field = |key: &str| service.txt_properties.get_property_val_str(key);
                let Some(said) = Announcement::read(field) else {
                    return;
                };
                let ips: Vec<IpAddr> = service.addresses.iter().map(|ip| ip.to_ip_addr()).collect();
                let at = addresses(ips, &said.ports);
                self.report(&said, &at);
                if self.known.len() < MAX_HEARD || self.known.contains_key(&service.fullname) {
                    self.known.insert(service.fullname, (said, at));
                }
            }
            ServiceEvent::ServiceRemoved(_, name) => drop(self.known.remove(&name)),
            _ => {}
        }
    }

    fn report(&self, said: &Announcement, at: &[Multiaddr]) {
        let wish = &self.wish;
        if at.is_empty() {
            return;
        }
        let addresses = at.to_vec();
        let member = wish.members.iter().find(|member| said.is_of(member));
        let is_wanted = wish.joining.is_some_and(|(wanted, _)| match wanted {
            Wanted::Code(nameplate) => said.offers(nameplate),
            Wanted::Device(device) => said.is_of(&device),
        });
        let joins = |(_, beacons): (_, [Beacon; 2])| beacons.iter().any(|one| said.joins(one));
        let found = match member {
            Some(device) if *device != self.config.device => Discovered::Member {
                device: *device,
                addresses,
            },
            _ if is_wanted => Discovered::Offer { addresses },
            _ if wish.offering.is_some_and(joins) => Discovered::Joiner { addresses },
            _ => return,
        };
        if let Err(error) = self.findings.try_send(found) {
            tracing::debug!(%error, "a discovered device was not passed on");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use pimesh_crdt::DeviceId;
    use tokio::time::timeout;

    use crate::pair::{Invitation, Offer};

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(20);

    async fn next(found: &mut mpsc::Receiver<Discovered>) -> Discovered {
        timeout(DEADLINE, found.recv())
            .await
            .expect("in time")
            .expect("still running")
    }

    #[tokio::test]
    async fn devices_on_one_machine_find_members_and_codes_without_an_address() {
        let (tasks, token) = (TaskTracker::new(), CancellationToken::new());
        let start = |seed: u8| {
            let device = DeviceId([seed; 32]);
            let config = DiscoveryConfig {
                device,
                interfaces: Interfaces::Loopback,
            };
            Discovery::start(config, &tasks, token.clone())
        };
        let (laptop, mut laptop_found) = start(1);
        let (phone, mut found) = start(2);
        let at: Vec<Multiaddr> = vec!["/ip4/127.0.0.1/udp/4001/quic-v1".parse().unwrap()];
        let shown = Offer::new(&mut rand::rng(), std::time::Instant::now());
        let typed = Invitation::from(shown.code().clone());
        phone.set_joining(Some(&typed));
        laptop.set_offer(Some(&shown));
        laptop.announce(at.clone());
        let offer = Discovered::Offer {
            addresses: at.clone(),
        };
        assert_eq!(next(&mut found).await, offer);
        phone.announce(at.clone());
        let joiner = Discovered::Joiner {
            addresses: at.clone(),
        };
        assert_eq!(next(&mut laptop_found).await, joiner);

        // By the QR code the device itself is looked for, whether or not it announces a code.
        laptop.set_offer(None);
        phone.set_joining(None);
        let ticket = shown.ticket(DeviceId([1; 32]), Vec::new());
        phone.set_joining(Some(&Invitation::Ticket(ticket)));
        while next(&mut found).await != offer {}
        laptop.set_offer(Some(&shown));
        while next(&mut laptop_found).await != joiner {}

        phone.set_joining(None);
        phone.set_members(HashSet::from([DeviceId([1; 32]), DeviceId([9; 32])]));
        let member = Discovered::Member {
            device: DeviceId([1; 32]),
            addresses: at,
        };
        while next(&mut found).await != member {}
        token.cancel();
        tasks.close();
        timeout(DEADLINE, tasks.wait()).await.expect("in time");
    }

    #[tokio::test]
    async fn nothing_happens_where_discovery_is_turned_off() {
        let tasks = TaskTracker::new();
        let config = DiscoveryConfig {
            device: DeviceId([1; 32]),
            interfaces: Interfaces::Nowhere,
        };
        let (handle, mut found) = Discovery::start(config, &tasks, CancellationToken::new());
        handle.set_members(HashSet::from([DeviceId([2; 32])]));
        assert_eq!(found.recv().await, None);
        assert!(tasks.is_empty());
    }
}
