//! A whole market on an EVM in memory: hub, token, registries, one asset of each kind, and people with money.

pub mod certificate;
mod deploy;
mod flow;
mod orders;
mod stage;

use alloy::primitives::{Address, B256, Bytes, TxKind, U256};
use alloy::sol_types::SolCall;

pub use deploy::{Coin, Side};
pub use flow::{Ballot, authorization, digest, enclave_sign, result_hash, result_seal, task_id};
pub use orders::{NO_DATASET_HASH, Operation, Order, Orders, domain_separator};
pub use stage::{APP_PRICE, CATEGORY, DATASET_PRICE, DEPOSIT, POOL_PRICE, RLC, TIME_REF};

use crate::abi::{Account, Hub, Token};
use crate::actor::Actor;
use crate::artifact::{Artifact, ArtifactError};
use crate::journal::{Entry, Names};
use crate::outcome::Outcome;
use crate::world::World;

/// The account that holds seized stakes.
pub const KITTY: Address = alloy::primitives::address!("99c2268479b93fDe36232351229815DF80837e23");

/// A market and the world it stands in. A clone is a snapshot.
#[derive(Clone, Debug)]
pub struct Market {
    /// The chain.
    pub world: World,
    /// Whose contracts these are.
    pub side: Side,
    /// The hub.
    pub hub: Address,
    /// The RLC token.
    pub token: Address,
    /// The app registry.
    pub app_registry: Address,
    /// The dataset registry.
    pub dataset_registry: Address,
    /// The workerpool registry.
    pub pool_registry: Address,
    /// An app of [`Actor::AppOwner`].
    pub app: Address,
    /// A dataset of [`Actor::DatasetOwner`].
    pub dataset: Address,
    /// A workerpool of [`Actor::Scheduler`].
    pub pool: Address,
    /// What is called how, so that two sides can be compared.
    pub names: Names,
    /// Whose money is recorded in the journal, beside everybody's.
    pub watched: Vec<Address>,
    journal: Option<Vec<Entry>>,
    salts: u64,
}

impl Market {
    /// Deploys a market of `side`'s contracts and stages it: five categories, an app, a dataset and a workerpool,
    /// and [`DEPOSIT`] staked by everybody but the stranger.
    ///
    /// # Errors
    ///
    /// When the compiled contracts are not there.
    pub fn deploy(side: Side, coin: Coin) -> Result<Self, ArtifactError> {
        Self::deploy_in(World::default(), side, coin)
    }

    /// The same in a world where something has happened already.
    ///
    /// # Errors
    ///
    /// When the compiled contracts are not there.
    pub fn deploy_in(world: World, side: Side, coin: Coin) -> Result<Self, ArtifactError> {
        let mut market = Self::bare_in(world, side, coin)?;
        stage::set(&mut market);
        Ok(market)
    }

    /// A deployed and configured market, without categories, assets or money.
    ///
    /// # Errors
    ///
    /// When the compiled contracts are not there.
    pub fn bare(side: Side, coin: Coin) -> Result<Self, ArtifactError> {
        Self::bare_in(World::default(), side, coin)
    }

    /// The same with a token that is there already.
    ///
    /// # Errors
    ///
    /// When the compiled contracts are not there.
    pub fn with_token(side: Side, token: Address, world: World) -> Result<Self, ArtifactError> {
        Self::bare_in(world, side, Coin::Other(token))
    }

    fn bare_in(world: World, side: Side, coin: Coin) -> Result<Self, ArtifactError> {
        let mut market = Self::unconfigured_in(world, side, coin)?;
        stage::configure(&mut market);
        Ok(market)
    }

    /// Deployed contracts that nobody has configured yet.
    ///
    /// # Errors
    ///
    /// When the compiled contracts are not there.
    pub fn unconfigured(side: Side, coin: Coin) -> Result<Self, ArtifactError> {
        Self::unconfigured_in(World::default(), side, coin)
    }

    /// The same in a world where something has happened already.
    ///
    /// # Errors
    ///
    /// When the compiled contracts are not there.
    pub fn unconfigured_in(
        mut world: World,
        side: Side,
        coin: Coin,
    ) -> Result<Self, ArtifactError> {
        for actor in Actor::all() {
            world.fund(actor.address(), U256::from(10).pow(U256::from(21)));
        }
        let contracts = deploy::deploy(&mut world, side, coin)?;
        let [app_registry, dataset_registry, pool_registry] = contracts.registries;
        Ok(Self {
            world,
            side,
            hub: contracts.hub,
            token: contracts.token,
            app_registry,
            dataset_registry,
            pool_registry,
            app: Address::ZERO,
            dataset: Address::ZERO,
            pool: Address::ZERO,
            names: Names::default(),
            watched: Vec::new(),
            journal: None,
            salts: 0,
        })
    }

    /// Sends a transaction to the hub.
    pub fn send<C: SolCall>(&mut self, from: impl Into<Address>, call: C) -> Outcome {
        self.send_to(from, self.hub, call)
    }

    /// Sends a transaction to any contract.
    pub fn send_to<C: SolCall>(
        &mut self,
        from: impl Into<Address>,
        to: Address,
        call: C,
    ) -> Outcome {
        self.send_raw(from, to, C::SIGNATURE, &call.abi_encode(), U256::ZERO)
    }

    /// Sends any bytes and money to any account. `what` names it in the journal.
    pub fn send_raw(
        &mut self,
        from: impl Into<Address>,
        to: Address,
        what: &str,
        data: &[u8],
        wei: U256,
    ) -> Outcome {
        let (from, data) = (from.into(), Bytes::copy_from_slice(data));
        let outcome = self.world.send(from, TxKind::Call(to), data.clone(), wei);
        self.record(what, (from, to, data), &outcome, true);
        outcome
    }

    /// Deploys a contract of `contracts/mocks` and gives it a name.
    ///
    /// # Panics
    ///
    /// When it is not there or its constructor reverts.
    pub fn install(&mut self, mock: &str, name: &str) -> Address {
        let code = Artifact::mock(mock).and_then(|contract| contract.code(&[]));
        let code = code.expect("contracts/mocks are compiled");
        let (address, _) = self.world.deploy(Actor::Admin.address(), code);
        self.names.name(address, name);
        address
    }

    /// Calls the hub without a transaction, as a stranger; the journal hears of it.
    pub fn ask<C: SolCall>(&mut self, call: C) -> Outcome {
        self.ask_of(self.hub, call)
    }

    /// Calls any contract without a transaction, as a stranger; the journal hears of it.
    pub fn ask_of<C: SolCall>(&mut self, to: Address, call: C) -> Outcome {
        let (from, data) = (Actor::Stranger.address(), Bytes::from(call.abi_encode()));
        let outcome = self.world.call(from, to, data.clone());
        self.record(C::SIGNATURE, (from, to, data), &outcome, false);
        outcome
    }

    /// Reads from the hub, off the record.
    #[track_caller]
    pub fn view<C: SolCall>(&self, call: C) -> C::Return {
        self.view_of(self.hub, call)
    }

    /// Reads from any contract, off the record.
    #[track_caller]
    pub fn view_of<C: SolCall>(&self, to: Address, call: C) -> C::Return {
        self.world
            .call(Actor::Stranger.address(), to, call.abi_encode().into())
            .returned::<C>()
    }

    /// Reads many things from the hub at once, off the record: much faster than one by one.
    pub fn views<C: SolCall>(&self, calls: impl IntoIterator<Item = C>) -> Vec<C::Return> {
        let calls = calls
            .into_iter()
            .map(|call| (self.hub, call.abi_encode().into()));
        let mut answers = Vec::new();
        self.world
            .calls(Actor::Stranger.address(), calls, |answer| {
                answers.push(answer.returned::<C>())
            });
        answers
    }

    /// What somebody has staked: free and locked.
    #[must_use]
    pub fn account(&self, who: impl Into<Address>) -> Account {
        self.view(Hub::viewAccountCall {
            account: who.into(),
        })
    }

    /// RLC in somebody's wallet, in nRLC.
    #[must_use]
    pub fn wallet(&self, who: impl Into<Address>) -> U256 {
        self.view_of(
            self.token,
            Token::balanceOfCall {
                account: who.into(),
            },
        )
    }

    /// A worker's score.
    #[must_use]
    pub fn score(&self, who: impl Into<Address>) -> U256 {
        self.view(Hub::viewScoreCall { worker: who.into() })
    }

    /// Moves the clock by `seconds`.
    pub fn wait(&mut self, seconds: u64) {
        self.world.set_time(self.world.time() + seconds);
    }

    /// Starts writing down what happens.
    pub fn start_journal(&mut self) {
        self.journal = Some(Vec::new());
    }

    /// Does something that the journal shall not hear of.
    pub fn off_the_record<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        let journal = self.journal.take();
        let done = act(self);
        self.journal = journal;
        done
    }

    /// What happened since [`start_journal`](Self::start_journal).
    #[must_use]
    pub fn journal(&self) -> &[Entry] {
        self.journal.as_deref().unwrap_or_default()
    }

    /// The separator of the hub's EIP-712 domain, computed here.
    #[must_use]
    pub fn domain(&self) -> B256 {
        domain_separator(self.world.chain_id, self.hub)
    }

    fn record(
        &mut self,
        what: &str,
        (from, to, data): (Address, Address, Bytes),
        outcome: &Outcome,
        with_money: bool,
    ) {
        if self.journal.is_none() {
            return;
        }
        let money = if with_money { self.money() } else { Vec::new() };
        let (what, outcome, time) = (what.to_owned(), outcome.clone(), self.world.time());
        if let Some(journal) = &mut self.journal {
            journal.push(Entry {
                what,
                from,
                to,
                data,
                time,
                outcome,
                money,
            });
        }
    }

    /// Everybody's money and score: free stake, locked stake, wallet, score.
    fn money(&self) -> Vec<(Address, [U256; 4])> {
        let everybody = Actor::all().map(Actor::address).chain([KITTY, self.hub]);
        let everybody: Vec<_> = everybody.chain(self.watched.iter().copied()).collect();
        let questions = everybody.iter().flat_map(|&who| {
            let stake = Hub::viewAccountCall { account: who }.abi_encode();
            let wallet = Token::balanceOfCall { account: who }.abi_encode();
            let score = Hub::viewScoreCall { worker: who }.abi_encode();
            [
                (self.hub, stake.into()),
                (self.token, wallet.into()),
                (self.hub, score.into()),
            ]
        });
        let mut words = Vec::with_capacity(4 * everybody.len());
        self.world
            .calls(Actor::Stranger.address(), questions, |answer| {
                let answer = answer.result.expect("a view answers");
                words.extend(answer.chunks(32).map(U256::from_be_slice));
            });
        let money = words.as_chunks::<4>().0.iter().copied();
        everybody.iter().copied().zip(money).collect()
    }
}
