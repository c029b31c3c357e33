//! What only the owner of the hub may do. None of it reaches anybody's money.

use alloy::primitives::{Address, U256};
use canut_protocol::category::Category;

use super::{Caller, Receipt};
use crate::{Event, Result, bindings::IHub};

impl Caller {
    /// Adds a category. The value is its id.
    pub async fn create_category(&self, category: &Category) -> Result<Receipt<U256>> {
        let call = IHub::createCategoryCall {
            name: category.name.clone(),
            description: category.description.clone(),
            workClockTimeRef: U256::from(category.work_clock_time_ref),
        };
        let receipt = self.call(call).await?;
        self.found(receipt, "CreateCategory", |event| match event {
            Event::CategoryCreated { id, .. } => Some(*id),
            _ => None,
        })
    }

    /// Sets who authorises contributions from enclaves; `None` for the schedulers.
    pub async fn set_tee_broker(&self, broker: Option<Address>) -> Result<Receipt> {
        self.call(IHub::setTeeBrokerCall {
            broker: broker.unwrap_or_default(),
        })
        .await
    }

    /// Sets the gas given to a deal's callback.
    pub async fn set_callback_gas(&self, gas: u64) -> Result<Receipt> {
        self.call(IHub::setCallbackGasCall {
            gas: U256::from(gas),
        })
        .await
    }

    /// Hands the ownership over, for instance to a timelock; `None` renounces it for good.
    pub async fn transfer_ownership(&self, to: Option<Address>) -> Result<Receipt> {
        match to {
            Some(to) => {
                self.call(IHub::transferOwnershipCall { newOwner: to })
                    .await
            }
            None => self.call(IHub::renounceOwnershipCall {}).await,
        }
    }
}
