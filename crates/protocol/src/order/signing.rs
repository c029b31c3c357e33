//! EIP-712 hashes of orders.

use alloy_primitives::{B256, Bytes, U256};
use alloy_sol_types::SolStruct;

use super::{AppOrder, DatasetOrder, Operation, RequestOrder, WorkerpoolOrder};
use crate::{Domain, OrderHash, Tag};

/// The four kinds of orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrderKind {
    /// [`AppOrder`].
    App,
    /// [`DatasetOrder`].
    Dataset,
    /// [`WorkerpoolOrder`].
    Workerpool,
    /// [`RequestOrder`].
    Request,
}

/// What the four kinds of orders have in common.
pub trait Order: Clone + Sized {
    /// Which of the four this is.
    const KIND: OrderKind;

    /// Runs offered or asked for.
    fn volume(&self) -> U256;

    /// Requirements.
    fn tag(&self) -> Tag;

    /// The signature.
    fn sign(&self) -> &Bytes;

    /// The same order with another signature.
    #[must_use]
    fn signed(self, sign: impl Into<Bytes>) -> Self;

    /// `hashStruct` of the order (EIP-712); the signature is no part of it.
    fn struct_hash(&self) -> B256;

    /// `hashStruct` of the order together with an operation on it (EIP-712).
    fn operation_struct_hash(&self, operation: Operation) -> B256;

    /// What its owner signs, and what the hub counts consumption and presignatures under.
    fn hash(&self, domain: &Domain) -> OrderHash {
        OrderHash(domain.digest(self.struct_hash()))
    }

    /// What its owner signs for someone else to presign or close it in his name.
    fn operation_hash(&self, operation: Operation, domain: &Domain) -> B256 {
        domain.digest(self.operation_struct_hash(operation))
    }
}

/// The signed types: field order and types are binding (EIP-712). An operation is `uint256` here, although the hub's
/// functions take it as an 8-bit enum.
mod typed {
    alloy_sol_types::sol! {
        struct AppOrder {
            address app; uint256 appprice; uint256 volume; bytes32 tag;
            address datasetrestrict; address workerpoolrestrict; address requesterrestrict; bytes32 salt;
        }
        struct DatasetOrder {
            address dataset; uint256 datasetprice; uint256 volume; bytes32 tag;
            address apprestrict; address workerpoolrestrict; address requesterrestrict; bytes32 salt;
        }
        struct WorkerpoolOrder {
            address workerpool; uint256 workerpoolprice; uint256 volume; bytes32 tag; uint256 category; uint256 trust;
            address apprestrict; address datasetrestrict; address requesterrestrict; bytes32 salt;
        }
        struct RequestOrder {
            address app; uint256 appmaxprice; address dataset; uint256 datasetmaxprice;
            address workerpool; uint256 workerpoolmaxprice; address requester; uint256 volume; bytes32 tag;
            uint256 category; uint256 trust; address beneficiary; address callback; string params; bytes32 salt;
        }
        struct AppOrderOperation { AppOrder order; uint256 operation; }
        struct DatasetOrderOperation { DatasetOrder order; uint256 operation; }
        struct WorkerpoolOrderOperation { WorkerpoolOrder order; uint256 operation; }
        struct RequestOrderOperation { RequestOrder order; uint256 operation; }
    }
}

/// Implements [`Order`]: `plain` fields go to the signed type as they are, `inner` ones are newtypes that do by their content.
macro_rules! order {
    ($name:ident, $operation:ident, $kind:ident, plain: [$($plain:ident),*], inner: [$($inner:ident),*]) => {
        impl From<&$name> for typed::$name {
            fn from(order: &$name) -> Self {
                Self { $($plain: order.$plain.clone(),)* $($inner: order.$inner.0,)* }
            }
        }

        impl Order for $name {
            const KIND: OrderKind = OrderKind::$kind;

            fn volume(&self) -> U256 {
                self.volume
            }

            fn tag(&self) -> Tag {
                self.tag
            }

            fn sign(&self) -> &Bytes {
                &self.sign
            }

            fn signed(self, sign: impl Into<Bytes>) -> Self {
                Self { sign: sign.into(), ..self }
            }

            fn struct_hash(&self) -> B256 {
                typed::$name::from(self).eip712_hash_struct()
            }

            fn operation_struct_hash(&self, operation: Operation) -> B256 {
                let operation = U256::from(operation as u8);
                typed::$operation { order: self.into(), operation }.eip712_hash_struct()
            }
        }
    };
}

order!(
    AppOrder, AppOrderOperation, App,
    plain: [app, volume, datasetrestrict, workerpoolrestrict, requesterrestrict, salt],
    inner: [appprice, tag]
);
order!(
    DatasetOrder, DatasetOrderOperation, Dataset,
    plain: [dataset, volume, apprestrict, workerpoolrestrict, requesterrestrict, salt],
    inner: [datasetprice, tag]
);
order!(
    WorkerpoolOrder, WorkerpoolOrderOperation, Workerpool,
    plain: [workerpool, volume, category, apprestrict, datasetrestrict, requesterrestrict, salt],
    inner: [workerpoolprice, tag, trust]
);
order!(
    RequestOrder, RequestOrderOperation, Request,
    plain: [app, dataset, workerpool, requester, volume, category, beneficiary, callback, params, salt],
    inner: [appmaxprice, datasetmaxprice, workerpoolmaxprice, tag, trust]
);

#[cfg(test)]
mod tests;
