//! Accounts.

use alloy::primitives::Address;
use canut_protocol::{Nrlc, Score, ledger::Account, settlement::KITTY};

use super::Hub;
use crate::{
    Result,
    bindings::{IHub, RLC},
    call,
    convert::small,
};

impl Hub {
    /// Balances of an account on the hub.
    pub async fn account(&self, account: Address) -> Result<Account> {
        let answer = self.ask(IHub::viewAccountCall { account }).await?;
        Ok(Account {
            stake: Nrlc(answer.stake),
            locked: Nrlc(answer.locked),
        })
    }

    /// What is in the kitty.
    pub async fn kitty(&self) -> Result<Nrlc> {
        Ok(self.account(KITTY).await?.locked)
    }

    /// Score of a worker.
    pub async fn score(&self, worker: Address) -> Result<Score> {
        let score = self.ask(IHub::viewScoreCall { worker }).await?;
        self.fit(small(score).map(Score), "viewScore")
    }

    /// Staked RLC there is: as much as the hub keeps of the token.
    pub async fn total_supply(&self) -> Result<Nrlc> {
        Ok(Nrlc(self.ask(IHub::totalSupplyCall {}).await?))
    }

    /// Staked RLC that `spender` may take from `account`.
    pub async fn allowance(&self, account: Address, spender: Address) -> Result<Nrlc> {
        Ok(Nrlc(
            self.ask(IHub::allowanceCall { account, spender }).await?,
        ))
    }

    /// What an account has of the token itself, outside the hub.
    pub async fn token_balance(&self, account: Address) -> Result<Nrlc> {
        let question = RLC::balanceOfCall { account };
        Ok(Nrlc(
            call::read(&self.provider, self.deployment.token, question).await?,
        ))
    }

    /// Who owns the hub; nobody, once the ownership was renounced.
    pub async fn owner(&self) -> Result<Option<Address>> {
        let owner = self.ask(IHub::ownerCall {}).await?;
        Ok((owner != Address::ZERO).then_some(owner))
    }

    /// Who authorises contributions from enclaves in place of schedulers.
    pub async fn tee_broker(&self) -> Result<Option<Address>> {
        let broker = self.ask(IHub::teebrokerCall {}).await?;
        Ok((broker != Address::ZERO).then_some(broker))
    }

    /// Gas given to a deal's callback.
    pub async fn callback_gas(&self) -> Result<u64> {
        let gas = self.ask(IHub::callbackgasCall {}).await?;
        self.fit(small(gas), "callbackgas")
    }
}
