//! The devices and the links between them: the real sessions, and frames that arrive when
//! the program says so, or never.
//!
//! ```text
//!   program ──► [world] ──Input──► Session ──Output──► [world] ──► store, link
//! ```
//!
//! A link is a stream in order: it can be cut between frames or inside one, and what was on
//! it then is lost. Links go on independently of each other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pimesh_crdt::doc::Document;
use pimesh_crdt::item::register::Stored;
use pimesh_crdt::store::{Filter, Life, Order, Page, Store, StoreError};
use pimesh_crdt::sync::membership::Statement;
use pimesh_crdt::sync::{
    Identity, Input, Output, Session, Turns, VectorHash, VersionVector, codec,
};
use pimesh_crdt::{CollectionId, DeviceId, Timestamp};

use super::commands::Done;
use super::device::Device;
use super::model::Model;
use super::totals::Totals;

/// Why a run has failed, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(pub String);

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let mut said = format!("the store refuses: {error}");
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            said += &format!(": {cause}");
            source = cause.source();
        }
        Self(said)
    }
}

impl From<pimesh_crdt::doc::DocError> for Failure {
    fn from(error: pimesh_crdt::doc::DocError) -> Self {
        Self(format!("a document can not be read: {error}"))
    }
}

/// The names of a link: the smaller device first.
pub type LinkId = (usize, usize);

/// A link and the sessions at its ends.
#[derive(Debug)]
pub struct Link {
    pub(super) sessions: [Session; 2],
    /// Frames on their way to each end.
    pub frames: [VecDeque<Vec<u8>>; 2],
    /// What each end says of being in sync.
    pub in_sync: [BTreeMap<CollectionId, bool>; 2],
    /// What each end was told of collections that it does not have yet.
    pub(super) early: [BTreeMap<CollectionId, VersionVector>; 2],
    /// Why one of its ends has ended it.
    pub closed: Option<String>,
}

/// Something to be done, in order.
pub(super) enum Task {
    Feed(LinkId, usize, Input),
    Do(LinkId, usize, Output),
}

/// Everything there is.
pub struct World {
    /// True time, in milliseconds.
    pub time: u64,
    /// The devices.
    pub devices: Vec<Device>,
    /// The links that are up.
    pub links: BTreeMap<LinkId, Link>,
    /// What must survive.
    pub model: Model,
    /// What was done.
    pub totals: Totals,
    /// What people did, command by command.
    pub(super) commands: Vec<Done>,
    /// A collection has stopped because a disk ran twice.
    pub forked: bool,
    /// A disk has lost rows.
    pub(super) has_lost: bool,
    /// Sessions that waited for an answer for too long.
    pub(super) unanswered: u64,
    /// What a class was named when its states were last read, by device and peer.
    pub(super) read: BTreeMap<(usize, usize, CollectionId), VectorHash>,
    statements: Vec<Statement>,
    /// Who brings what, by device.
    turns: BTreeMap<usize, Turns>,
    pub(super) tasks: VecDeque<Task>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("devices", &self.devices.len())
            .field("links", &self.links.keys())
            .finish_non_exhaustive()
    }
}

impl World {
    /// These devices, members of one mesh by these statements, without any link.
    pub fn new(devices: Vec<Device>, statements: Vec<Statement>) -> Self {
        Self {
            time: 1_790_000_000_000,
            devices,
            links: BTreeMap::new(),
            model: Model::default(),
            totals: Totals::default(),
            commands: Vec::new(),
            forked: false,
            has_lost: false,
            unanswered: 0,
            read: BTreeMap::new(),
            statements,
            turns: BTreeMap::new(),
            tasks: VecDeque::new(),
        }
    }

    pub(super) fn now(&self, device: usize) -> Timestamp {
        self.devices[device].now(self.time)
    }

    /// Whom `two` meets in the place of `one`. Two copies of one disk have one key: no network
    /// brings them together, and what one of them has comes to the other by way of a device
    /// that has another key.
    pub fn beside(&self, one: usize, two: usize) -> usize {
        let key = self.devices[two].id;
        let differs = |at: &usize| self.devices[*at].id != key;
        let mut all = std::iter::once(one).chain(0..self.devices.len());
        all.find(differs).unwrap_or(one)
    }

    /// Two devices meet, where they have not.
    pub fn connect(&mut self, one: usize, two: usize) -> Result<(), Failure> {
        let link = (one.min(two), one.max(two));
        let twins = self.devices[one].id == self.devices[two].id;
        if twins || self.links.contains_key(&link) {
            return Ok(());
        }
        let session = |me: usize, peer: usize| {
            let device = &self.devices[me];
            let me = Identity {
                device: device.id,
                incarnation: device.store.origin().incarnation,
                seed: me as u64,
            };
            Session::new(me, self.devices[peer].id).in_turns()
        };
        let sessions = [session(link.0, link.1), session(link.1, link.0)];
        self.links.insert(
            link,
            Link {
                sessions,
                frames: Default::default(),
                in_sync: Default::default(),
                early: Default::default(),
                closed: None,
            },
        );
        for (end, device) in [link.0, link.1].into_iter().enumerate() {
            let started = Input::Started {
                collections: vectors(&self.devices[device].store)?,
                membership: self.statements.clone(),
            };
            self.say_what_is_lacking(link, end)?;
            self.tasks.push_back(Task::Feed(link, end, started));
            self.want_blobs(link, end)?;
        }
        self.run()
    }

    /// The link is gone, with what was on it.
    pub fn cut(&mut self, one: usize, two: usize) {
        self.links.remove(&(one.min(two), one.max(two)));
    }

    /// All links of a device are gone.
    pub fn isolate(&mut self, device: usize) {
        self.links
            .retain(|(one, two), _| *one != device && *two != device);
    }

    /// The oldest frame to an end arrives. False where there is none.
    pub fn deliver(&mut self, link: LinkId, end: usize) -> Result<bool, Failure> {
        let Some(found) = self.links.get_mut(&link) else {
            return Ok(false);
        };
        let Some(bytes) = found.frames[end].pop_front() else {
            return Ok(false);
        };
        self.totals.frames += 1;
        let frame = codec::decode(&bytes)
            .map_err(|error| Failure(format!("a frame of ours is refused: {error}")))?;
        self.tasks.push_back(Task::Feed(link, 1 - end, Input::Sent));
        self.tasks
            .push_back(Task::Feed(link, end, Input::Received(frame)));
        self.run()?;
        Ok(true)
    }

    /// Time passes, and every session is told.
    pub fn wait(&mut self, milliseconds: u64) -> Result<(), Failure> {
        self.time += milliseconds;
        let links: Vec<LinkId> = self.links.keys().copied().collect();
        for link in links {
            for end in [0, 1] {
                self.tasks.push_back(Task::Feed(link, end, Input::Tick));
            }
        }
        self.run()
    }

    /// Tells the sessions of a device what it holds, all but the one that it came by.
    pub fn announce(&mut self, device: usize, but: Option<LinkId>) -> Result<(), Failure> {
        let all = vectors(&self.devices[device].store)?;
        for (link, end) in self.ends(device) {
            if Some(link) == but {
                continue;
            }
            self.say_what_is_lacking(link, end)?;
            for (collection, vector) in &all {
                let (collection, vector) = (*collection, vector.clone());
                let input = Input::Committed { collection, vector };
                self.tasks.push_back(Task::Feed(link, end, input));
            }
        }
        Ok(())
    }

    /// Lets the sessions of a device ask for what no other brings.
    fn take_turns(&mut self, device: usize) {
        let now = self.now(device);
        let mut turns = self.turns.remove(&device).unwrap_or_default();
        let ends = self.ends(device);
        let peers = ends.iter().map(|(link, end)| [link.1, link.0][*end]);
        let peers: BTreeSet<DeviceId> = peers.map(|peer| self.devices[peer].id).collect();
        turns.only(&peers);
        for (link, end) in ends {
            let session = &self.links[&link].sessions[end];
            let (asked, wanted) = (session.bringing(), session.waiting_to_ask());
            let peer = self.devices[[link.1, link.0][end]].id;
            let elsewhere = turns.take(peer, now, &asked, &wanted);
            if !wanted.is_subset(&elsewhere) {
                self.tasks
                    .push_back(Task::Feed(link, end, Input::Turn(elsewhere)));
            }
        }
        self.turns.insert(device, turns);
    }

    pub(super) fn ends(&self, device: usize) -> Vec<(LinkId, usize)> {
        let ends = |link: &LinkId| [(*link, 0, link.0), (*link, 1, link.1)];
        let all = self.links.keys().flat_map(ends);
        all.filter(|(.., at)| *at == device)
            .map(|(link, end, _)| (link, end))
            .collect()
    }

    /// Does everything that is to be done now.
    pub fn run(&mut self) -> Result<(), Failure> {
        while let Some(task) = self.tasks.pop_front() {
            match task {
                Task::Feed(link, end, input) => {
                    let now = self.now(if end == 0 { link.0 } else { link.1 });
                    if let Some(found) = self.links.get_mut(&link) {
                        let outputs = found.sessions[end].handle(now, input);
                        let each = outputs.into_iter().map(|out| Task::Do(link, end, out));
                        self.tasks.extend(each);
                    }
                    self.take_turns(if end == 0 { link.0 } else { link.1 });
                }
                Task::Do(link, end, output) => {
                    if self.links.contains_key(&link) {
                        self.perform(link, end, output)?;
                    }
                }
            }
        }
        self.links.retain(|_, link| {
            let ended = link.closed.is_some();
            let on_their_way = link.frames.iter().any(|frames| !frames.is_empty());
            !ended || on_their_way
        });
        Ok(())
    }
}

/// What a device holds of everything.
pub fn vectors(store: &Store) -> Result<Vec<(CollectionId, VersionVector)>, StoreError> {
    let all = store.collections()?.into_iter();
    all.map(|collection| Ok((collection.id, store.holds(collection.id)?)))
        .collect()
}

/// Makes those collections one that the mesh's documents say are.
pub fn learn(store: &mut Store, now: Timestamp) -> Result<(), StoreError> {
    let filter = Filter {
        collection: Some(CollectionId::MESH),
        life: Life::Any,
        ..Filter::default()
    };
    let mut pairs = Vec::new();
    for row in store.list(&filter, Order::Id, Page::ALL)? {
        let changes = store.changes_of(CollectionId::MESH, row.doc)?;
        let wrong = |source| StoreError::Change {
            doc: row.doc,
            source,
        };
        let document = Document::load(changes.iter().map(Vec::as_slice)).map_err(wrong)?;
        let item = document.view().shown().item;
        let said = item.value(super::write::UNION).unwrap_or_default();
        let pair = Stored::read(said).value.split_once('+');
        pairs.extend(
            pair.and_then(|(a, b)| Some((CollectionId::from_hex(a)?, CollectionId::from_hex(b)?))),
        );
    }
    let mut batch = store.batch(now)?;
    for (a, b) in pairs {
        batch.unite(a, b)?;
    }
    batch.commit()?;
    Ok(())
}
