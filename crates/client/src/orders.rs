//! Signing orders, and taking them to the market and back.

use alloy::signers::SignerSync;
use alloy_primitives::{Address, B256, U256};
use canut_hub::Receipt;
use canut_protocol::{AppOrder, OrderHash, order::Operation, order::OrderKind, signature};

use crate::{Account, Listed, OrderQuery, Result, Target, Tradable, wallet::WalletError};

/// What makes an order distinct: random bytes.
pub fn salt() -> B256 {
    B256::random()
}

/// The largest volume that the market takes.
pub(crate) const ENDLESS: u64 = (1 << 53) - 1;

impl Account {
    /// Signs an order (EIP-712).
    pub fn sign<O: Tradable>(&self, order: O) -> Result<O> {
        let digest = order.hash(&self.hub().domain()).0;
        let sign = self
            .key()
            .sign_hash_sync(&digest)
            .map_err(|_| WalletError::NoKey)?;
        Ok(order.signed(signature::to_bytes(&sign)))
    }

    /// Publishes a signed order of this account.
    pub async fn publish<O: Tradable>(&self, order: &O) -> Result<Listed<O>> {
        self.client().market()?.publish(order, self.key()).await
    }

    /// Takes orders of this account back from the market; the chain does not know.
    pub async fn unpublish(&self, kind: OrderKind, target: Target) -> Result<Vec<OrderHash>> {
        self.client()
            .market()?
            .unpublish(kind, target, self.key())
            .await
    }

    /// Tells the market where a workerpool of this account answers questions about its tasks: a URL of a host. Gives the URL as it
    /// is told to others.
    pub async fn announce_pool(&self, workerpool: Address, url: &str) -> Result<String> {
        let market = self.client().market()?;
        market.announce(workerpool, url, self.key()).await
    }

    /// Closes an order on the chain: nobody can match it any more, wherever copies of it are. It cannot be undone.
    pub async fn cancel<O: Tradable>(&self, order: &O) -> Result<Receipt> {
        Ok(order.manage(self.caller(), Operation::Close).await?)
    }

    /// Lets this account run an app of its own for nothing: publishes an order for itself alone, unless there is one.
    pub(crate) async fn offer_own_app(&self, app: Address, tasks: u64) -> Result<()> {
        let market = self.client().market()?;
        let own = OrderQuery::default()
            .with("app", app)
            .with("requester", self.address())
            .with("isRequesterStrict", true)
            .with("workerpool", "any")
            .with("dataset", "any")
            .with("minVolume", tasks);
        let open = market.orders::<AppOrder>(&own, 10).await?;
        let free = |listed: &Listed<AppOrder>| {
            let order = &listed.order;
            order.appprice.is_zero()
                && order.workerpoolrestrict.is_zero()
                && order.datasetrestrict.is_zero()
        };
        if open.items.iter().any(free) {
            return Ok(());
        }
        let order = AppOrder {
            app,
            volume: U256::from(ENDLESS),
            requesterrestrict: self.address(),
            salt: salt(),
            ..AppOrder::default()
        };
        self.publish(&self.sign(order)?).await?;
        Ok(())
    }
}
