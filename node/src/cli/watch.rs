//! `pimesh watch`: what happens in the running node.

use tokio::sync::mpsc;

use super::door::Door;
use super::output::Output;
use crate::api::{Event, Failure, Request};
use crate::rpc::Node;

/// Events on their way to the screen.
const EVENTS: usize = 64;

/// Prints events until the node stops or the person does.
pub(super) async fn watch(door: &Door, output: &Output) -> Result<u8, Failure> {
    let Some(node) = Node::find(door.home()).await? else {
        return Err(
            Failure::failed("no node runs in this home, so nothing happens")
                .hint("start one with: pimesh run"),
        );
    };
    let (sender, mut events) = mpsc::channel(EVENTS);
    let watching = tokio::spawn(async move { node.ask(&Request::Watch, &sender).await });
    let mut stopped = false;
    while let Some(event) = events.recv().await {
        stopped |= event == Event::Stopping;
        output.event(&event)?;
    }
    match watching.await {
        Ok(Err(failure)) if !stopped => Err(failure),
        _ => Ok(0),
    }
}
