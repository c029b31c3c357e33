//! The orders of a call, as the rules know them.

use canut_protocol::matching::Orders;
use canut_protocol::{AppOrder, DatasetOrder, Nrlc, RequestOrder, Tag, Trust, WorkerpoolOrder};
use canut_tests::abi;

pub(in super::super) fn four(
    app: abi::AppOrder,
    dataset: abi::DatasetOrder,
    pool_order: abi::WorkerpoolOrder,
    request_order: abi::RequestOrder,
) -> Orders {
    Orders {
        app: self::app(app),
        dataset: self::dataset(dataset),
        workerpool: pool(pool_order),
        request: request(request_order),
    }
}

pub(in super::super) fn app(order: abi::AppOrder) -> AppOrder {
    AppOrder {
        app: order.app,
        appprice: Nrlc(order.appprice),
        volume: order.volume,
        tag: Tag(order.tag),
        datasetrestrict: order.datasetrestrict,
        workerpoolrestrict: order.workerpoolrestrict,
        requesterrestrict: order.requesterrestrict,
        salt: order.salt,
        sign: order.sign,
    }
}

pub(in super::super) fn dataset(order: abi::DatasetOrder) -> DatasetOrder {
    DatasetOrder {
        dataset: order.dataset,
        datasetprice: Nrlc(order.datasetprice),
        volume: order.volume,
        tag: Tag(order.tag),
        apprestrict: order.apprestrict,
        workerpoolrestrict: order.workerpoolrestrict,
        requesterrestrict: order.requesterrestrict,
        salt: order.salt,
        sign: order.sign,
    }
}

pub(in super::super) fn pool(order: abi::WorkerpoolOrder) -> WorkerpoolOrder {
    WorkerpoolOrder {
        workerpool: order.workerpool,
        workerpoolprice: Nrlc(order.workerpoolprice),
        volume: order.volume,
        tag: Tag(order.tag),
        category: order.category,
        trust: Trust(order.trust),
        apprestrict: order.apprestrict,
        datasetrestrict: order.datasetrestrict,
        requesterrestrict: order.requesterrestrict,
        salt: order.salt,
        sign: order.sign,
    }
}

pub(in super::super) fn request(order: abi::RequestOrder) -> RequestOrder {
    RequestOrder {
        app: order.app,
        appmaxprice: Nrlc(order.appmaxprice),
        dataset: order.dataset,
        datasetmaxprice: Nrlc(order.datasetmaxprice),
        workerpool: order.workerpool,
        workerpoolmaxprice: Nrlc(order.workerpoolmaxprice),
        requester: order.requester,
        volume: order.volume,
        tag: Tag(order.tag),
        category: order.category,
        trust: Trust(order.trust),
        beneficiary: order.beneficiary,
        callback: order.callback,
        params: order.params,
        salt: order.salt,
        sign: order.sign,
    }
}
