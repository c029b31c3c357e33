//! Changing the state between two blocks.

use super::{
    super::{
        Api,
        errors::{RpcError, RpcResult},
        message::raw,
        params::Params,
    },
    Number,
};
use crate::state::{ReadError, StateCache};
use alloy_primitives::{Address, B256, Bytes};
use serde_json::value::RawValue;

type Edit = Box<dyn FnOnce(&mut StateCache<'_>) -> Result<(), ReadError> + Send>;

impl Api {
    pub(super) async fn edit(&self, name: &str, params: &Params<'_>) -> RpcResult<Box<RawValue>> {
        let address: Address = params.get(0)?;
        let edit: Edit = match name {
            "setBalance" => {
                let balance = params.get::<Number>(1)?.0;
                Box::new(move |cache| cache.edit(address, |info| info.balance = balance))
            }
            "addBalance" => {
                let more = params.get::<Number>(1)?.0;
                Box::new(move |cache| {
                    cache.edit(address, |info| {
                        info.balance = info.balance.saturating_add(more)
                    })
                })
            }
            "setNonce" => {
                let nonce = params.get::<Number>(1)?.small()?;
                Box::new(move |cache| cache.edit(address, |info| info.nonce = nonce))
            }
            "setCode" => {
                let code: Bytes = params.get(1)?;
                let code = revm::bytecode::Bytecode::new_raw_checked(code);
                let code =
                    code.map_err(|error| RpcError::params(format!("invalid argument 1: {error}")))?;
                Box::new(move |cache| {
                    cache.edit(address, |info| {
                        info.code_hash = code.hash_slow();
                        info.code = Some(code);
                    })
                })
            }
            _ => {
                let slot = params.get::<Number>(1)?.0;
                let value: B256 = params.get(2)?;
                Box::new(move |cache| cache.set_storage(address, slot, value.into()))
            }
        };
        let forget_pool = name == "setNonce";
        self.solo
            .run(move |sealer| {
                if forget_pool {
                    sealer.pool.forget(&address);
                }
                sealer.patch(edit)
            })
            .await??;
        raw(&true)
    }
}
