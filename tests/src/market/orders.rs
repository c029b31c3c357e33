//! Orders: sane defaults, EIP-712 digests computed here, signatures.

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::sol_types::{SolStruct, eip712_domain};

use super::Market;
use super::stage::{APP_PRICE, CATEGORY, DATASET_PRICE, POOL_PRICE};
use crate::abi::{AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder};
use crate::actor::Actor;

/// What stands for the dataset order's digest when there is none.
pub const NO_DATASET_HASH: B256 = B256::ZERO;

/// The orders as EIP-712 hashes them: without their signatures.
mod typed {
    use alloy::sol;

    sol! {
        struct AppOrder { address app; uint256 appprice; uint256 volume; bytes32 tag; address datasetrestrict; address workerpoolrestrict; address requesterrestrict; bytes32 salt; }
        struct DatasetOrder { address dataset; uint256 datasetprice; uint256 volume; bytes32 tag; address apprestrict; address workerpoolrestrict; address requesterrestrict; bytes32 salt; }
        struct WorkerpoolOrder { address workerpool; uint256 workerpoolprice; uint256 volume; bytes32 tag; uint256 category; uint256 trust; address apprestrict; address datasetrestrict; address requesterrestrict; bytes32 salt; }
        struct RequestOrder { address app; uint256 appmaxprice; address dataset; uint256 datasetmaxprice; address workerpool; uint256 workerpoolmaxprice; address requester; uint256 volume; bytes32 tag; uint256 category; uint256 trust; address beneficiary; address callback; string params; bytes32 salt; }
        struct AppOrderOperation { AppOrder order; uint256 operation; }
        struct DatasetOrderOperation { DatasetOrder order; uint256 operation; }
        struct WorkerpoolOrderOperation { WorkerpoolOrder order; uint256 operation; }
        struct RequestOrderOperation { RequestOrder order; uint256 operation; }
    }
}

/// What an owner may do to an order on chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Operation {
    /// Presign it.
    Sign,
    /// Close it for ever.
    Close,
}

/// One of the four orders.
pub trait Order: Clone {
    /// Hash of the struct, without a domain.
    fn struct_hash(&self) -> B256;
    /// Hash of an operation upon the order, without a domain.
    fn operation_hash(&self, operation: U256) -> B256;
    /// Where its signature goes.
    fn sign_mut(&mut self) -> &mut Bytes;
}

macro_rules! order {
    ($order:ident, $operation:ident, $($field:ident),+) => {
        impl $order {
            fn typed(&self) -> typed::$order {
                typed::$order { $($field: self.$field.clone()),+ }
            }
        }

        impl Order for $order {
            fn struct_hash(&self) -> B256 {
                self.typed().eip712_hash_struct()
            }

            fn operation_hash(&self, operation: U256) -> B256 {
                typed::$operation { order: self.typed(), operation }.eip712_hash_struct()
            }

            fn sign_mut(&mut self) -> &mut Bytes {
                &mut self.sign
            }
        }
    };
}

order!(
    AppOrder,
    AppOrderOperation,
    app,
    appprice,
    volume,
    tag,
    datasetrestrict,
    workerpoolrestrict,
    requesterrestrict,
    salt
);
order!(
    DatasetOrder,
    DatasetOrderOperation,
    dataset,
    datasetprice,
    volume,
    tag,
    apprestrict,
    workerpoolrestrict,
    requesterrestrict,
    salt
);
order!(
    WorkerpoolOrder,
    WorkerpoolOrderOperation,
    workerpool,
    workerpoolprice,
    volume,
    tag,
    category,
    trust,
    apprestrict,
    datasetrestrict,
    requesterrestrict,
    salt
);
order!(
    RequestOrder,
    RequestOrderOperation,
    app,
    appmaxprice,
    dataset,
    datasetmaxprice,
    workerpool,
    workerpoolmaxprice,
    requester,
    volume,
    tag,
    category,
    trust,
    beneficiary,
    callback,
    params,
    salt
);

/// Four orders that match.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is the order its type says")]
pub struct Orders {
    pub app: AppOrder,
    pub dataset: DatasetOrder,
    pub pool: WorkerpoolOrder,
    pub request: RequestOrder,
}

impl Orders {
    /// The same without a dataset.
    #[must_use]
    pub fn without_dataset(mut self) -> Self {
        self.dataset = DatasetOrder::default();
        self.request.dataset = Address::ZERO;
        self.request.datasetmaxprice = U256::ZERO;
        self
    }

    /// The same for `tasks` tasks.
    #[must_use]
    pub fn volume(mut self, tasks: u64) -> Self {
        let tasks = U256::from(tasks);
        (
            self.app.volume,
            self.dataset.volume,
            self.pool.volume,
            self.request.volume,
        ) = (tasks, tasks, tasks, tasks);
        self
    }

    /// The same at this trust.
    #[must_use]
    pub fn trust(mut self, trust: u64) -> Self {
        (self.pool.trust, self.request.trust) = (U256::from(trust), U256::from(trust));
        self
    }

    /// The same, all under this tag but the dataset.
    #[must_use]
    pub const fn tag(mut self, tag: B256) -> Self {
        (self.app.tag, self.pool.tag, self.request.tag) = (tag, tag, tag);
        self
    }

    /// The same at these prices a task, in nRLC.
    #[must_use]
    pub const fn prices(mut self, app: U256, dataset: U256, pool: U256) -> Self {
        (self.app.appprice, self.request.appmaxprice) = (app, app);
        (self.dataset.datasetprice, self.request.datasetmaxprice) = (dataset, dataset);
        (self.pool.workerpoolprice, self.request.workerpoolmaxprice) = (pool, pool);
        self
    }
}

impl Market {
    /// Fresh orders of one task, for everybody's own asset, at the stage's prices and trust 0; not signed.
    pub fn orders(&mut self) -> Orders {
        let one = U256::ONE;
        let app = AppOrder {
            app: self.app,
            appprice: APP_PRICE,
            volume: one,
            salt: self.salt(),
            ..AppOrder::default()
        };
        let dataset = DatasetOrder {
            dataset: self.dataset,
            datasetprice: DATASET_PRICE,
            volume: one,
            salt: self.salt(),
            ..DatasetOrder::default()
        };
        let pool = WorkerpoolOrder {
            workerpool: self.pool,
            workerpoolprice: POOL_PRICE,
            volume: one,
            category: U256::from(CATEGORY),
            salt: self.salt(),
            ..WorkerpoolOrder::default()
        };
        let request = RequestOrder {
            app: self.app,
            appmaxprice: APP_PRICE,
            dataset: self.dataset,
            datasetmaxprice: DATASET_PRICE,
            workerpoolmaxprice: POOL_PRICE,
            requester: Actor::Requester.address(),
            volume: one,
            category: U256::from(CATEGORY),
            salt: self.salt(),
            ..RequestOrder::default()
        };
        Orders {
            app,
            dataset,
            pool,
            request,
        }
    }

    /// Has everybody sign his order.
    #[must_use]
    pub fn signed(&mut self, mut orders: Orders) -> Orders {
        self.sign(&mut orders.app, Actor::AppOwner);
        if !orders.dataset.dataset.is_zero() {
            self.sign(&mut orders.dataset, Actor::DatasetOwner);
        }
        self.sign(&mut orders.pool, Actor::Scheduler);
        self.sign(&mut orders.request, Actor::Requester);
        orders
    }

    /// Has `signer` sign an order.
    pub fn sign<O: Order>(&mut self, order: &mut O, signer: Actor) {
        let digest = self.digest(order);
        let signature = signer.sign(digest);
        self.names.number(signature.clone(), "signature");
        *order.sign_mut() = signature;
    }

    /// Has `signer` sign an operation upon an order.
    pub fn sign_operation<O: Order>(
        &mut self,
        order: &O,
        operation: Operation,
        signer: Actor,
    ) -> Bytes {
        signer.sign(self.operation_digest(order, operation))
    }

    /// What is signed for an operation upon an order.
    pub fn operation_digest<O: Order>(&mut self, order: &O, operation: Operation) -> B256 {
        let digest = self.typed(order.operation_hash(U256::from(operation as u8)));
        self.names.number(digest, "operation");
        digest
    }

    /// The digest of an order: what is signed, consumed and named in events.
    pub fn digest<O: Order>(&mut self, order: &O) -> B256 {
        let digest = self.typed(order.struct_hash());
        self.names.number(digest, "order");
        digest
    }

    fn typed(&self, struct_hash: B256) -> B256 {
        keccak256([b"\x19\x01", &self.domain()[..], &struct_hash[..]].concat())
    }

    /// A salt that nobody used before; the same on both sides.
    pub fn salt(&mut self) -> B256 {
        self.salts += 1;
        keccak256(self.salts.to_be_bytes())
    }
}

/// The separator of the domain `iExecODB` `5.0.0`.
#[must_use]
pub fn domain_separator(chain_id: u64, hub: Address) -> B256 {
    eip712_domain! { name: "iExecODB", version: "5.0.0", chain_id: chain_id, verifying_contract: hub, }.separator()
}
