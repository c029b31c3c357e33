//! Whether a match would succeed, before it costs anything.

use std::collections::BTreeSet;

use alloy::{
    primitives::{Address, U256},
    sol,
};
use canut_protocol::{
    Nrlc,
    ledger::Move,
    matching::{Match, MatchRefusal, Orders, Owners, Situation},
};

use super::Hub;
use crate::{Refusal, Result, call, events::AssetKind};

sol! {
    /// ERC-734: a group knows its members.
    function keyHasPurpose(bytes32 key, uint256 purpose) external view returns (bool exists);
}

/// Purpose under which a group has its members (PoCo 6.2.0, `groupmember_purpose`).
const MEMBER: u64 = 4;

impl Hub {
    /// The deal that four orders would make now, paid by `payer`, or why they would not: everything the hub checks, in its
    /// order, signatures and balances included.
    pub async fn preflight(&self, orders: &Orders, payer: Address) -> Result<Match> {
        let members = self.members(orders).await?;
        let in_group = |group, account| members.contains(&(group, account));
        let categories = U256::from(self.category_count().await?);
        orders.check(categories, in_group).map_err(Refusal::Match)?;

        let owners = self.owners(orders).await?;
        let situation = Situation {
            domain: self.domain(),
            categories,
            consumed: self.all_consumed(orders).await?,
            owners,
            policy: self.policy(orders.workerpool.workerpool).await?,
            payer,
            now: self.now().await?,
        };
        let made = orders.deal(&situation, in_group).map_err(Refusal::from)?;
        self.affords(&made.moves).await?;
        Ok(made)
    }

    /// Groups named in restrictions, with those of the other orders that are their members.
    async fn members(&self, orders: &Orders) -> Result<BTreeSet<(Address, Address)>> {
        let mut members = BTreeSet::new();
        for rule in orders
            .restrictions()
            .into_iter()
            .filter(|rule| rule.needs_group())
        {
            let question = keyHasPurposeCall {
                key: rule.subject.into_word(),
                purpose: U256::from(MEMBER),
            };
            // What is no group has no members.
            if let Ok(true) = call::read(&self.provider, rule.allowed, question).await {
                members.insert((rule.allowed, rule.subject));
            }
        }
        Ok(members)
    }

    /// Owners of the three assets, after checking that these are registered and that the orders are signed.
    async fn owners(&self, orders: &Orders) -> Result<Owners> {
        let Orders {
            app,
            dataset,
            workerpool,
            request,
        } = orders;
        let owner = self.asset_owner(AssetKind::App, app.app).await?;
        let app_owner = owner.ok_or(Refusal::Match(MatchRefusal::AppUnknown))?;
        signed(
            self.is_order_signed(app_owner, app).await?,
            MatchRefusal::AppUnsigned,
        )?;
        let mut dataset_owner = Address::ZERO;
        if !dataset.is_none() {
            let owner = self
                .asset_owner(AssetKind::Dataset, dataset.dataset)
                .await?;
            dataset_owner = owner.ok_or(Refusal::Match(MatchRefusal::DatasetUnknown))?;
            signed(
                self.is_order_signed(dataset_owner, dataset).await?,
                MatchRefusal::DatasetUnsigned,
            )?;
        }
        let owner = self
            .asset_owner(AssetKind::Workerpool, workerpool.workerpool)
            .await?;
        let workerpool_owner = owner.ok_or(Refusal::Match(MatchRefusal::WorkerpoolUnknown))?;
        signed(
            self.is_order_signed(workerpool_owner, workerpool).await?,
            MatchRefusal::WorkerpoolUnsigned,
        )?;
        signed(
            self.is_order_signed(request.requester, request).await?,
            MatchRefusal::RequestUnsigned,
        )?;
        Ok(Owners {
            app: app_owner,
            dataset: dataset_owner,
            workerpool: workerpool_owner,
        })
    }

    /// Checks that whoever locks money has it, also when payer and scheduler are the same.
    async fn affords(&self, moves: &[Move]) -> Result<()> {
        for (account, _) in moves.iter().map(|step| step.parties()) {
            let locks = moves
                .iter()
                .map(|step| step.parties())
                .filter(|(other, _)| *other == account);
            let needed =
                Nrlc::sum(locks.map(|(_, amount)| amount)).map_err(|_| Refusal::TooLarge)?;
            let free = self.account(account).await?.stake;
            if free < needed {
                return Err(Refusal::TooPoor {
                    account,
                    free,
                    needed,
                }
                .into());
            }
        }
        Ok(())
    }
}

fn signed(is: bool, otherwise: MatchRefusal) -> Result<(), Refusal> {
    if is {
        Ok(())
    } else {
        Err(Refusal::Match(otherwise))
    }
}
