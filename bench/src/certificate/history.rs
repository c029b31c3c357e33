//! Workers with a record.

use alloy::{
    primitives::{Address, B256, U256},
    providers::Provider,
    rpc::types::TransactionRequest,
    sol_types::SolCall,
};
use canut_chain::{DEV_MNEMONIC, mnemonic_keys};
use canut_client::Client;
use canut_hub::bindings::IHub;
use eyre::{OptionExt, Result, ensure};

use crate::up::Market;

/// Accounts of `canut up` before its workers'.
const NAMED: usize = 10;
/// The best score, to which a worker comes in as many days.
const BEST: u8 = 32;
/// Where the score is in a worker's word of the hub, in bits (`Bond` in `Store.sol`).
const SCORE_AT: usize = 184;

/// Gives all workers the score that 32 days of right votes give. The days are not waited for: the score is written to the node,
/// as only a development node allows.
pub(super) async fn write(market: &Market, workers: u16) -> Result<()> {
    let client = Client::connect(&market.network).await?;
    let count = NAMED + usize::from(workers);
    for key in mnemonic_keys(DEV_MNEMONIC, u32::try_from(count)?)?
        .iter()
        .skip(NAMED)
    {
        promote(&client, market.workerpool, key.address()).await?;
    }
    Ok(())
}

async fn promote(client: &Client, workerpool: Address, worker: Address) -> Result<()> {
    let hub = client.hub();
    let provider = hub.provider();
    let bond = hub.bond(workerpool, worker).await?;
    ensure!(!bond.amount.is_zero(), "{worker} has no bond");
    let view = IHub::viewBondCall { workerpool, worker };
    let call = TransactionRequest::default()
        .to(hub.address())
        .input(view.abi_encode().into());
    let touched = provider.create_access_list(&call).await?.access_list;
    let mut slots = touched
        .0
        .iter()
        .filter(|item| item.address == hub.address())
        .flat_map(|item| &item.storage_keys);
    // Of what the view reads, the word that begins with the bond.
    let low = (U256::ONE << 72) - U256::ONE;
    let mut found = None;
    for slot in slots.by_ref() {
        let word = provider
            .get_storage_at(hub.address(), (*slot).into())
            .await?;
        if word & low == bond.amount.0 {
            found = Some((*slot, word));
        }
    }
    let (slot, word) = found.ok_or_eyre("the bond is not where it was looked for")?;
    let score = U256::from(BEST) << SCORE_AT;
    let written = (hub.address(), slot, B256::from(word | score));
    let _: bool = provider
        .raw_request("anvil_setStorageAt".into(), written)
        .await?;
    let now = hub.bond(workerpool, worker).await?;
    ensure!(
        now.amount == bond.amount && now.score == BEST,
        "the score was not written where it is read"
    );
    Ok(())
}
