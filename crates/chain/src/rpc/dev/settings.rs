//! How blocks are made.

use super::{
    super::{
        Api,
        errors::RpcResult,
        message::{Params, raw},
    },
    Number,
};
use alloy_primitives::{Address, B256};
use serde_json::value::RawValue;
use std::time::Duration;

impl Api {
    pub(super) async fn setting(
        &self,
        name: &str,
        params: &Params<'_>,
    ) -> RpcResult<Box<RawValue>> {
        match name {
            "setAutomine" => {
                let on: bool = params.get(0)?;
                self.solo
                    .run(move |sealer| sealer.settings.automine = on)
                    .await?;
            }
            "setIntervalMining" => {
                // Hardhat counts milliseconds, and so do we.
                let time = params.get::<Number>(0)?.small()?;
                let time = (time > 0).then(|| Duration::from_millis(time));
                self.solo
                    .run(move |sealer| sealer.set_block_time(time))
                    .await?;
            }
            "setNextBlockBaseFeePerGas" => {
                let fee = params.get::<Number>(0)?.small()?;
                self.solo
                    .run(move |sealer| sealer.settings.next_base_fee = Some(fee))
                    .await?;
                self.shape.write().base_fee = Some(fee);
            }
            "setCoinbase" => {
                let beneficiary: Address = params.get(0)?;
                self.solo
                    .run(move |sealer| sealer.settings.beneficiary = beneficiary)
                    .await?;
                self.shape.write().beneficiary = beneficiary;
            }
            "setPrevRandao" => {
                let value: B256 = params.get(0)?;
                self.solo
                    .run(move |sealer| sealer.settings.next_prev_randao = Some(value))
                    .await?;
            }
            "setBlockGasLimit" => {
                let limit = params.get::<Number>(0)?.small()?;
                self.solo
                    .run(move |sealer| sealer.settings.gas_limit = limit)
                    .await?;
                self.shape.write().gas_limit = limit;
            }
            "dropAllTransactions" => self.pool.clear(),
            // Base fee and log lines are what they are.
            _ => {}
        }
        raw(&true)
    }
}
