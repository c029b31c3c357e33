//! Deposits and withdrawals: RLC in, staked RLC out.

use super::*;
use alloy::primitives::{Bytes, TxKind};
use canut_tests::abi::{Hub, Mocks, Token};
use canut_tests::market::{DEPOSIT, RLC};

fn approve(m: &mut Market, owner: Actor, amount: U256) {
    let call = Token::approveCall {
        spender: m.hub,
        amount,
    };
    m.send_to(owner, m.token, call).succeeds();
}

fn supply(m: &Market) -> U256 {
    m.view(Hub::totalSupplyCall {})
}

#[test]
fn a_deposit_moves_rlc_to_the_hub_and_mints_as_much() {
    on_both(|m| {
        let (wallet, before) = (m.wallet(Actor::Requester), supply(m));
        approve(m, Actor::Requester, n(50));
        let done = m.send(Actor::Requester, Hub::depositCall { amount: n(50) });
        assert!(done.returned::<Hub::depositCall>());
        let minted = Hub::Transfer {
            from: Address::ZERO,
            to: Actor::Requester.address(),
            value: n(50),
        };
        assert_eq!(done.events::<Hub::Transfer>(m.hub), [minted]);
        assert_eq!(m.account(Actor::Requester).stake, DEPOSIT + n(50));
        assert_eq!(m.wallet(Actor::Requester), wallet - n(50));
        assert_eq!(supply(m), before + n(50));
        m.send(Actor::Requester, Hub::depositCall { amount: n(0) })
            .succeeds();
    });
}

#[test]
fn a_deposit_wants_an_allowance() {
    on_both(|m| {
        assert!(
            m.send(Actor::Requester, Hub::depositCall { amount: n(50) })
                .result
                .is_err()
        );
        approve(m, Actor::Requester, n(49));
        assert!(
            m.send(Actor::Requester, Hub::depositCall { amount: n(50) })
                .result
                .is_err()
        );
        let rich = U256::MAX;
        approve(m, Actor::Requester, rich);
        assert!(
            m.send(Actor::Requester, Hub::depositCall { amount: rich })
                .result
                .is_err()
        );
        assert_eq!(m.account(Actor::Requester).stake, DEPOSIT);
    });
}

#[test]
fn somebody_may_deposit_for_another() {
    on_both(|m| {
        approve(m, Actor::Sponsor, n(70));
        let call = Hub::depositForCall {
            amount: n(70),
            target: Actor::Stranger.address(),
        };
        assert!(
            m.send(Actor::Sponsor, call)
                .returned::<Hub::depositForCall>()
        );
        assert_eq!(m.account(Actor::Stranger).stake, n(70));
        assert_eq!(m.account(Actor::Sponsor).stake, DEPOSIT);
        approve(m, Actor::Sponsor, n(70));
        m.send(
            Actor::Sponsor,
            Hub::depositForCall {
                amount: n(70),
                target: Address::ZERO,
            },
        )
        .reverts_with("ERC20: mint to the zero address");
    });
}

#[test]
fn somebody_may_deposit_for_many() {
    on_both(|m| {
        let targets = vec![
            Actor::Stranger.address(),
            Actor::Worker(0).address(),
            nobody(),
        ];
        approve(m, Actor::Sponsor, n(6));
        let call = Hub::depositForArrayCall {
            amounts: vec![n(1), n(2), n(3)],
            targets: targets.clone(),
        };
        let done = m.send(Actor::Sponsor, call).ok();
        assert_eq!(
            done.events::<Token::Transfer>(m.token).len(),
            3,
            "one transfer an entry"
        );
        assert_eq!(m.account(nobody()).stake, n(3));
        m.send(
            Actor::Sponsor,
            Hub::depositForArrayCall {
                amounts: vec![n(1)],
                targets: targets.clone(),
            },
        )
        .reverts_with("invalid-array-length");
        m.send(
            Actor::Sponsor,
            Hub::depositForArrayCall {
                amounts: vec![],
                targets: vec![],
            },
        )
        .succeeds();
        // The allowance lasts for two entries of three: none is done.
        approve(m, Actor::Sponsor, n(2));
        let call = Hub::depositForArrayCall {
            amounts: vec![n(1); 3],
            targets,
        };
        assert!(m.send(Actor::Sponsor, call).result.is_err());
        assert_eq!(m.account(nobody()).stake, n(3));
    });
}

#[test]
fn a_withdrawal_burns_and_pays_out() {
    on_both(|m| {
        let (wallet, before) = (m.wallet(Actor::Requester), supply(m));
        let done = m.send(Actor::Requester, Hub::withdrawCall { amount: n(40) });
        assert!(done.returned::<Hub::withdrawCall>());
        let burnt = Hub::Transfer {
            from: Actor::Requester.address(),
            to: Address::ZERO,
            value: n(40),
        };
        assert_eq!(done.events::<Hub::Transfer>(m.hub), [burnt]);
        assert_eq!(m.wallet(Actor::Requester), wallet + n(40));
        assert_eq!(supply(m), before - n(40));
        m.send(
            Actor::Requester,
            Hub::withdrawToCall {
                amount: n(5),
                target: nobody(),
            },
        )
        .succeeds();
        assert_eq!(m.wallet(nobody()), n(5));
        assert_eq!(m.account(Actor::Requester).stake, DEPOSIT - n(45));
    });
}

#[test]
fn nobody_withdraws_more_than_is_free() {
    on_both(|m| {
        m.send(
            Actor::Requester,
            Hub::withdrawCall {
                amount: DEPOSIT + n(1),
            },
        )
        .reverts_empty();
        m.send(Actor::Requester, Hub::withdrawCall { amount: U256::MAX })
            .reverts_empty();
        let call = Hub::withdrawToCall {
            amount: n(1),
            target: nobody(),
        };
        m.send(Actor::Stranger, call).reverts_empty();
        let orders = m.orders();
        m.deal(orders);
        let account = m.account(Actor::Requester);
        assert!(account.locked > U256::ZERO);
        m.send(
            Actor::Requester,
            Hub::withdrawCall {
                amount: account.stake + n(1),
            },
        )
        .reverts_empty();
        m.send(
            Actor::Requester,
            Hub::withdrawCall {
                amount: account.stake,
            },
        )
        .succeeds();
        assert_eq!(m.account(Actor::Requester).locked, account.locked);
    });
}

#[test]
fn the_owner_recovers_what_was_sent_astray() {
    on_both(|m| {
        let before = m.account(Actor::Admin).stake;
        let astray = Token::transferCall {
            to: m.hub,
            amount: n(7),
        };
        m.send_to(Actor::Requester, m.token, astray).succeeds();
        m.send(Actor::Stranger, Hub::recoverCall {})
            .reverts_with("Ownable: caller is not the owner");
        let done = m.send(Actor::Admin, Hub::recoverCall {});
        assert_eq!(done.returned::<Hub::recoverCall>(), n(7));
        assert_eq!(m.account(Actor::Admin).stake, before + n(7));
        let again = m.send(Actor::Admin, Hub::recoverCall {});
        assert_eq!(again.returned::<Hub::recoverCall>(), n(0));
    });
}

#[test]
fn approve_and_call_deposits_at_once() {
    on_both(|m| {
        let call = Token::approveAndCallCall {
            spender: m.hub,
            amount: n(30),
            data: Bytes::new(),
        };
        let done = m.send_to(Actor::Requester, m.token, call).ok();
        assert_eq!(done.event_names(), ["Approval", "Transfer", "Transfer"]);
        assert_eq!(m.account(Actor::Requester).stake, DEPOSIT + n(30));
    });
}

#[test]
fn an_allowance_can_be_deposited_by_anyone_but_only_for_its_owner() {
    on_both(|m| {
        approve(m, Actor::Requester, n(30));
        let mut call = Hub::receiveApprovalCall {
            sender: Actor::Requester.address(),
            amount: n(30),
            token: m.token,
            data: Bytes::new(),
        };
        let done = m.send(Actor::Stranger, call.clone());
        assert!(done.returned::<Hub::receiveApprovalCall>());
        assert_eq!(m.account(Actor::Requester).stake, DEPOSIT + n(30));
        assert_eq!(m.account(Actor::Stranger).stake, n(0));
        call.token = nobody();
        m.send(Actor::Stranger, call.clone())
            .reverts_with("wrong-token");
        call.token = m.hub;
        m.send(Actor::Stranger, call).reverts_with("wrong-token");
    });
}

#[test]
fn a_failed_transfer_is_a_failed_deposit() {
    let mut m = weird_on(Side::Canut);
    let token = m.token;
    for answer in [U256::ZERO, n(1)] {
        let answer = answer.to_be_bytes_vec().into();
        m.send_to(Actor::Admin, token, Mocks::answerWith_0Call { answer })
            .succeeds();
        m.send_to(
            Actor::Admin,
            token,
            Mocks::mintCall {
                account: nobody(),
                amount: n(9),
            },
        )
        .succeeds();
        let done = m.send(nobody(), Hub::depositCall { amount: n(4) });
        let receive = Hub::receiveApprovalCall {
            sender: nobody(),
            amount: n(4),
            token,
            data: Bytes::new(),
        };
        let received = m.send(Actor::Stranger, receive);
        if done.result.is_err() {
            done.reverts_with("failed-transferFrom");
            received.reverts_with("failed-transferFrom");
            assert_eq!(m.account(nobody()).stake, n(0));
        } else {
            assert_eq!(m.account(nobody()).stake, n(8));
        }
    }
    // A token that answers nothing has not said yes.
    m.send_to(
        Actor::Admin,
        token,
        Mocks::answerWith_0Call {
            answer: Bytes::new(),
        },
    )
    .succeeds();
    m.send(nobody(), Hub::depositCall { amount: n(1) })
        .reverts_empty();
}

/// A market whose token does as it is told.
pub(super) fn weird_on(side: Side) -> Market {
    let mut m = Market::bare(side, Coin::Faucet).unwrap();
    let token = m.install("WeirdToken", "weird token");
    Market::with_token(side, token, m.world).unwrap()
}

#[test]
fn coins_of_the_chain_are_refused() {
    on_both(|m| {
        for data in [&b""[..], b"\xde\xad\xbe\xef", b"\x01"] {
            for wei in [n(0), n(1)] {
                m.send_raw(Actor::Requester, m.hub, "fallback", data, wei)
                    .reverts_with("fallback-disabled");
            }
        }
    });
}

#[test]
fn functions_take_no_coins() {
    on_both(|m| {
        use alloy::sol_types::SolCall;
        for data in [
            Hub::withdrawCall { amount: n(1) }.abi_encode(),
            Hub::transferCall {
                to: nobody(),
                amount: n(1),
            }
            .abi_encode(),
            Hub::claimCall { taskId: B256::ZERO }.abi_encode(),
            Hub::totalSupplyCall {}.abi_encode(),
        ] {
            m.send_raw(Actor::Requester, m.hub, "payable?", &data, n(1))
                .reverts_empty();
        }
    });
}

#[test]
fn our_token_is_rlc() {
    let mut m = ours();
    let token = m.token;
    assert_eq!(m.view_of(token, Token::decimalsCall {}), 9);
    assert_eq!(m.view_of(token, Token::symbolCall {}), "RLC");
    assert_eq!(
        m.view_of(token, Token::totalSupplyCall {}),
        n(87_000_000) * RLC
    );
    let call = Token::approveAndCallCall {
        spender: m.hub,
        amount: n(30),
        data: Bytes::new(),
    };
    m.send_to(Actor::Requester, token, call).succeeds();
    assert_eq!(m.account(Actor::Requester).stake, DEPOSIT + n(30));
    // Whoever refuses an approval undoes it.
    let receiver = m.install("Receiver", "receiver");
    m.send_to(
        Actor::Admin,
        receiver,
        Mocks::answerWith_1Call { answer: false },
    )
    .succeeds();
    let call = Token::approveAndCallCall {
        spender: receiver,
        amount: n(30),
        data: Bytes::new(),
    };
    assert!(m.send_to(Actor::Requester, token, call).result.is_err());
    let owner = Actor::Requester.address();
    assert_eq!(
        m.view_of(
            token,
            Token::allowanceCall {
                owner,
                spender: receiver
            }
        ),
        n(0)
    );
    let coins = m.world.send(owner, TxKind::Call(token), Bytes::new(), n(1));
    assert!(coins.result.is_err(), "the token takes no coins");
}
