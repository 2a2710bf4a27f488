//! `pimesh pair`: a code here, typed there.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::{Pair, PairBy};
use super::ask;
use super::door::Door;
use super::output::{Output, can_ask};
use crate::api::{Agreement, Event, Failure, Moment, Request};

/// How often the time left is shown anew.
const TICK: Duration = Duration::from_millis(500);

/// Shows or types a code, asking which when it was not said.
pub(super) async fn pair(door: &Door, words: Pair, output: &Output) -> Result<u8, Failure> {
    let by = match words.by {
        Some(by) => by,
        None => ask_which()?,
    };
    match by {
        PairBy::Join { code, addr, yes } => {
            let agreement = match yes || !can_ask() {
                true => Agreement::Given,
                false => Agreement::Asked,
            };
            let request = Request::PairJoin {
                code,
                addresses: addr,
                agreement,
            };
            join(door, request, agreement, output).await
        }
        PairBy::Offer => offer(door, output).await,
    }
}

fn ask_which() -> Result<PairBy, Failure> {
    let how = "say which: pimesh pair offer, or pimesh pair join CODE";
    let answers = [
        "Show a code here, to type on the other device",
        "Type the code that the other device shows",
    ];
    match ask::choose("How do you want to pair?", &answers, how)? {
        0 => Ok(PairBy::Offer),
        _ => Ok(PairBy::Join {
            code: ask::line("Code", how)?,
            addr: Vec::new(),
            yes: false,
        }),
    }
}

/// Says what pairing will do as soon as the other device has told; the person then says whether
/// to go on, by a request of its own.
async fn join(
    door: &Door,
    request: Request,
    agreement: Agreement,
    output: &Output,
) -> Result<u8, Failure> {
    let (told, mut plans) = tokio::sync::mpsc::channel(1);
    let mut printed = Ok(());
    let reply = {
        let joining = door.ask_with(request, |event| {
            if matches!(event, Event::PairPlan { .. }) {
                let shown = match output.is_json() {
                    true => Ok(()),
                    false => output.event(&event),
                };
                printed = std::mem::replace(&mut printed, Ok(())).and(shown);
                // there is one plan at a time
                let _ = told.try_send(());
            }
        });
        tokio::pin!(joining);
        loop {
            tokio::select! {
                reply = &mut joining => break reply,
                Some(()) = plans.recv(), if agreement == Agreement::Asked => {
                    let asked = tokio::task::spawn_blocking(|| ask::yes_or_no("Pair with it?"));
                    let asked = async { asked.await.unwrap_or(Ok(false)) };
                    tokio::select! {
                        reply = &mut joining => break reply,
                        agrees = asked => {
                            let agrees = agrees?;
                            door.ask(Request::PairDecide { agrees }).await?;
                        }
                    }
                }
            }
        }
    };
    printed?;
    output.reply(&reply?)
}

/// With `--json` the code comes as an event, on a line before the reply's: without it
/// there would be nothing to type.
async fn offer(door: &Door, output: &Output) -> Result<u8, Failure> {
    let mut countdown = None;
    let mut printed = Ok(());
    let reply = door
        .ask_with(Request::PairOffer, |event| {
            let shown = match &event {
                Event::PairOffer { expires, .. } => {
                    let shown = output.event(&event);
                    countdown = Countdown::start(*expires);
                    shown
                }
                Event::PairRefused { .. } => output.event(&event),
                _ => Ok(()),
            };
            printed = std::mem::replace(&mut printed, Ok(())).and(shown);
        })
        .await;
    drop(countdown);
    printed?;
    let reply = reply?;
    output.reply(&reply)
}

/// How long the code is still good, counted down on a terminal.
struct Countdown {
    bar: ProgressBar,
    ticking: tokio::task::JoinHandle<()>,
}

impl Countdown {
    fn start(expires: Moment) -> Option<Self> {
        if !std::io::stderr().is_terminal() {
            return None;
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(ProgressStyle::with_template("{spinner} {msg}").ok()?);
        let ticking = tokio::spawn({
            let bar = bar.clone();
            async move {
                loop {
                    let left = expires.0.0.saturating_sub(Moment::now().0.0) / 1000;
                    let (minutes, seconds) = (left / 60, left % 60);
                    bar.set_message(format!(
                        "waiting for the other device, {minutes}:{seconds:02} left"
                    ));
                    bar.tick();
                    tokio::time::sleep(TICK).await;
                }
            }
        });
        Some(Self { bar, ticking })
    }
}

impl Drop for Countdown {
    fn drop(&mut self) {
        self.ticking.abort();
        self.bar.finish_and_clear();
    }
}
