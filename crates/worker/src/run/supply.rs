//! What a run needs: the app, the dataset, the inputs.

use std::{path::Path, time::Duration};

use alloy_primitives::{Address, B256};
use canut_protocol::{Failure, location::Location};
use canut_sandbox::{Bag, Dataset, Delivery, Job, Kind, split_arguments};
use sha2::{Digest, Sha256};
use tracing::info;

use super::{Order, Runner, disk, folders::Folders};
use crate::{
    disk::{Claim, taken},
    fetch::{Absence, Image, Wanted, sha256},
    params::Params,
};

/// Times a file is asked for before its server is given up.
const TRIES: u32 = 3;

impl Runner {
    /// Fetches and checks all of it.
    pub(super) async fn prepare(
        &self,
        order: &Order,
        folders: &mut Folders,
    ) -> Result<Job, Failure> {
        let deal = &order.deal;
        let params = Params::read(&deal.params)?;
        // What is delivered on the chain is public.
        if params.encrypted && deal.callback != Address::ZERO {
            return Err(Failure::ParamsInvalid);
        }
        let arguments = split_arguments(&params.arguments).ok_or(Failure::ParamsInvalid)?;
        self.fetch_app(deal.app.pointer, folders).await?;
        let dataset = self.fetch_dataset(deal.dataset.pointer, folders).await?;
        let mut inputs = Vec::new();
        for url in &params.inputs {
            inputs.push(self.fetch_input(url, folders).await?);
        }
        let delivery = if deal.callback == Address::ZERO {
            Delivery::Files
        } else {
            Delivery::Callback
        };
        Ok(Job {
            task: order.task,
            deal: order.deal_id,
            bag: Bag {
                size: deal.bot_size,
                first: deal.bot_first,
                index: order.index,
            },
            app: folders.app.clone(),
            arguments,
            input: folders.input.clone(),
            output: folders.output.clone(),
            dataset,
            inputs,
            delivery,
        })
    }

    async fn fetch_app(&self, address: Address, folders: &mut Folders) -> Result<(), Failure> {
        let (into, room) = (&folders.app, &mut folders.room);
        let found = self.hub.app(address).await.map_err(unreachable)?;
        let (_, app) = found.ok_or(Failure::AppMissing)?;
        let location = Location::from_multiaddr(&app.multiaddr).map_err(|_| Failure::AppMissing)?;
        let of_app = |absence| match (absence, &location) {
            (Absence::Missing, _) => Failure::AppMissing,
            (Absence::TooLarge, _) => Failure::AppTooLarge,
            (Absence::Invalid, _) => Failure::AppInvalid,
            (Absence::Wrong, _) => Failure::RegistryWrong,
            (Absence::Unreachable, Location::Url(_) | Location::Other(_)) => {
                Failure::AppUnreachable
            }
            (other, _) => elsewhere(other, Failure::AppRefused),
        };
        if let Location::Other(name) = &location {
            let image = Image::read(name, app.checksum)?;
            if !self.runtime.runs(Kind::Oci) {
                return Err(Failure::RuntimeMissing);
            }
            return self
                .fetch(Wanted::Image(&image), into, room)
                .await
                .map_err(of_app);
        }
        self.fetch(Wanted::File(&location), into, room)
            .await
            .map_err(of_app)?;
        holds(into, app.checksum, Failure::AppMismatch).await?;
        // iExec's tools register every app as DOCKER: its bytes say what it is.
        let kind = Kind::of(into).map_err(|error| disk(&error))?;
        if self.runtime.runs(kind) {
            Ok(())
        } else {
            Err(Failure::RuntimeMissing)
        }
    }

    async fn fetch_dataset(
        &self,
        address: Address,
        folders: &mut Folders,
    ) -> Result<Option<Dataset>, Failure> {
        if address == Address::ZERO {
            return Ok(None);
        }
        let found = self.hub.dataset(address).await.map_err(unreachable)?;
        let (_, dataset) = found.ok_or(Failure::DatasetMissing)?;
        let location = Location::from_multiaddr(&dataset.multiaddr);
        let location = location.map_err(|_| Failure::DatasetMissing)?;
        // The file is named after the address (offchain.md, section 6.6).
        let file = format!("{address:#x}");
        let into = folders.input.join(&file);
        self.fetch(Wanted::File(&location), &into, &mut folders.room)
            .await
            .map_err(|absence| match absence {
                Absence::Missing => Failure::DatasetMissing,
                Absence::TooLarge => Failure::InputTooLarge,
                other => elsewhere(other, Failure::InputRefused),
            })?;
        holds(&into, dataset.checksum, Failure::DatasetMismatch).await?;
        Ok(Some(Dataset { address, file }))
    }

    async fn fetch_input(&self, url: &str, folders: &mut Folders) -> Result<String, Failure> {
        // The name is the hash of the address as it was written (offchain.md, section 6.6).
        let name = B256::new(Sha256::digest(url).into()).to_string();
        let into = folders.input.join(&name);
        if into.exists() {
            return Ok(name);
        }
        let location: Location = url.parse().map_err(|_| Failure::ParamsInvalid)?;
        self.fetch(Wanted::File(&location), &into, &mut folders.room)
            .await
            .map_err(|absence| match absence {
                Absence::Missing => Failure::InputMissing,
                Absence::TooLarge => Failure::InputTooLarge,
                Absence::Unreachable if matches!(location, Location::Url(_)) => {
                    Failure::InputUnreachable
                }
                other => elsewhere(other, Failure::InputRefused),
            })?;
        Ok(name)
    }

    /// Fetches something. `room` grows by what it takes.
    async fn fetch(
        &self,
        wanted: Wanted<'_>,
        into: &Path,
        room: &mut Claim,
    ) -> Result<(), Absence> {
        let most = self.fetcher.most(wanted);
        room.more(most).map_err(|_| Absence::Disk)?;
        let fetched = self.fetch_patiently(wanted, into).await;
        let taken = taken(into).map_err(|_| Absence::Disk)?;
        room.less(most.saturating_sub(taken));
        fetched
    }

    /// Fetches something, and tries again when nobody answers.
    async fn fetch_patiently(&self, wanted: Wanted<'_>, into: &Path) -> Result<(), Absence> {
        let mut wait = Duration::from_millis(200);
        for _ in 1..TRIES {
            match self.fetcher.fetch(wanted, into).await {
                Err(Absence::Unreachable | Absence::Missing) => {}
                outcome => return outcome,
            }
            // What is being published may be there in a moment.
            tokio::time::sleep(wait).await;
            wait *= 4;
        }
        self.fetcher.fetch(wanted, into).await
    }
}

async fn holds(path: &Path, registered: B256, otherwise: Failure) -> Result<(), Failure> {
    let path = path.to_owned();
    let summed = tokio::task::spawn_blocking(move || sha256(&path)).await;
    let found = summed
        .map_err(|_| Failure::WorkerBroken)?
        .map_err(|error| disk(&error))?;
    if found == registered {
        Ok(())
    } else {
        Err(otherwise)
    }
}

fn elsewhere(absence: Absence, refused: Failure) -> Failure {
    match absence {
        Absence::Refused => refused,
        Absence::Disk => Failure::DiskFull,
        Absence::Foreign => Failure::RuntimeMissing,
        Absence::Missing
        | Absence::Unreachable
        | Absence::TooLarge
        | Absence::Wrong
        | Absence::Invalid => Failure::StoreUnreachable,
    }
}

fn unreachable(error: canut_hub::Error) -> Failure {
    info!(%error, "the chain does not tell what the run needs");
    Failure::ChainUnreachable
}
