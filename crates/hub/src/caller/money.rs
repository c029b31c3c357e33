//! Deposits, withdrawals, transfers.

use alloy::{
    primitives::{Address, Bytes},
    sol_types::SolCall,
};
use canut_protocol::{DealId, Nrlc, matching::Orders};

use super::{Caller, Receipt, orders::matched};
use crate::{
    Result,
    bindings::{IHub, RLC},
    convert,
    hub::Attempt,
};

impl Caller {
    /// Puts RLC of the caller on the hub, in one transaction.
    pub async fn deposit(&self, amount: Nrlc) -> Result<Receipt> {
        self.approve_and_call(amount, Bytes::new()).await
    }

    /// Deposits and matches in one transaction. The caller must be the requester.
    pub async fn deposit_and_match(
        &self,
        amount: Nrlc,
        orders: &Orders,
    ) -> Result<Receipt<DealId>> {
        let (apporder, datasetorder, workerpoolorder, requestorder) = convert::orders(orders);
        let call = IHub::matchOrdersCall {
            apporder,
            datasetorder,
            workerpoolorder,
            requestorder,
        };
        let receipt = match self
            .approve_and_call(amount, call.abi_encode().into())
            .await
        {
            Ok(receipt) => receipt,
            Err(error) => {
                let attempt = Attempt::Match {
                    orders: Box::new(orders.clone()),
                    payer: self.address(),
                };
                return Err(self.hub.explain(error, &[attempt]).await);
            }
        };
        self.found(receipt, "OrdersMatched", matched)
    }

    async fn approve_and_call(&self, amount: Nrlc, data: Bytes) -> Result<Receipt> {
        let spender = self.hub.address();
        let call = RLC::approveAndCallCall {
            spender,
            value: amount.0,
            data,
        };
        self.call_at(self.hub.deployment().token, call).await
    }

    /// Takes free money of the caller off the hub.
    pub async fn withdraw(&self, amount: Nrlc) -> Result<Receipt> {
        self.call(IHub::withdrawCall { amount: amount.0 }).await
    }

    /// Takes free money of the caller off the hub, for another account.
    pub async fn withdraw_to(&self, amount: Nrlc, target: Address) -> Result<Receipt> {
        self.call(IHub::withdrawToCall {
            amount: amount.0,
            target,
        })
        .await
    }

    /// Gives free money on the hub to another account.
    pub async fn transfer(&self, to: Address, amount: Nrlc) -> Result<Receipt> {
        self.call(IHub::transferCall {
            to,
            value: amount.0,
        })
        .await
    }

    /// Lets `spender` take free money of the caller on the hub.
    pub async fn approve(&self, spender: Address, amount: Nrlc) -> Result<Receipt> {
        self.call(IHub::approveCall {
            spender,
            value: amount.0,
        })
        .await
    }

    /// Gives RLC outside the hub to another account.
    pub async fn transfer_token(&self, to: Address, amount: Nrlc) -> Result<Receipt> {
        let call = RLC::transferCall {
            to,
            value: amount.0,
        };
        self.call_at(self.hub.deployment().token, call).await
    }
}
