//! Matching orders, in all the shapes of the reference (section 8.4).

use alloy::primitives::{Address, B256, Bytes, U256};
use canut_tests::abi::{
    AppOrderOperation, DatasetOrderOperation, Hub, RequestOrderOperation, WorkerpoolOrderOperation,
};
use canut_tests::actor::Actor;
use canut_tests::market::{Market, Orders};

use super::sheet::Sheet;

const TEE: B256 = B256::with_last_byte(1);

pub(crate) fn measure(sheet: &mut Sheet, steady: &Market) {
    sheet.part("matchOrders");
    let gas = |change: fn(Orders) -> Orders| {
        let mut m = steady.clone();
        let orders = change(m.orders());
        let orders = m.signed(orders);
        m.match_orders(&orders).ok().gas
    };
    sheet.row("without a dataset", gas(Orders::without_dataset));
    sheet.keyed("match", "with a dataset", gas(|orders| orders));
    sheet.row("  and a beneficiary", gas(beneficiary));
    sheet.row(
        "  and a beneficiary and a callback",
        gas(|o| callback(beneficiary(o))),
    );
    sheet.row("  and params of 31 bytes", gas(|o| params(o, 31)));
    sheet.row("  and params of 200 bytes", gas(|o| params(o, 200)));
    let production = |o| params(callback(beneficiary(o)), 200).tag(TEE);
    sheet.row(
        "  and all of these in an enclave: the usual in production",
        gas(production),
    );
    sheet.row("a bag of 100", gas(|orders| orders.volume(100)));
    sheet.row("sponsorMatchOrders", sponsored(&mut steady.clone()));
    sheet.row("orders for assets used before", used(&mut steady.clone()));
    sheet.row("all four orders presigned", presigned(&mut steady.clone()));
}

fn beneficiary(mut orders: Orders) -> Orders {
    orders.request.beneficiary = Actor::Beneficiary.address();
    orders
}

fn callback(mut orders: Orders) -> Orders {
    orders.request.callback = Address::repeat_byte(0xca);
    orders
}

pub(crate) fn params(mut orders: Orders, length: usize) -> Orders {
    orders.request.params = "p".repeat(length);
    orders
}

fn sponsored(m: &mut Market) -> u64 {
    let orders = m.orders();
    let orders = m.signed(orders);
    m.sponsor_from(Actor::Sponsor, &orders).ok().gas
}

/// The app's, the dataset's and the workerpool's orders have been matched before.
fn used(m: &mut Market) -> u64 {
    let mut orders = m.orders();
    let many = U256::from(100);
    (orders.app.volume, orders.dataset.volume, orders.pool.volume) = (many, many, many);
    m.deal(orders.clone());
    orders.request = m.orders().request;
    let orders = m.signed(orders);
    m.match_orders(&orders).ok().gas
}

fn presigned(m: &mut Market) -> u64 {
    let orders = m.orders();
    let (operation, sign) = (0, Bytes::new());
    let Orders {
        app,
        dataset,
        pool,
        request,
    } = orders.clone();
    let app = AppOrderOperation {
        order: app,
        operation,
        sign: sign.clone(),
    };
    m.send(Actor::AppOwner, Hub::manageAppOrderCall { operation: app })
        .succeeds();
    let dataset = DatasetOrderOperation {
        order: dataset,
        operation,
        sign: sign.clone(),
    };
    m.send(
        Actor::DatasetOwner,
        Hub::manageDatasetOrderCall { operation: dataset },
    )
    .succeeds();
    let pool = WorkerpoolOrderOperation {
        order: pool,
        operation,
        sign: sign.clone(),
    };
    m.send(
        Actor::Scheduler,
        Hub::manageWorkerpoolOrderCall { operation: pool },
    )
    .succeeds();
    let request = RequestOrderOperation {
        order: request,
        operation,
        sign,
    };
    m.send(
        Actor::Requester,
        Hub::manageRequestOrderCall { operation: request },
    )
    .succeeds();
    m.match_orders(&orders).ok().gas
}
