//! With whom an order may match.

use super::*;
use canut_tests::abi::{Hub, Mocks};
use canut_tests::market::Orders;
use canut_tests::outcome::Outcome;

/// A restriction of an order, whom it is about, and the code of its refusal.
struct Restriction {
    code: &'static str,
    field: fn(&mut Orders) -> &mut Address,
    about: fn(&Market) -> Address,
}

fn restrictions() -> [Restriction; 10] {
    fn requester(_: &Market) -> Address {
        Actor::Requester.address()
    }
    let restriction = |code, field, about| Restriction { code, field, about };
    [
        restriction("12", |o| &mut o.request.workerpool, |m| m.pool),
        restriction("13", |o| &mut o.app.datasetrestrict, |m| m.dataset),
        restriction("14", |o| &mut o.app.workerpoolrestrict, |m| m.pool),
        restriction("15", |o| &mut o.app.requesterrestrict, requester),
        restriction("16", |o| &mut o.dataset.apprestrict, |m| m.app),
        restriction("17", |o| &mut o.dataset.workerpoolrestrict, |m| m.pool),
        restriction("18", |o| &mut o.dataset.requesterrestrict, requester),
        restriction("19", |o| &mut o.pool.apprestrict, |m| m.app),
        restriction("1a", |o| &mut o.pool.datasetrestrict, |m| m.dataset),
        restriction("1b", |o| &mut o.pool.requesterrestrict, requester),
    ]
}

/// Matches orders restricted in one place to `to`.
fn matching(m: &mut Market, restriction: &Restriction, to: Address) -> Outcome {
    let mut orders = m.orders();
    *(restriction.field)(&mut orders) = to;
    let orders = m.signed(orders);
    m.match_orders(&orders)
}

fn code(restriction: &Restriction) -> String {
    format!("iExecV5-matchOrders-0x{}", restriction.code)
}

#[test]
fn to_one_account_and_no_other() {
    on_both(|m| {
        for restriction in restrictions() {
            let about = (restriction.about)(m);
            matching(m, &restriction, about).succeeds();
            matching(m, &restriction, nobody()).reverts_with(&code(&restriction));
            matching(m, &restriction, m.token).reverts_with(&code(&restriction));
        }
    });
}

#[test]
fn to_the_members_of_a_group() {
    on_both(|m| {
        for restriction in restrictions() {
            let group = m.install("Group", "group");
            matching(m, &restriction, group).reverts_with(&code(&restriction));
            let key = (restriction.about)(m).into_word();
            let join = |purpose| Mocks::setKeyHasPurposeCall {
                key,
                purpose: n(purpose),
            };
            m.send_to(Actor::Admin, group, join(3)).succeeds();
            matching(m, &restriction, group).reverts_with(&code(&restriction));
            m.send_to(Actor::Admin, group, join(4)).succeeds();
            matching(m, &restriction, group).succeeds();
        }
        assert_eq!(
            m.ask(Hub::groupmember_purposeCall {})
                .returned::<Hub::groupmember_purposeCall>(),
            n(4)
        );
    });
}

#[test]
fn a_group_that_refuses_to_answer_has_no_members() {
    on_both(|m| {
        let (refuser, burner) = (
            m.install("Refuser", "refuser"),
            m.install("Burner", "burner"),
        );
        for restriction in restrictions() {
            matching(m, &restriction, refuser).reverts_with(&code(&restriction));
            matching(m, &restriction, burner).reverts_with(&code(&restriction));
        }
    });
}

#[test]
fn a_group_that_mumbles_stops_the_match() {
    on_both(|m| {
        let (mumbler, liar) = (m.install("Mumbler", "mumbler"), m.install("Liar", "liar"));
        for restriction in restrictions() {
            matching(m, &restriction, mumbler).reverts_empty();
            matching(m, &restriction, liar).reverts_empty();
        }
    });
}

#[test]
fn restrictions_count_without_a_dataset_too() {
    on_both(|m| {
        let mut orders = m.orders().without_dataset();
        orders.dataset.apprestrict = nobody();
        let orders = m.signed(orders);
        m.match_orders(&orders)
            .reverts_with("iExecV5-matchOrders-0x16");
        let mut orders = m.orders().without_dataset();
        orders.app.datasetrestrict = m.dataset;
        let orders = m.signed(orders);
        m.match_orders(&orders)
            .reverts_with("iExecV5-matchOrders-0x13");
    });
}
