//! Orders, deals and categories.

use alloy::primitives::{Address, B256, Bytes, U256};
use canut_protocol::{
    Deal, DealId, Order, OrderHash,
    category::Category,
    matching::{Consumed, Orders},
};

use super::Hub;
use crate::{Error, Refusal, Result, bindings::IHub, convert};

impl Hub {
    /// A deal; `None` when there is none of that id.
    pub async fn deal(&self, id: DealId) -> Result<Option<Deal>> {
        let answer = self.ask(IHub::viewDealCall { id: id.0 }).await?;
        let deal = self.fit(convert::deal(answer), "viewDeal")?;
        Ok((deal.bot_size > 0).then_some(deal))
    }

    /// How much of an order is consumed or closed.
    pub async fn consumed(&self, order: OrderHash) -> Result<U256> {
        self.ask(IHub::viewConsumedCall { id: order.0 }).await
    }

    /// How much is left of an order: zero when it is used up or closed.
    pub async fn remaining(&self, order: &impl Order) -> Result<U256> {
        let consumed = self.consumed(order.hash(&self.domain())).await?;
        Ok(order.volume().saturating_sub(consumed))
    }

    /// Who presigned an order.
    pub async fn presigner(&self, order: OrderHash) -> Result<Option<Address>> {
        let signer = self.ask(IHub::viewPresignedCall { id: order.0 }).await?;
        Ok((signer != Address::ZERO).then_some(signer))
    }

    /// Whether `account` signed `digest`: by its key, or by its code (ERC-1271). A signature of an impossible length is no
    /// signature.
    pub async fn is_signed(&self, account: Address, digest: B256, sign: Bytes) -> Result<bool> {
        yes(self
            .ask(IHub::verifySignatureCall {
                account,
                digest,
                sign,
            })
            .await)
    }

    /// Whether `account` signed or presigned an order.
    pub async fn is_order_signed(&self, account: Address, order: &impl Order) -> Result<bool> {
        let (digest, sign) = (order.hash(&self.domain()).0, order.sign().clone());
        yes(self
            .ask(IHub::verifyPresignatureOrSignatureCall {
                account,
                digest,
                sign,
            })
            .await)
    }

    /// How many tasks a match would make, as far as volumes go.
    pub async fn deal_volume(&self, orders: &Orders) -> Result<U256> {
        let (apporder, datasetorder, workerpoolorder, requestorder) = convert::orders(orders);
        let question = IHub::computeDealVolumeCall {
            apporder,
            datasetorder,
            workerpoolorder,
            requestorder,
        };
        self.ask(question).await
    }

    /// What is consumed of four orders.
    pub(super) async fn all_consumed(&self, orders: &Orders) -> Result<Consumed> {
        let domain = self.domain();
        let (app, dataset, workerpool, request) = tokio::try_join!(
            self.consumed(orders.app.hash(&domain)),
            self.consumed(orders.dataset_hash(&domain)),
            self.consumed(orders.workerpool.hash(&domain)),
            self.consumed(orders.request.hash(&domain)),
        )?;
        Ok(Consumed {
            app,
            dataset,
            workerpool,
            request,
        })
    }

    /// Whether the owner of a dataset offers it to a deal without one, for processing in bulk; the refusal says why not.
    pub async fn check_dataset(
        &self,
        order: &canut_protocol::DatasetOrder,
        deal: DealId,
    ) -> Result<()> {
        let question = IHub::assertDatasetDealCompatibilityCall {
            datasetOrder: order.into(),
            dealId: deal.0,
        };
        self.ask(question).await.map(|_| ())
    }

    /// Number of categories. They are never removed.
    pub async fn category_count(&self) -> Result<u64> {
        let count = self.ask(IHub::countCategoryCall {}).await?;
        self.fit(convert::small(count), "countCategory")
    }

    /// A category; `None` when there is none of that id.
    pub async fn category(&self, id: u64) -> Result<Option<Category>> {
        match self
            .ask(IHub::viewCategoryCall {
                catid: U256::from(id),
            })
            .await
        {
            Ok(answer) => self
                .fit(convert::category(answer), "viewCategory")
                .map(Some),
            Err(Error::Refused(Refusal::Silent)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All categories, in the order of their ids.
    pub async fn categories(&self) -> Result<Vec<Category>> {
        let mut categories = Vec::new();
        for id in 0..self.category_count().await? {
            categories.extend(self.category(id).await?);
        }
        Ok(categories)
    }
}

/// A signature of an impossible length makes the contract revert; it is a "no" like any other.
fn yes(answer: Result<bool>) -> Result<bool> {
    match answer {
        Err(Error::Refused(Refusal::SignatureFormat)) => Ok(false),
        answer => answer,
    }
}
