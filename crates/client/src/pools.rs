//! Which pool answers for a workerpool.

use alloy_primitives::Address;
use canut_protocol::DealId;

use crate::{Client, Error, Pool, Result};

impl Client {
    /// The pool of a workerpool: the network's own if it serves it, else the one that the workerpool's owner told the market.
    ///
    /// # Errors
    ///
    /// [`Error::NoPool`] when neither is known; whatever kept the network's pool or the market from answering.
    pub async fn pool_of(&self, workerpool: Address) -> Result<Pool> {
        let silent = match self.pool() {
            None => None,
            Some(pool) => match pool.serves(workerpool).await {
                Ok(true) => return Ok(pool.clone()),
                Ok(false) => None,
                Err(error) => Some(error),
            },
        };
        let told = match self.market() {
            Ok(market) => market.pool_url(workerpool).await,
            Err(_) => Ok(None),
        };
        match (told, silent) {
            (Ok(Some(url)), _) => Pool::new(&url),
            (_, Some(error)) | (Err(error), None) => Err(error),
            (Ok(None), None) => Err(Error::NoPool(workerpool)),
        }
    }

    /// The pool that serves a deal.
    ///
    /// # Errors
    ///
    /// As [`Client::pool_of`]; [`Error::NoDeal`].
    pub async fn pool_of_deal(&self, deal: DealId) -> Result<Pool> {
        let workerpool = self.deal(deal).await?.workerpool.pointer;
        self.pool_of(workerpool).await
    }
}
