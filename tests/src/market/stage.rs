//! Sets the stage: what the reference (section 8.2) and PoCo's own tests start from.

use alloy::primitives::{Address, B256, Bytes, U256, uint};

use super::{KITTY, Market, deploy};
use crate::abi::{Hub, Registry, Token};
use crate::actor::Actor;

/// One RLC, in nRLC.
pub const RLC: U256 = uint!(1_000_000_000_U256);
/// What everybody but the stranger stakes at first, in nRLC.
pub const DEPOSIT: U256 = uint!(100_000_000_000_000_U256);
/// The app's price a task, in nRLC.
pub const APP_PRICE: U256 = uint!(1_000_U256);
/// The dataset's price a task, in nRLC.
pub const DATASET_PRICE: U256 = uint!(1_000_000_U256);
/// The workerpool's price a task, in nRLC.
pub const POOL_PRICE: U256 = uint!(1_000_000_000_U256);
/// The category of every order unless said otherwise.
pub const CATEGORY: u64 = 4;
/// The reference time of [`CATEGORY`], in seconds.
pub const TIME_REF: u64 = 36_000;

const CATEGORIES: [(&str, u64); 5] = [
    ("XS", 300),
    ("S", 1_200),
    ("M", 3_600),
    ("L", 10_800),
    ("XL", TIME_REF),
];

/// Configures registries and hub, and names what was deployed.
pub(super) fn configure(market: &mut Market) {
    let registries = [
        market.app_registry,
        market.dataset_registry,
        market.pool_registry,
    ];
    for (registry, kind) in registries.into_iter().zip(["app", "dataset", "workerpool"]) {
        market
            .send_to(
                Actor::Admin,
                registry,
                Registry::initializeCall {
                    previous: Address::ZERO,
                },
            )
            .succeeds();
        let uri = Registry::setBaseURICall {
            baseUri: format!("https://nfts-metadata.iex.ec/{kind}/31337/"),
        };
        market.send_to(Actor::Admin, registry, uri).succeeds();
        market.names.name(registry, format!("{kind} registry"));
        let master = market.view_of(registry, Registry::masterCall {});
        market.names.name(master, format!("{kind} master"));
    }
    let [apps, datasets, pools] = registries;
    let call = deploy::configuration([market.token, apps, datasets, pools]);
    market.send(Actor::Admin, call).succeeds();
    market.names.name(market.hub, "hub");
    market.names.name(market.token, "token");
    market.names.name(KITTY, "kitty");
    market.names.name(market.domain(), "domain separator");
    for actor in Actor::all() {
        market.names.name(actor.address(), format!("{actor:?}"));
    }
}

/// Categories, assets and money.
pub(super) fn set(market: &mut Market) {
    for (name, seconds) in CATEGORIES {
        let call = Hub::createCategoryCall {
            name: name.into(),
            description: "\"\"".into(),
            workClockTimeRef: U256::from(seconds),
        };
        market.send(Actor::Admin, call).succeeds();
    }
    market.app = market.create_app(Actor::AppOwner, "app");
    market.dataset = market.create_dataset(Actor::DatasetOwner, "dataset");
    market.pool = market.create_pool(Actor::Scheduler, "workerpool");
    for actor in Actor::all().filter(|actor| *actor != Actor::Stranger) {
        market.give(actor, DEPOSIT + U256::from(1_000) * RLC);
        market.stake(actor, DEPOSIT);
    }
}

impl Market {
    /// Gives `who` RLC from the admin's purse, in nRLC.
    pub fn give(&mut self, who: impl Into<Address>, amount: U256) {
        let call = Token::transferCall {
            to: who.into(),
            amount,
        };
        self.send_to(Actor::Admin, self.token, call).succeeds();
    }

    /// Deposits `amount` nRLC of `who`'s wallet into the hub.
    pub fn stake(&mut self, who: impl Into<Address>, amount: U256) {
        let data = Bytes::new();
        let call = Token::approveAndCallCall {
            spender: self.hub,
            amount,
            data,
        };
        self.send_to(who, self.token, call).succeeds();
    }

    /// Registers an app with the fields PoCo's own tests use, and gives it a name.
    pub fn create_app(&mut self, owner: impl Into<Address>, name: &str) -> Address {
        let call = app_call(owner.into(), name);
        let outcome = self.send_to(Actor::Stranger, self.app_registry, call);
        let app = outcome.returned::<Registry::createAppCall>();
        self.names.name(app, name);
        app
    }

    /// Registers a dataset, and gives it a name.
    pub fn create_dataset(&mut self, owner: impl Into<Address>, name: &str) -> Address {
        let call = dataset_call(owner.into(), name);
        let outcome = self.send_to(Actor::Stranger, self.dataset_registry, call);
        let dataset = outcome.returned::<Registry::createDatasetCall>();
        self.names.name(dataset, name);
        dataset
    }

    /// Registers a workerpool, and gives it a name.
    pub fn create_pool(&mut self, owner: impl Into<Address>, name: &str) -> Address {
        let call = pool_call(owner.into(), name);
        let outcome = self.send_to(Actor::Stranger, self.pool_registry, call);
        let pool = outcome.returned::<Registry::createWorkerpoolCall>();
        self.names.name(pool, name);
        pool
    }

    /// Gives an app to a new owner. Off the record: PoCo 6.1 emits one event more here (see `differences`).
    pub fn give_app(&mut self, app: Address, from: Actor, to: impl Into<Address>) {
        self.give_asset(self.app_registry, app, from, to.into());
    }

    /// Gives a workerpool to a new owner. Off the record, as for apps.
    pub fn give_pool(&mut self, pool: Address, from: Actor, to: impl Into<Address>) {
        self.give_asset(self.pool_registry, pool, from, to.into());
    }

    /// Gives a dataset to a new owner. Off the record, as for apps.
    pub fn give_dataset(&mut self, dataset: Address, from: Actor, to: impl Into<Address>) {
        self.give_asset(self.dataset_registry, dataset, from, to.into());
    }

    fn give_asset(&mut self, registry: Address, asset: Address, from: Actor, to: Address) {
        let token = asset.into_word().into();
        let call = Registry::transferFromCall {
            from: from.address(),
            to,
            tokenId: token,
        };
        self.off_the_record(|m| m.send_to(from, registry, call))
            .succeeds();
    }
}

/// The registration of an app.
#[must_use]
pub(crate) fn app_call(owner: Address, name: &str) -> Registry::createAppCall {
    Registry::createAppCall {
        appOwner: owner,
        appName: format!("my-{name}"),
        appType: "APP_TYPE_0".into(),
        appMultiaddr: Bytes::from_static(b"multiaddr"),
        appChecksum: B256::repeat_byte(0x11),
        appMREnclave: Bytes::from_static(b"enclave"),
    }
}

fn dataset_call(owner: Address, name: &str) -> Registry::createDatasetCall {
    Registry::createDatasetCall {
        datasetOwner: owner,
        datasetName: format!("my-{name}"),
        datasetMultiaddr: Bytes::from_static(b"multiaddr"),
        datasetChecksum: B256::repeat_byte(0x22),
    }
}

fn pool_call(owner: Address, name: &str) -> Registry::createWorkerpoolCall {
    Registry::createWorkerpoolCall {
        workerpoolOwner: owner,
        workerpoolDescription: format!("my-{name}"),
    }
}
