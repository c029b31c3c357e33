//! A market with everyone in it.

use alloy::{
    primitives::{Address, B256, Bytes, U256, keccak256},
    signers::SignerSync,
};
use canut_hub::{App, Ballot, Caller, Dataset, Deployment, Hub, Plan, deploy};
use canut_protocol::{
    AppOrder, DatasetOrder, DealId, Nrlc, Order, RequestOrder, TaskId, Trust, WorkerpoolOrder,
    matching::Orders, result::authorization_digest, signature,
};

use crate::node::{Node, key};

pub(crate) const OWNER: u8 = 1;
pub(crate) const REQUESTER: u8 = 2;
pub(crate) const APP_OWNER: u8 = 3;
pub(crate) const DATASET_OWNER: u8 = 4;
pub(crate) const SCHEDULER: u8 = 5;
pub(crate) const STRANGER: u8 = 6;
/// Seed of the first worker.
pub(crate) const WORKER: u8 = 10;

pub(crate) struct Market {
    pub(crate) node: Node,
    pub(crate) deployment: Deployment,
    pub(crate) owner: Caller,
    pub(crate) app: Address,
    pub(crate) dataset: Address,
    pub(crate) pool: Address,
}

impl Market {
    /// A hub, an app, a dataset and a pool.
    pub(crate) async fn open() -> Self {
        let node = Node::start(&[]).await;
        let sender = node.sender(OWNER).await;
        let plan = Plan::new(sender.address());
        let deployment = deploy(node.provider.clone(), &sender, &plan).await.unwrap();
        let owner = Caller::new(Hub::new(node.provider.clone(), deployment), sender);

        let app = App {
            name: "loom".into(),
            kind: "DOCKER".into(),
            ..App::default()
        };
        let app = owner
            .create_app(address(APP_OWNER), &app)
            .await
            .unwrap()
            .value;
        let dataset = Dataset {
            name: "silk".into(),
            ..Dataset::default()
        };
        let dataset = owner
            .create_dataset(address(DATASET_OWNER), &dataset)
            .await
            .unwrap()
            .value;
        let pool = owner
            .create_workerpool(address(SCHEDULER), "the pool")
            .await
            .unwrap()
            .value;
        Self {
            node,
            deployment,
            owner,
            app,
            dataset,
            pool,
        }
    }

    pub(crate) const fn hub(&self) -> &Hub {
        self.owner.hub()
    }

    /// Somebody with ether, and with 100 RLC on the hub.
    pub(crate) async fn party(&self, seed: u8) -> Caller {
        let party = self.poor(seed).await;
        self.owner
            .transfer_token(party.address(), Nrlc::rlc(100))
            .await
            .unwrap();
        party.deposit(Nrlc::rlc(100)).await.unwrap();
        party
    }

    /// Somebody with ether and nothing else.
    pub(crate) async fn poor(&self, seed: u8) -> Caller {
        Caller::new(self.hub().clone(), self.node.sender(seed).await)
    }

    /// Four signed orders for `volume` tasks at `trust`, that match.
    pub(crate) fn orders(&self, volume: u64, trust: u64, salt: u8) -> Orders {
        let (volume, salt) = (U256::from(volume), B256::repeat_byte(salt));
        let (category, trust) = (U256::ZERO, Trust::new(trust));
        let (app, dataset) = (self.app, self.dataset);
        let app_order = AppOrder {
            app,
            appprice: Nrlc::new(1_000),
            volume,
            salt,
            ..Default::default()
        };
        let dataset_order = DatasetOrder {
            dataset,
            datasetprice: Nrlc::new(1_000_000),
            volume,
            salt,
            ..Default::default()
        };
        let pool_order = WorkerpoolOrder {
            workerpool: self.pool,
            workerpoolprice: Nrlc::rlc(1),
            volume,
            category,
            trust,
            salt,
            ..Default::default()
        };
        let request = RequestOrder {
            app,
            appmaxprice: Nrlc::new(1_000),
            dataset,
            datasetmaxprice: Nrlc::new(1_000_000),
            workerpoolmaxprice: Nrlc::rlc(1),
            requester: address(REQUESTER),
            volume,
            category,
            trust,
            salt,
            ..Default::default()
        };
        self.signed(Orders {
            app: app_order,
            dataset: dataset_order,
            workerpool: pool_order,
            request,
        })
    }

    /// The same orders, signed by those whose orders they are.
    pub(crate) fn signed(&self, orders: Orders) -> Orders {
        Orders {
            app: self.sign(orders.app, APP_OWNER),
            dataset: self.sign(orders.dataset, DATASET_OWNER),
            workerpool: self.sign(orders.workerpool, SCHEDULER),
            request: self.sign(orders.request, REQUESTER),
        }
    }

    pub(crate) fn sign<O: Order>(&self, order: O, seed: u8) -> O {
        let hash = order.hash(&self.hub().domain());
        let signature = key(seed).sign_hash_sync(&hash.0).unwrap();
        order.signed(signature::to_bytes(&signature))
    }

    /// A deal of `volume` tasks at `trust`; requester and scheduler are made for it.
    pub(crate) async fn deal(&self, volume: u64, trust: u64) -> (DealId, Caller) {
        let requester = self.party(REQUESTER).await;
        let scheduler = self.party(SCHEDULER).await;
        let matched = requester
            .match_orders(&self.orders(volume, trust, 1))
            .await
            .unwrap();
        (matched.value, scheduler)
    }

    /// A vote with the scheduler's authorization.
    pub(crate) fn ballot(&self, worker: Address, task: TaskId, result: &str) -> Ballot {
        let digest = authorization_digest(worker, task, Address::ZERO);
        let authorization = signature::to_bytes(&key(SCHEDULER).sign_hash_sync(&digest).unwrap());
        Ballot {
            digest: keccak256(result),
            authorization,
            enclave: Address::ZERO,
            enclave_sign: Bytes::new(),
        }
    }
}

pub(crate) fn address(seed: u8) -> Address {
    key(seed).address()
}
