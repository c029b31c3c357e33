//! Staked RLC as an ERC-20.

use super::*;
use alloy::primitives::Bytes;
use canut_tests::abi::{Hub, Mocks};
use canut_tests::market::DEPOSIT;

const TO: Actor = Actor::Stranger;

fn approve(m: &mut Market, amount: U256) {
    m.send(
        Actor::Requester,
        Hub::approveCall {
            spender: TO.address(),
            amount,
        },
    )
    .succeeds();
}

fn allowance(m: &Market) -> U256 {
    let (account, spender) = (Actor::Requester.address(), TO.address());
    m.view(Hub::allowanceCall { account, spender })
}

#[test]
fn it_says_what_it_is() {
    on_both(|m| {
        assert_eq!(
            m.ask(Hub::nameCall {}).returned::<Hub::nameCall>(),
            "Staked RLC"
        );
        assert_eq!(
            m.ask(Hub::symbolCall {}).returned::<Hub::symbolCall>(),
            "SRLC"
        );
        assert_eq!(
            m.ask(Hub::decimalsCall {}).returned::<Hub::decimalsCall>(),
            9
        );
        m.ask(Hub::totalSupplyCall {}).succeeds();
        assert_eq!(
            m.ask(Hub::tokenCall {}).returned::<Hub::tokenCall>(),
            m.token
        );
    });
}

#[test]
fn a_transfer_moves_stake() {
    on_both(|m| {
        let done = m.send(
            Actor::Requester,
            Hub::transferCall {
                to: TO.address(),
                amount: n(12),
            },
        );
        assert!(done.returned::<Hub::transferCall>());
        let moved = Hub::Transfer {
            from: Actor::Requester.address(),
            to: TO.address(),
            value: n(12),
        };
        assert_eq!(done.events::<Hub::Transfer>(m.hub), [moved]);
        let stake = |m: &mut Market, account: Address| {
            m.ask(Hub::balanceOfCall { account })
                .returned::<Hub::balanceOfCall>()
        };
        assert_eq!(stake(m, TO.address()), n(12));
        assert_eq!(stake(m, Actor::Requester.address()), DEPOSIT - n(12));
        m.send(
            TO,
            Hub::transferCall {
                to: TO.address(),
                amount: n(12),
            },
        )
        .succeeds();
        assert_eq!(stake(m, TO.address()), n(12), "to oneself");
        m.send(
            TO,
            Hub::transferCall {
                to: m.hub,
                amount: n(1),
            },
        )
        .succeeds();
        assert_eq!(stake(m, m.hub), n(1));
    });
}

#[test]
fn a_transfer_is_refused_beyond_the_balance_or_to_nobody() {
    on_both(|m| {
        m.send(
            TO,
            Hub::transferCall {
                to: nobody(),
                amount: n(1),
            },
        )
        .reverts_empty();
        m.send(
            Actor::Requester,
            Hub::transferCall {
                to: nobody(),
                amount: DEPOSIT + n(1),
            },
        )
        .reverts_empty();
        m.send(
            Actor::Requester,
            Hub::transferCall {
                to: nobody(),
                amount: U256::MAX,
            },
        )
        .reverts_empty();
        m.send(
            Actor::Requester,
            Hub::transferCall {
                to: Address::ZERO,
                amount: n(1),
            },
        )
        .reverts_with("ERC20: transfer to the zero address");
    });
}

#[test]
fn an_allowance_is_given_raised_and_lowered() {
    on_both(|m| {
        approve(m, n(10));
        let spender = TO.address();
        let done = m.send(
            Actor::Requester,
            Hub::increaseAllowanceCall {
                spender,
                amount: n(5),
            },
        );
        assert!(done.returned::<Hub::increaseAllowanceCall>());
        let owner = Actor::Requester.address();
        let approval = Hub::Approval {
            owner,
            spender,
            value: n(15),
        };
        assert_eq!(done.events::<Hub::Approval>(m.hub), [approval]);
        m.send(
            Actor::Requester,
            Hub::decreaseAllowanceCall {
                spender,
                amount: n(14),
            },
        )
        .succeeds();
        assert_eq!(allowance(m), n(1));
        m.send(
            Actor::Requester,
            Hub::decreaseAllowanceCall {
                spender,
                amount: n(2),
            },
        )
        .reverts_empty();
        m.ask(Hub::allowanceCall {
            account: owner,
            spender,
        })
        .succeeds();
    });
}

#[test]
fn nobody_is_approved_nobody_approves() {
    on_both(|m| {
        for call in [
            m.send(
                Actor::Requester,
                Hub::approveCall {
                    spender: Address::ZERO,
                    amount: n(1),
                },
            ),
            m.send(
                Actor::Requester,
                Hub::increaseAllowanceCall {
                    spender: Address::ZERO,
                    amount: n(1),
                },
            ),
            m.send(
                Actor::Requester,
                Hub::decreaseAllowanceCall {
                    spender: Address::ZERO,
                    amount: n(0),
                },
            ),
        ] {
            call.reverts_with("ERC20: approve to the zero address");
        }
        let zero = Address::ZERO;
        m.send(
            zero,
            Hub::approveCall {
                spender: nobody(),
                amount: n(1),
            },
        )
        .reverts_with("ERC20: approve from the zero address");
        m.send(
            zero,
            Hub::transferCall {
                to: nobody(),
                amount: n(0),
            },
        )
        .reverts_with("ERC20: transfer from the zero address");
        m.send(zero, Hub::withdrawCall { amount: n(0) })
            .reverts_with("ERC20: burn from the zero address");
    });
}

#[test]
fn a_spender_spends_his_allowance_and_no_more() {
    on_both(|m| {
        approve(m, n(10));
        let owner = Actor::Requester.address();
        let spend = |amount| Hub::transferFromCall {
            from: owner,
            to: nobody(),
            amount,
        };
        let done = m.send(TO, spend(n(4)));
        assert!(done.returned::<Hub::transferFromCall>());
        assert_eq!(done.event_names(), ["Transfer", "Approval"]);
        let left = Hub::Approval {
            owner,
            spender: TO.address(),
            value: n(6),
        };
        assert_eq!(done.events::<Hub::Approval>(m.hub), [left]);
        m.send(TO, spend(n(7))).reverts_empty();
        m.send(Actor::Sponsor, spend(n(1))).reverts_empty();
        m.send(TO, spend(DEPOSIT + n(1))).reverts_empty();
        m.send(
            TO,
            Hub::transferFromCall {
                from: owner,
                to: Address::ZERO,
                amount: n(1),
            },
        )
        .reverts_with("ERC20: transfer to the zero address");
        m.send(
            TO,
            Hub::transferFromCall {
                from: Address::ZERO,
                to: nobody(),
                amount: n(0),
            },
        )
        .reverts_with("ERC20: transfer from the zero address");
        m.send(TO, spend(n(6))).succeeds();
        assert_eq!(allowance(m), n(0));
        assert_eq!(m.account(nobody()).stake, n(10));
    });
}

#[test]
fn an_endless_allowance_is_counted_too() {
    on_both(|m| {
        approve(m, U256::MAX);
        let owner = Actor::Requester.address();
        m.send(
            TO,
            Hub::transferFromCall {
                from: owner,
                to: nobody(),
                amount: n(1),
            },
        )
        .succeeds();
        assert_eq!(allowance(m), U256::MAX - n(1));
    });
}

#[test]
fn approve_and_call_tells_the_spender() {
    on_both(|m| {
        let receiver = m.install("Receiver", "receiver");
        let data = Bytes::from_static(b"for you");
        let call = Hub::approveAndCallCall {
            spender: receiver,
            amount: n(3),
            data: data.clone(),
        };
        let done = m.send(Actor::Requester, call.clone());
        assert!(done.returned::<Hub::approveAndCallCall>());
        let sender = Actor::Requester.address();
        let told = Mocks::GotApproval {
            sender,
            value: n(3),
            token: m.hub,
            extraData: data,
        };
        assert_eq!(done.events::<Mocks::GotApproval>(receiver), [told]);
        m.send_to(
            Actor::Admin,
            receiver,
            Mocks::answerWith_1Call { answer: false },
        )
        .succeeds();
        m.send(Actor::Requester, call)
            .reverts_with("approval-refused");
        let refuser = m.install("Refuser", "refuser");
        let call = |to| Hub::approveAndCallCall {
            spender: to,
            amount: n(3),
            data: Bytes::new(),
        };
        assert!(m.send(Actor::Requester, call(refuser)).result.is_err());
        m.send(Actor::Requester, call(nobody())).reverts_empty();
        m.send(Actor::Requester, call(Address::ZERO))
            .reverts_with("ERC20: approve to the zero address");
    });
}
