//! `pimesh devices`: showing, renaming and removing them.

use super::args::{DeviceChange, Devices};
use super::ask;
use super::setup::device_name;
use crate::api::{Failure, Member, Request};

pub(super) fn devices(words: Devices) -> Result<Request, Failure> {
    Ok(match words.change {
        None => Request::Devices,
        Some(DeviceChange::Rename { device, name }) => Request::Member(Member::Rename {
            device,
            name: device_name(&name)?,
        }),
        Some(DeviceChange::Remove { device, yes }) => {
            let question = format!(
                "Let {device:?} in no more, for ever? It never comes back with the key it has; \
                 what it holds stays on it."
            );
            ask::sure(&question, yes, "add --yes to remove without being asked")?;
            Request::Member(Member::Remove { device })
        }
    })
}
