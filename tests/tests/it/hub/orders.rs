//! Orders on chain: presigning, closing, broadcasting.

use super::*;
use alloy::primitives::Bytes;
use canut_tests::abi::{
    AppOrder, AppOrderOperation, DatasetOrder, DatasetOrderOperation, Hub, Mocks, RequestOrder,
    RequestOrderOperation, WorkerpoolOrder, WorkerpoolOrderOperation,
};
use canut_tests::market::{Operation, Order};
use canut_tests::outcome::Outcome;

/// What can be said of any order in the same words.
trait Managed: Order {
    const OWNER: Actor;
    const SIGNED: &str;
    const CLOSED: &str;

    fn volume(&self) -> U256;
    fn manage(self, m: &mut Market, from: Actor, operation: Operation, sign: Bytes) -> Outcome;
    fn broadcast(self, m: &mut Market) -> Outcome;
}

macro_rules! managed {
    ($order:ident, $operation:ident, $manage:ident, $broadcast:ident, $owner:expr, $signed:literal, $closed:literal) => {
        impl Managed for $order {
            const OWNER: Actor = $owner;
            const SIGNED: &str = $signed;
            const CLOSED: &str = $closed;

            fn volume(&self) -> U256 {
                self.volume
            }

            fn manage(
                self,
                m: &mut Market,
                from: Actor,
                operation: Operation,
                sign: Bytes,
            ) -> Outcome {
                let operation = $operation {
                    order: self,
                    operation: operation as u8,
                    sign,
                };
                m.send(from, Hub::$manage { operation })
            }

            fn broadcast(self, m: &mut Market) -> Outcome {
                m.send(Actor::Stranger, Hub::$broadcast { order: self })
            }
        }
    };
}

managed!(
    AppOrder,
    AppOrderOperation,
    manageAppOrderCall,
    broadcastAppOrderCall,
    Actor::AppOwner,
    "SignedAppOrder",
    "ClosedAppOrder"
);
managed!(
    DatasetOrder,
    DatasetOrderOperation,
    manageDatasetOrderCall,
    broadcastDatasetOrderCall,
    Actor::DatasetOwner,
    "SignedDatasetOrder",
    "ClosedDatasetOrder"
);
managed!(
    WorkerpoolOrder,
    WorkerpoolOrderOperation,
    manageWorkerpoolOrderCall,
    broadcastWorkerpoolOrderCall,
    Actor::Scheduler,
    "SignedWorkerpoolOrder",
    "ClosedWorkerpoolOrder"
);
managed!(
    RequestOrder,
    RequestOrderOperation,
    manageRequestOrderCall,
    broadcastRequestOrderCall,
    Actor::Requester,
    "SignedRequestOrder",
    "ClosedRequestOrder"
);

fn presigning<O: Managed>(m: &mut Market, order: &O) {
    let digest = m.digest(order);
    let stranger = order
        .clone()
        .manage(m, Actor::Stranger, Operation::Sign, Bytes::new());
    stranger.reverts_with("invalid-signature-format");
    let forged = m.sign_operation(order, Operation::Sign, Actor::Stranger);
    order
        .clone()
        .manage(m, Actor::Stranger, Operation::Sign, forged)
        .reverts_with("invalid-sender-or-signature");
    // A signature for one operation is none for the other.
    let other = m.sign_operation(order, Operation::Close, O::OWNER);
    order
        .clone()
        .manage(m, Actor::Stranger, Operation::Sign, other)
        .reverts_with("invalid-sender-or-signature");
    assert_eq!(m.view(Hub::viewPresignedCall { id: digest }), Address::ZERO);

    let done = order
        .clone()
        .manage(m, O::OWNER, Operation::Sign, Bytes::new())
        .ok();
    assert_eq!(done.event_names(), [O::SIGNED]);
    assert_eq!(done.logs[0].data.data[..], digest[..]);
    let presigner = m.ask(Hub::viewPresignedCall { id: digest });
    assert_eq!(
        presigner.returned::<Hub::viewPresignedCall>(),
        O::OWNER.address()
    );
    let check = Hub::verifyPresignatureCall {
        account: O::OWNER.address(),
        digest,
    };
    assert!(m.ask(check).returned::<Hub::verifyPresignatureCall>());
}

fn closing<O: Managed>(m: &mut Market, order: &O) {
    let digest = m.digest(order);
    let forged = m.sign_operation(order, Operation::Close, Actor::Stranger);
    order
        .clone()
        .manage(m, Actor::Stranger, Operation::Close, forged)
        .reverts_with("invalid-sender-or-signature");
    let consumed = m.ask(Hub::viewConsumedCall { id: digest });
    assert_eq!(consumed.returned::<Hub::viewConsumedCall>(), U256::ZERO);

    // Anyone may bring the owner's signature.
    let sign = m.sign_operation(order, Operation::Close, O::OWNER);
    let done = order
        .clone()
        .manage(m, Actor::Stranger, Operation::Close, sign)
        .ok();
    assert_eq!(done.event_names(), [O::CLOSED]);
    assert_eq!(done.logs[0].data.data[..], digest[..]);
    assert_eq!(m.view(Hub::viewConsumedCall { id: digest }), order.volume());
    order
        .clone()
        .manage(m, O::OWNER, Operation::Close, Bytes::new())
        .succeeds();
}

#[test]
fn an_owner_presigns_his_order() {
    on_both(|m| {
        let orders = m.orders().volume(3);
        presigning(m, &orders.app);
        presigning(m, &orders.dataset);
        presigning(m, &orders.pool);
        presigning(m, &orders.request);
        // Presigned orders need no signature to match.
        m.match_orders(&orders).succeeds();
    });
}

#[test]
fn an_owner_closes_his_order() {
    on_both(|m| {
        let orders = m.orders().volume(3);
        closing(m, &orders.app);
        closing(m, &orders.dataset);
        closing(m, &orders.pool);
        closing(m, &orders.request);
        let orders = m.signed(orders);
        m.match_orders(&orders)
            .reverts_with("iExecV5-matchOrders-0x60");
    });
}

#[test]
fn one_closed_order_of_four_is_enough() {
    for which in 0..4 {
        on_both(|m| {
            let orders = m.orders();
            let orders = m.signed(orders);
            match which {
                0 => closing(m, &orders.app),
                1 => closing(m, &orders.dataset),
                2 => closing(m, &orders.pool),
                _ => closing(m, &orders.request),
            }
            m.match_orders(&orders)
                .reverts_with("iExecV5-matchOrders-0x60");
        });
    }
}

#[test]
fn a_partly_used_order_can_be_closed() {
    on_both(|m| {
        let mut orders = m.orders();
        orders.pool.volume = n(5);
        m.deal(orders.clone());
        closing_used(m, &orders.pool);
        let mut again = m.orders();
        again.pool = orders.pool;
        let again = m.signed(again);
        m.match_orders(&again)
            .reverts_with("iExecV5-matchOrders-0x60");
    });
}

fn closing_used(m: &mut Market, order: &WorkerpoolOrder) {
    let digest = m.digest(order);
    assert_eq!(m.view(Hub::viewConsumedCall { id: digest }), n(1));
    order
        .clone()
        .manage(m, Actor::Scheduler, Operation::Close, Bytes::new())
        .succeeds();
    assert_eq!(m.view(Hub::viewConsumedCall { id: digest }), n(5));
}

#[test]
fn a_presignature_ends_with_the_ownership() {
    on_both(|m| {
        let orders = m.orders();
        let mut orders = m.signed(orders);
        orders.app.sign = Bytes::new();
        orders
            .app
            .clone()
            .manage(m, Actor::AppOwner, Operation::Sign, Bytes::new())
            .succeeds();
        m.give_app(m.app, Actor::AppOwner, Actor::Stranger);
        // Not presigned by today's owner, and not signed: an empty signature has no signature's length.
        m.match_orders(&orders)
            .reverts_with("invalid-signature-format");
        let old = Actor::AppOwner.sign(m.digest(&orders.app));
        orders.app.sign = old;
        m.match_orders(&orders)
            .reverts_with("iExecV5-matchOrders-0x21");
    });
}

#[test]
fn a_contract_manages_the_orders_of_its_assets() {
    on_both(|m| {
        use alloy::sol_types::SolCall;
        let wallet = m.install("Wallet", "wallet");
        let mut order = m.orders().app;
        order.app = m.create_app(wallet, "wallet's app");
        let digest = m.digest(&order);
        // By its signature, of whatever length…
        let operation = m.operation_digest(&order, Operation::Sign);
        let sign = operation.to_vec().into();
        order
            .clone()
            .manage(m, Actor::Stranger, Operation::Sign, sign)
            .succeeds();
        assert_eq!(m.view(Hub::viewPresignedCall { id: digest }), wallet);
        order
            .clone()
            .manage(m, Actor::Stranger, Operation::Close, digest.to_vec().into())
            .reverts_with("invalid-sender-or-signature");
        // …or by its own call.
        let operation = AppOrderOperation {
            order,
            operation: Operation::Close as u8,
            sign: Bytes::new(),
        };
        let data = Hub::manageAppOrderCall { operation }.abi_encode().into();
        let call = Mocks::executeCall {
            target: m.hub,
            data,
        };
        m.send_to(Actor::Admin, wallet, call).succeeds();
        assert_eq!(m.view(Hub::viewConsumedCall { id: digest }), n(1));
    });
}

#[test]
fn an_unknown_operation_is_refused() {
    on_both(|m| {
        let order = m.orders().request;
        let operation = RequestOrderOperation {
            order,
            operation: 2,
            sign: Bytes::new(),
        };
        let call = Hub::manageRequestOrderCall { operation };
        assert!(m.send(Actor::Requester, call).result.is_err());
    });
}

#[test]
fn orders_are_broadcast_unseen() {
    on_both(|m| {
        let mut orders = m.orders();
        orders.request.params = "{\"iexec_args\":\"hello\"}".into();
        let orders = m.signed(orders);
        let done = orders.app.clone().broadcast(m);
        let expected = Hub::BroadcastAppOrder {
            apporder: orders.app,
        };
        assert_eq!(done.events::<Hub::BroadcastAppOrder>(m.hub), [expected]);
        let done = orders.dataset.clone().broadcast(m);
        let expected = Hub::BroadcastDatasetOrder {
            datasetorder: orders.dataset,
        };
        assert_eq!(done.events::<Hub::BroadcastDatasetOrder>(m.hub), [expected]);
        let done = orders.pool.clone().broadcast(m);
        let expected = Hub::BroadcastWorkerpoolOrder {
            workerpoolorder: orders.pool,
        };
        assert_eq!(
            done.events::<Hub::BroadcastWorkerpoolOrder>(m.hub),
            [expected]
        );
        let done = orders.request.clone().broadcast(m);
        let expected = Hub::BroadcastRequestOrder {
            requestorder: orders.request,
        };
        assert_eq!(done.events::<Hub::BroadcastRequestOrder>(m.hub), [expected]);
        RequestOrder::default().broadcast(m).succeeds();
    });
}
