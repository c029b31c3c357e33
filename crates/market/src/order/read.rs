//! Reading an order from outside.

use alloy_primitives::U256;
use canut_protocol::{matching::MAX_PARAMS, order::OrderKind};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{AnyOrder, kind_name};

/// Largest integer of an order that the API takes: 2⁵³ − 1, the largest that JavaScript holds exactly.
pub(crate) const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Longest signature taken, in bytes: contracts may ask for more than the 65 of a key, within reason.
const MAX_SIGN: usize = 4_096;

/// Why what came is no order.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("this is no {kind}: {cause}", kind = kind_name(*.0), cause = .1)]
    Shape(OrderKind, serde_json::Error),
    #[error("{0} of the order is {1}, more than the {MAX_INTEGER} that clients can read: lower it")]
    TooLarge(&'static str, U256),
    #[error("the order is for nothing: give it a volume of 1 or more")]
    NoVolume,
    #[error("the order carries no signature: add `sign`, or `0x` when it is presigned on chain")]
    NoSign,
    #[error("the signature has {0} bytes, at most {MAX_SIGN} are taken: sign the order again")]
    LongSign(usize),
    #[error(
        "the params have {0} bytes, a deal holds {MAX_PARAMS}: put them in a file and pass its address"
    )]
    LongParams(usize),
}

/// Reads an order of that kind: every field must be there, addresses in any case, integers as numbers or decimal strings.
pub(crate) fn read(kind: OrderKind, value: &Value) -> Result<AnyOrder, ReadError> {
    // A missing signature is read as an empty one, which means "presigned": say so explicitly.
    if value.is_object() && value.get("sign").is_none() {
        return Err(ReadError::NoSign);
    }
    let order = match kind {
        OrderKind::App => AnyOrder::App(parse(kind, value)?),
        OrderKind::Dataset => AnyOrder::Dataset(parse(kind, value)?),
        OrderKind::Workerpool => AnyOrder::Workerpool(parse(kind, value)?),
        OrderKind::Request => AnyOrder::Request(parse(kind, value)?),
    };
    check(&order)?;
    Ok(order)
}

fn parse<T: DeserializeOwned>(kind: OrderKind, value: &Value) -> Result<T, ReadError> {
    T::deserialize(value).map_err(|cause| ReadError::Shape(kind, cause))
}

fn check(order: &AnyOrder) -> Result<(), ReadError> {
    let large = integers(order)
        .into_iter()
        .find(|(_, value)| *value > U256::from(MAX_INTEGER));
    if let Some((name, value)) = large {
        return Err(ReadError::TooLarge(name, value));
    }
    if order.volume().is_zero() {
        return Err(ReadError::NoVolume);
    }
    if order.sign().len() > MAX_SIGN {
        return Err(ReadError::LongSign(order.sign().len()));
    }
    match order {
        AnyOrder::Request(request) if request.params.len() > MAX_PARAMS => {
            Err(ReadError::LongParams(request.params.len()))
        }
        _ => Ok(()),
    }
}

fn integers(order: &AnyOrder) -> Vec<(&'static str, U256)> {
    match order {
        AnyOrder::App(order) => vec![("appprice", order.appprice.0), ("volume", order.volume)],
        AnyOrder::Dataset(order) => {
            vec![
                ("datasetprice", order.datasetprice.0),
                ("volume", order.volume),
            ]
        }
        AnyOrder::Workerpool(order) => vec![
            ("workerpoolprice", order.workerpoolprice.0),
            ("volume", order.volume),
            ("category", order.category),
            ("trust", order.trust.0),
        ],
        AnyOrder::Request(order) => vec![
            ("appmaxprice", order.appmaxprice.0),
            ("datasetmaxprice", order.datasetmaxprice.0),
            ("workerpoolmaxprice", order.workerpoolmaxprice.0),
            ("volume", order.volume),
            ("category", order.category),
            ("trust", order.trust.0),
        ],
    }
}
