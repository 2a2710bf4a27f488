//! Renaming and removing devices: a signed statement each, which travels before data.

use pimesh_crdt::DeviceId;
use pimesh_crdt::sync::membership::{Action, Members, let_in_by, state};

use super::who::now;
use super::{Engine, EngineError, status};
use crate::api::{DeviceRemoved, DeviceRenamed, Failure, Member, Reply};

impl Engine {
    pub(super) async fn member(&self, asked: Member) -> Result<Reply, EngineError> {
        Ok(match asked {
            Member::Rename { device, name } => {
                Reply::DeviceRenamed(self.rename_device(&device, name).await?)
            }
            Member::Remove { device } => Reply::DeviceRemoved(self.remove_device(&device).await?),
        })
    }

    async fn rename_device(
        &self,
        device: &str,
        name: String,
    ) -> Result<DeviceRenamed, EngineError> {
        let members = self.inner.members().await?;
        let (id, was) = self.find_device(&members, device)?;
        let is_taken = |(other, called): (DeviceId, &str)| other != id && called == name;
        if members.iter().any(is_taken) {
            let message = format!("another device is called {name:?}");
            return Err(Failure::usage(message).hint("choose another name").into());
        }
        let action = Action::Rename { name: name.clone() };
        self.state_about(id, action).await?;
        Ok(DeviceRenamed {
            device: id.to_string(),
            name,
            was,
        })
    }

    async fn remove_device(&self, device: &str) -> Result<DeviceRemoved, EngineError> {
        let members = self.inner.members().await?;
        let (id, name) = self.find_device(&members, device)?;
        let is_this = id == self.inner.me.device;
        if is_this && members.iter().count() < 2 {
            let message = "this device belongs to no mesh that it could leave";
            return Err(Failure::usage(message).into());
        }
        let connected = self.inner.connected().await?;
        let let_in = match is_this {
            true => Vec::new(),
            false => self.let_in_by(id, &members).await?,
        };
        self.state_about(id, Action::Remove).await?;
        let (mut told, mut untold) = (Vec::new(), Vec::new());
        for (other, name) in members.iter() {
            if other != id && other != self.inner.me.device {
                let told = match connected.contains(&other) {
                    true => &mut told,
                    false => &mut untold,
                };
                told.push(name.to_owned());
            }
        }
        Ok(DeviceRemoved {
            device: id.to_string(),
            name,
            is_this,
            told,
            untold,
            let_in,
        })
    }

    /// What the members are called that only this one has let in.
    async fn let_in_by(
        &self,
        device: DeviceId,
        members: &Members,
    ) -> Result<Vec<String>, EngineError> {
        let known = self.inner.store.with(|store| status::statements(store));
        let let_in = let_in_by(device, self.inner.me.device, &known.await?);
        let name = |one: &DeviceId| members.name(*one).unwrap_or_default().to_owned();
        Ok(let_in.iter().map(name).collect())
    }

    /// Signs what is to be known of a device, and keeps it.
    async fn state_about(&self, device: DeviceId, action: Action) -> Result<(), EngineError> {
        let known = self
            .inner
            .store
            .with(|store| status::statements(store))
            .await?;
        let statements = state(&self.inner.key, device, action, &known, now())
            .map_err(|error| Failure::caused_by("the device's name", &error))?;
        self.inner.keep_statements(statements).await
    }

    /// The member that is called so, or whose id begins so.
    fn find_device(
        &self,
        members: &Members,
        wanted: &str,
    ) -> Result<(DeviceId, String), EngineError> {
        let me = self.inner.this_device()?;
        let all: Vec<(DeviceId, String)> = members
            .iter()
            .map(|(device, name)| match device == self.inner.me.device {
                true => (device, me.name.clone()),
                false => (device, name.to_owned()),
            })
            .collect();
        let mut found: Vec<_> = all.iter().filter(|(_, name)| name == wanted).collect();
        if found.is_empty() && !wanted.is_empty() {
            let begins = |(device, _): &&(DeviceId, String)| device.to_string().starts_with(wanted);
            found = all.iter().filter(begins).collect();
        }
        match found.as_slice() {
            [(device, name)] => Ok((*device, name.clone())),
            [] => Err(
                Failure::not_found(format!("no device of this mesh is called {wanted:?}"))
                    .hint("pimesh devices lists them")
                    .into(),
            ),
            several => {
                let ids: Vec<String> = several.iter().map(|(id, _)| id.to_string()).collect();
                Err(Failure::usage(format!("several devices are {wanted:?}"))
                    .hint(format!("say which by its id: {}", ids.join(", ")))
                    .into())
            }
        }
    }
}
