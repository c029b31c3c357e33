//! Terms of an order to sell, as options.

use super::common;
use alloy_primitives::{Address, U256};
use canut_client::salt;
use canut_protocol::{AppOrder, DatasetOrder, Nrlc, Tag, Trust, WorkerpoolOrder};
use clap::Args as ClapArgs;

/// What a seller asks, and of whom.
#[derive(Debug, ClapArgs)]
pub(crate) struct Offer {
    /// Price of one run, in RLC or nRLC (2RLC, 1500nRLC; a bare number is nRLC)
    #[arg(long, default_value = "0", value_parser = common::price)]
    price: Nrlc,
    /// Runs for sale
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    volume: u64,
    /// What machines must offer, or do: none, or of tee, scone, gramine, tdx, gpu, joined by commas
    #[arg(long, default_value = "none", value_parser = common::tag)]
    tag: Tag,
    /// Only to this requester
    #[arg(long, value_name = "ADDRESS", default_value_t = Address::ZERO, hide_default_value = true, value_parser = common::address)]
    requester: Address,
}

impl Offer {
    pub(crate) fn app(&self, app: Address, dataset: Address, workerpool: Address) -> AppOrder {
        AppOrder {
            app,
            appprice: self.price,
            volume: U256::from(self.volume),
            tag: self.tag,
            datasetrestrict: dataset,
            workerpoolrestrict: workerpool,
            requesterrestrict: self.requester,
            salt: salt(),
            ..AppOrder::default()
        }
    }

    pub(crate) fn dataset(
        &self,
        dataset: Address,
        app: Address,
        workerpool: Address,
    ) -> DatasetOrder {
        DatasetOrder {
            dataset,
            datasetprice: self.price,
            volume: U256::from(self.volume),
            tag: self.tag,
            apprestrict: app,
            workerpoolrestrict: workerpool,
            requesterrestrict: self.requester,
            salt: salt(),
            ..DatasetOrder::default()
        }
    }

    pub(crate) fn workerpool(
        &self,
        workerpool: Address,
        category: u64,
        trust: Trust,
    ) -> WorkerpoolOrder {
        WorkerpoolOrder {
            workerpool,
            workerpoolprice: self.price,
            volume: U256::from(self.volume),
            tag: self.tag,
            category: U256::from(category),
            trust,
            requesterrestrict: self.requester,
            salt: salt(),
            ..WorkerpoolOrder::default()
        }
    }
}
