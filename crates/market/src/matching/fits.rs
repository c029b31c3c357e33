//! Whether orders fit, two or three at a time.
//!
//! The rule is the hub's, on four orders ([`Orders::check`]). An order that is not at stake is replaced by one that fits
//! everything, so that what is refused is refused because of the others.

use alloy_primitives::{Address, B256, U256};
use canut_protocol::{
    AppOrder, DatasetOrder, RequestOrder, Tag, WorkerpoolOrder,
    matching::{MatchRefusal, Orders},
};

/// An application order that fits all: of the requested application, for nothing, in a TEE where one is needed.
pub(super) fn any_app(request: &RequestOrder, tee: bool) -> AppOrder {
    let tag = if tee || request.tag.is_tee() {
        Tag::TEE
    } else {
        Tag::NONE
    };
    AppOrder {
        app: request.app,
        tag,
        ..AppOrder::default()
    }
}

/// A dataset order that fits all.
pub(super) fn any_dataset(request: &RequestOrder) -> DatasetOrder {
    DatasetOrder {
        dataset: request.dataset,
        ..DatasetOrder::default()
    }
}

/// A workerpool order that fits all: of the workerpool that the request or the other order (`restrict`) names.
fn any_workerpool(request: &RequestOrder, restrict: Address) -> WorkerpoolOrder {
    let workerpool = if restrict == Address::ZERO {
        request.workerpool
    } else {
        restrict
    };
    WorkerpoolOrder {
        workerpool,
        category: request.category,
        trust: request.trust,
        tag: Tag(B256::repeat_byte(0xff)),
        ..WorkerpoolOrder::default()
    }
}

/// Whether some workerpool could run this application order for the request.
pub(crate) fn app_fits(request: &RequestOrder, app: &AppOrder) -> Result<(), MatchRefusal> {
    let orders = Orders {
        app: app.clone(),
        dataset: any_dataset(request),
        workerpool: any_workerpool(request, app.workerpoolrestrict),
        request: request.clone(),
    };
    let refused = check(&orders, U256::MAX);
    // The named workerpool is the one the order allows, and the request allows another.
    refused.map_err(|refusal| match refusal {
        MatchRefusal::OtherWorkerpool => MatchRefusal::AppRefusesWorkerpool,
        other => other,
    })
}

/// Whether some workerpool could use this dataset order for the request.
pub(crate) fn dataset_fits(
    request: &RequestOrder,
    dataset: &DatasetOrder,
) -> Result<(), MatchRefusal> {
    let orders = Orders {
        app: any_app(request, dataset.tag.is_tee()),
        dataset: dataset.clone(),
        workerpool: any_workerpool(request, dataset.workerpoolrestrict),
        request: request.clone(),
    };
    check(&orders, U256::MAX).map_err(|refusal| match refusal {
        MatchRefusal::OtherWorkerpool => MatchRefusal::DatasetRefusesWorkerpool,
        other => other,
    })
}

/// Whether the four fit. Membership of groups is for the hub to say: here only the named address itself is allowed, as in the
/// SDK.
pub(super) fn check(orders: &Orders, categories: U256) -> Result<(), MatchRefusal> {
    orders.check(categories, |_, _| false).map(drop)
}
