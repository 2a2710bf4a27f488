//! The story, step by step. A step that does not do what it promises ends the demo.

use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use tokio::sync::mpsc;

use super::super::output::Output;
use super::super::show;
use super::mailbox::{self, CONTACT};
use super::player::{Devices, Player, unexpected};
use crate::api::{
    Agreement, EditBy, Event, Failure, Form, Item, ItemSummary, NewSource, Patch, Reply, Request,
    SourceReport,
};

/// How long the devices may take to agree; it is a matter of milliseconds.
const TIMEOUT: u64 = 30;

/// What happened, as `demo --json` prints it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Story {
    pub(super) steps: Vec<Step>,
    /// Items on each device at the end.
    pub(super) items: u64,
    /// Properties in conflict at the end, each with both values kept.
    pub(super) conflicts: u64,
    /// The folder, with `--keep`.
    pub(super) kept: Option<String>,
}

/// One step and how long it took.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) seconds: f64,
}

/// The telling and timing of the steps.
struct Telling {
    output: Output,
    story: Story,
    begun: Instant,
}

impl Telling {
    fn begin(&mut self, what: &str) -> Result<(), Failure> {
        self.begun = Instant::now();
        let number = self.story.steps.len() + 1;
        self.output.say(&format!("\n{number}. {what}"))
    }

    fn done(&mut self, name: &'static str, result: &str) -> Result<(), Failure> {
        let seconds = self.begun.elapsed().as_secs_f64();
        self.story.steps.push(Step { name, seconds });
        let time = show::seconds(seconds);
        self.output.say(&format!("   {result}  ({time})"))
    }
}

/// Plays the whole story. The devices may still run afterwards.
pub(super) async fn play(
    devices: &mut Devices,
    mail: &Path,
    output: Output,
) -> Result<Story, Failure> {
    let mut telling = Telling {
        output,
        story: Story::default(),
        begun: Instant::now(),
    };
    output
        .say("Two devices, a laptop and a phone, both on this computer. No server, no account.")?;
    let Devices { laptop, phone } = devices;
    read_mailbox(&mut telling, laptop, mail).await?;
    let address = laptop.start().await?;
    phone.start().await?;
    pair(&mut telling, laptop, phone, address).await?;
    first_sync(&mut telling, laptop, phone).await?;
    edit_apart(&mut telling, laptop, phone).await?;
    come_together(&mut telling, laptop, phone).await?;
    read_again(&mut telling, laptop, phone, mail).await?;
    Ok(telling.story)
}

async fn read_mailbox(telling: &mut Telling, laptop: &Player, mail: &Path) -> Result<(), Failure> {
    telling.begin("The laptop reads a mailbox: invitations, and visiting cards sent by mail.")?;
    mailbox::write(mail)
        .map_err(|error| Failure::caused_by("cannot write the sample mailbox", &error))?;
    let report = read(laptop, mail).await?;
    let items = laptop.items().await?;
    if report.changes == 0 || !items.items.iter().any(|item| item.name == CONTACT) {
        return Err(Failure::failed("the sample mailbox was not taken in"));
    }
    let found = format!(
        "{} mails, {} invitations and cancellations, {} cards: {} items.",
        mailbox::mails(),
        report.invitations,
        report.cards,
        items.total
    );
    telling.done("read_mailbox", &found)?;
    telling
        .output
        .say(&indented(&show::reply(&Reply::Items(items))))
}

async fn read(player: &Player, mail: &Path) -> Result<SourceReport, Failure> {
    let source = NewSource {
        url: format!("maildir:{}", mail.display()),
        name: Some("sample".into()),
        into: None,
        credential: None,
        insecure: false,
        ca: None,
    };
    player.ask(Request::SourceAdd(source)).await?;
    let name = Some("sample".into());
    match player.ask(Request::SourceSync { name }).await? {
        Reply::Synced(report) => match report.sources.into_iter().next() {
            Some(report) => report.failure.clone().map_or(Ok(report), Err),
            None => Err(Failure::failed("the sample mailbox was not read")),
        },
        other => Err(unexpected(&other)),
    }
}

async fn pair(
    telling: &mut Telling,
    laptop: &Player,
    phone: &Player,
    addresses: Vec<String>,
) -> Result<(), Failure> {
    telling.begin("The laptop shows a code, and somebody types it on the phone.")?;
    let (sender, mut events) = mpsc::channel(8);
    let offer = laptop.ask_with(Request::PairOffer, &sender);
    let join = async {
        while let Some(event) = events.recv().await {
            if let Event::PairOffer { code, .. } = event {
                telling.output.say(&format!("   code: {code}"))?;
                let join = Request::PairJoin {
                    code,
                    addresses,
                    agreement: Agreement::Given,
                };
                return phone.ask(join).await;
            }
        }
        Err(Failure::failed("no code was shown"))
    };
    let (offered, joined) = tokio::try_join!(offer, join)?;
    match (offered, joined) {
        (Reply::Paired(here), Reply::Paired(there)) if here.fingerprint == there.fingerprint => {
            let text = format!("paired: both know the other's key, {}.", here.fingerprint);
            telling.done("pair", &text)
        }
        _ => Err(Failure::failed("the two devices do not know each other")),
    }
}

async fn first_sync(telling: &mut Telling, laptop: &Player, phone: &Player) -> Result<(), Failure> {
    telling.begin("Everything travels to the phone, encrypted from device to device.")?;
    let items = agree(laptop, phone).await?;
    let text = format!("the phone has confirmed that it holds all {items} items.");
    telling.done("first_sync", &text)
}

/// Waits until both have confirmed everything, and proves it: the lists are the same.
async fn agree(laptop: &Player, phone: &Player) -> Result<u64, Failure> {
    let wait = || Request::Wait {
        device: None,
        timeout_seconds: Some(TIMEOUT),
    };
    let (there, back) = tokio::try_join!(laptop.ask(wait()), phone.ask(wait()))?;
    for reply in [there, back] {
        match reply {
            Reply::Waited(waited) if waited.confirmed => {}
            _ => return Err(Failure::failed("the devices did not agree in time")),
        }
    }
    let (here, there) = tokio::try_join!(laptop.items(), phone.items())?;
    match (here.total, content(here.items)) == (there.total, content(there.items)) {
        true => Ok(here.total),
        false => Err(Failure::failed("the devices say they agree and do not")),
    }
}

/// What must be the same on every device. Short ids need not be.
fn content(items: Vec<ItemSummary>) -> Vec<ItemSummary> {
    let mut items: Vec<_> = items
        .into_iter()
        .map(|item| ItemSummary {
            id: String::new(),
            ..item
        })
        .collect();
    items.sort_by(|a, b| a.doc.cmp(&b.doc));
    items
}

async fn edit_apart(
    telling: &mut Telling,
    laptop: &mut Player,
    phone: &mut Player,
) -> Result<(), Failure> {
    telling.begin("Both are switched off, and the same contact is changed on each.")?;
    laptop.stop().await?;
    phone.stop().await?;
    let contact = contact(laptop).await?.summary.doc;
    let set = |name: &str, value: &str| Patch::Set {
        name: name.into(),
        value: Form::Plain(value.into()),
    };
    let changes = [
        (
            &*laptop,
            vec![
                set("TITLE", "Head of the sail loft"),
                set("NOTE", "Prefers to be called in the morning"),
            ],
        ),
        (
            &*phone,
            vec![
                set("TITLE", "Sailmaker"),
                Patch::Add {
                    name: "TEL".into(),
                    value: Form::Plain("+33 6 00 00 00 12".into()),
                },
            ],
        ),
    ];
    for (player, patches) in changes {
        let (item, by) = (contact.clone(), EditBy::Patches(patches));
        player.ask(Request::Edit { item, by }).await?;
    }
    let text = "laptop: a title and a note; phone: another title and a mobile number.";
    telling.done("edit_apart", text)
}

async fn contact(player: &Player) -> Result<Item, Failure> {
    let items = player.items().await?.items;
    let found = items.into_iter().find(|item| item.name == CONTACT);
    let item = found
        .map(|item| item.doc)
        .ok_or_else(|| Failure::not_found(format!("{CONTACT} is missing")))?;
    match player.ask(Request::Show { item }).await? {
        Reply::Item(item) => Ok(item),
        other => Err(unexpected(&other)),
    }
}

async fn come_together(
    telling: &mut Telling,
    laptop: &mut Player,
    phone: &mut Player,
) -> Result<(), Failure> {
    telling.begin("Both are switched on again and find each other.")?;
    laptop.start().await?;
    phone.start().await?;
    agree(laptop, phone).await?;
    let (here, there) = tokio::try_join!(contact(laptop), contact(phone))?;
    if here.text != there.text {
        return Err(Failure::failed("the devices show different contacts"));
    }
    let both = here.text.contains("in the morning") && here.text.contains("6 00 00 00 12");
    if !both || here.conflicts.len() != 1 {
        return Err(Failure::failed("a change made apart was lost"));
    }
    telling.story.conflicts = here.conflicts.len() as u64;
    telling.done(
        "merge",
        "the note and the number are on both. Nothing was lost:",
    )?;
    let say = |text: &str| telling.output.say(&indented(text));
    say("both titles are kept, and every device shows the same one:")?;
    for conflict in &here.conflicts {
        say(&format!("  shown: {}", conflict.shown.value))?;
        for other in &conflict.others {
            say(&format!("  kept:  {}", other.value))?;
        }
    }
    Ok(())
}

async fn read_again(
    telling: &mut Telling,
    laptop: &Player,
    phone: &Player,
    mail: &Path,
) -> Result<(), Failure> {
    telling.begin("The phone reads the same mailbox too.")?;
    let before = phone.items().await?.total;
    let report = read(phone, mail).await?;
    let after = agree(laptop, phone).await?;
    if after != before || report.added > 0 {
        return Err(Failure::failed(
            "reading the mailbox again doubled something",
        ));
    }
    telling.story.items = after;
    let text = format!("{} new changes: nothing is doubled.", report.changes);
    telling.done("read_again", &text)
}

fn indented(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| format!("   {line}")).collect();
    lines.join("\n")
}
