//! How blocks are made.

use super::{
    super::{Api, errors::RpcResult, message::raw, params::Params},
    Number,
};
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
                self.shape.set_base_fee(params.get::<Number>(0)?.small()?)
            }
            "setCoinbase" => self.shape.set_beneficiary(params.get(0)?),
            "setPrevRandao" => self.shape.set_prev_randao(params.get(0)?),
            "setBlockGasLimit" => self.shape.set_gas_limit(params.get::<Number>(0)?.small()?),
            "dropAllTransactions" => self.pool.clear(),
            // Base fee and log lines are what they are.
            _ => {}
        }
        raw(&true)
    }
}
