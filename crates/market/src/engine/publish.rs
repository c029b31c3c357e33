//! What people ask of the book, and why it says no.

use std::sync::Arc;

use alloy_primitives::Address;
use canut_protocol::{OrderHash, order::OrderKind};
use tokio::sync::oneshot;

use super::{Bounds, Market, State, writer::Command};
use crate::{
    book::{Facet, Unfit},
    chain::ChainError,
    order::{Entry, Listed, Status, kind_name},
    storage::StorageError,
};

/// Orders to take back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// This one.
    Order(OrderHash),
    /// The last one published for that asset (or by that requester).
    Last(Address),
    /// All of that asset (or requester).
    All(Address),
}

/// Why the book says no.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Rejected {
    #[error("this {kind} is already published, and {status}: sign one with another salt to offer more", kind = kind_name(*.0), status = status(*.1))]
    Published(OrderKind, Status),
    #[error("{0}")]
    Unfit(#[from] Unfit),
    #[error(
        "the signature of the order is not one of {0} for this hub and chain: sign the order again"
    )]
    Unsigned(Address),
    #[error("{signer} has {open} open {kind}s here, the most one may have: unpublish some", kind = kind_name(*.kind))]
    TooMany {
        signer: Address,
        open: usize,
        kind: OrderKind,
    },
    #[error(
        "this market holds as many orders as it may: take some of yours back, or try again later"
    )]
    Full,
    #[error("there is no open {kind} of yours to unpublish: see which ones you have with GET /{kind}s", kind = kind_name(*.0))]
    NothingToUnpublish(OrderKind),
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Storage(#[from] Arc<StorageError>),
    #[error("the market is shutting down: try again in a moment")]
    Stopping,
}

const fn status(status: Status) -> &'static str {
    match status {
        Status::Open => "open",
        Status::Filled => "filled",
        Status::Canceled => "canceled",
        Status::Dead => "dead",
    }
}

impl State {
    /// Whether the order can be published now. Does not look at its signature.
    pub(super) fn admit(&self, entry: &Entry, bounds: Bounds) -> Result<(), Rejected> {
        let kind = entry.kind();
        if let Some(listed) = self
            .book
            .get(entry.hash)
            .filter(|listed| listed.status != Status::Dead)
        {
            return Err(Rejected::Published(kind, listed.status));
        }
        self.book.fitness(entry, &self.mirror)?;
        let open = self
            .book
            .open()
            .queue(kind, Facet::Signer(entry.signer))
            .len();
        if open >= bounds.open {
            return Err(Rejected::TooMany {
                signer: entry.signer,
                open,
                kind,
            });
        }
        let bytes = entry.json.get().len() as u64;
        if self.book.bytes().saturating_add(bytes) > bounds.bytes {
            return Err(Rejected::Full);
        }
        Ok(())
    }

    /// The open orders that `signer` means.
    pub(super) fn targets(
        &self,
        kind: OrderKind,
        signer: Address,
        target: Target,
    ) -> Vec<OrderHash> {
        let mine = self.book.open().orders(kind, Facet::Signer(signer));
        let of = |asset: Address| {
            mine.clone()
                .map(|listed| &listed.entry)
                .filter(move |entry| entry.order.resource() == asset)
        };
        match target {
            Target::Order(hash) => mine
                .map(|listed| listed.entry.hash)
                .filter(|found| *found == hash)
                .collect(),
            Target::All(asset) => of(asset).map(|entry| entry.hash).collect(),
            Target::Last(asset) => {
                let last = of(asset).max_by_key(|entry| (entry.published, entry.hash));
                last.map(|entry| entry.hash).into_iter().collect()
            }
        }
    }
}

impl Market {
    /// Publishes an order, in the name of its signer. It is durable when this returns.
    pub(crate) async fn publish(&self, entry: Entry) -> Result<Arc<Listed>, Rejected> {
        // The cheap checks first: the signature may need the chain.
        self.read().admit(&entry, self.bounds)?;
        if !self.is_signed(&entry).await? {
            return Err(Rejected::Unsigned(entry.signer));
        }
        let (reply, answer) = oneshot::channel();
        self.order(Command::Publish {
            entry: Arc::new(entry),
            reply,
        })
        .await?;
        answer.await.map_err(|_| Rejected::Stopping)?
    }

    /// Takes open orders of `signer` back; returns their hashes.
    pub(crate) async fn unpublish(
        &self,
        kind: OrderKind,
        signer: Address,
        target: Target,
    ) -> Result<Vec<OrderHash>, Rejected> {
        let (reply, answer) = oneshot::channel();
        self.order(Command::Unpublish {
            kind,
            signer,
            target,
            reply,
        })
        .await?;
        answer.await.map_err(|_| Rejected::Stopping)?
    }

    pub(super) async fn order(&self, command: Command) -> Result<(), Rejected> {
        self.commands
            .send(command)
            .await
            .map_err(|_| Rejected::Stopping)
    }

    /// Whether the hub would take the order as signed. The key of an account without code proves it here; all else is asked
    /// of the chain.
    async fn is_signed(&self, entry: &Entry) -> Result<bool, ChainError> {
        let (digest, sign) = (entry.hash.0, entry.order.sign());
        let by_key = canut_gate::recover(digest, sign) == Some(entry.signer);
        if by_key && self.is_plain(entry.signer).await? {
            return Ok(true);
        }
        self.chain
            .is_signed(entry.signer, digest, sign.clone())
            .await
    }

    /// Whether the account has no code. Looked up once per account and some time; a key is not turned into a contract often.
    async fn is_plain(&self, account: Address) -> Result<bool, ChainError> {
        let height = self.read().head().map_or(0, |block| block.number);
        if self.plain.knows(account, height) {
            return Ok(true);
        }
        let plain = !self.chain.has_code(account).await?;
        if plain {
            self.plain.learn(account, height);
        }
        Ok(plain)
    }
}
