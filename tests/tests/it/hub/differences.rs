//! Where the two sides differ, on purpose, and why. A difference that goes away must leave this list.
//!
//! PoCo's npm package lags behind PoCo 6.2.0, which Canut follows: "6.2" says that its authors made the same change.

use super::*;
use alloy::primitives::Bytes;
use alloy::sol_types::SolCall;
use canut_tests::abi::{Asset, Hub, Mocks, Registry, Token};
use canut_tests::market::{digest, domain_separator};
use canut_tests::outcome::{Outcome, Refusal};

struct Difference {
    what: &'static str,
    why: &'static str,
    play: fn(&mut Market) -> Outcome,
    /// What comes of it on our side, in words.
    ours: &'static str,
    /// What comes of it on PoCo's side.
    theirs: &'static str,
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        what: "a dataset order tagged for one enclave framework matches a deal in another",
        why: "6.2 ignores the framework bits of dataset orders",
        play: |m| {
            let mut orders = m.orders();
            orders.dataset.tag = bit(1) | bit(2) | bit(3);
            let orders = m.signed(orders);
            m.match_orders(&orders)
        },
        ours: "success",
        theirs: "revert(\"iExecV5-matchOrders-0x06\")",
    },
    Difference {
        what: "an approved deposit with data",
        why: "6.2 takes the data for orders to match; before it was ignored",
        play: |m| deposit_with(m, b"else".to_vec()),
        ours: "UnsupportedOperation { selector: 0x656c7365 }",
        theirs: "success",
    },
    Difference {
        what: "the gas of callbacks",
        why: "6.2 doubles it",
        play: |m| m.ask(Hub::callbackgasCall {}),
        ours: "returned 200000",
        theirs: "returned 100000",
    },
    Difference {
        what: "a deposit that the token refuses with `false`",
        why: "6.2 corrects the spelling",
        play: |m| {
            let mut weird = escrow::weird_on(m.side);
            let answer = U256::ZERO.to_be_bytes_vec().into();
            weird
                .send_to(
                    Actor::Admin,
                    weird.token,
                    Mocks::answerWith_0Call { answer },
                )
                .succeeds();
            weird.send(nobody(), Hub::depositCall { amount: n(0) })
        },
        ours: "revert(\"failed-transferFrom\")",
        theirs: "revert(\"failled-transferFrom\")",
    },
    Difference {
        what: "an allowance raised over the edge",
        why: "6.2 is compiled with checked arithmetic",
        play: |m| {
            let call = |amount| Hub::increaseAllowanceCall {
                spender: nobody(),
                amount,
            };
            m.send(Actor::Requester, call(n(1))).succeeds();
            m.send(Actor::Requester, call(U256::MAX))
        },
        ours: "panic(0x11)",
        theirs: "revert()",
    },
    Difference {
        what: "a category that is not there, seen the old way",
        why: "6.2 is compiled with checked arithmetic",
        play: |m| m.ask(Hub::viewCategoryABILegacyCall { catid: n(5) }),
        ours: "panic(0x32)",
        theirs: "revert()",
    },
    Difference {
        what: "the refusals of the registries",
        why: "6.2 is built on OpenZeppelin 5, before it was 3",
        play: |m| m.ask_of(m.app_registry, Registry::ownerOfCall { tokenId: n(5) }),
        ours: "ERC721NonexistentToken { tokenId: 5 }",
        theirs: "revert(\"ERC721: owner query for nonexistent token\")",
    },
    Difference {
        what: "the events of a registry when an asset changes hands",
        why: "6.2 is built on OpenZeppelin 5, which does not say that an approval ends",
        play: |m| {
            let (from, to) = (Actor::AppOwner.address(), nobody());
            let call = Registry::transferFromCall {
                from,
                to,
                tokenId: m.app.into_word().into(),
            };
            m.send_to(Actor::AppOwner, m.app_registry, call)
        },
        ours: "success: Transfer",
        theirs: "success: Approval, Transfer",
    },
    Difference {
        what: "an owner steps down",
        why: "PoCo declares it and forgets to implement it",
        play: |m| m.send(Actor::Admin, Hub::renounceOwnershipCall {}),
        ours: "success: OwnershipTransferred",
        theirs: "revert(\"fallback-disabled\")",
    },
    Difference {
        what: "an owner changes the registries of a hub in use",
        why: "whoever chooses the registries chooses who is paid",
        play: |m| {
            let (apps, datasets, pools) = (m.app_registry, m.dataset_registry, nobody());
            m.send(
                Actor::Admin,
                Hub::changeRegistriesCall {
                    apps,
                    datasets,
                    pools,
                },
            )
        },
        ours: "RegistriesAreFinal",
        theirs: "success",
    },
    Difference {
        what: "the domain of orders after a fork of the chain",
        why: "orders must not stay valid on both branches until somebody notices",
        play: |m| {
            m.world.chain_id = 5;
            m.names.name(domain_separator(5, m.hub), "forked separator");
            m.ask(Hub::eip712domain_separatorCall {})
        },
        ours: "returned forked separator",
        theirs: "returned domain separator",
    },
    Difference {
        what: "a malformed signature of nobody",
        why: "a failed recovery yields address zero, which has signed nothing",
        play: |m| {
            let (account, signature) = (Address::ZERO, vec![0; 65].into());
            m.ask(Hub::verifySignatureCall {
                account,
                digest: bit(1),
                signature,
            })
        },
        ours: "returned 0",
        theirs: "returned 1",
    },
    Difference {
        what: "a request of nobody, sponsored",
        why: "as above",
        play: |m| {
            let mut orders = m.orders();
            orders.request.requester = Address::ZERO;
            let mut orders = m.signed(orders);
            orders.request.sign = vec![0; 65].into();
            m.sponsor_from(Actor::Sponsor, &orders)
        },
        ours: "revert(\"iExecV5-matchOrders-0x50\")",
        theirs: "success",
    },
    Difference {
        what: "trust beyond 96 bits",
        why: "packed; no number of workers reaches it",
        play: |m| {
            let mut orders = m.orders();
            (orders.pool.trust, orders.request.trust) = (U256::ONE << 96, U256::ONE << 96);
            let orders = m.signed(orders);
            m.match_orders(&orders)
        },
        ours: "SafeCastOverflowedUintDowncast { bits: 96, value: 79228162514264337593543950336 }",
        theirs: "success",
    },
    Difference {
        what: "a bag of more than 2^40 tasks",
        why: "packed; at one task a second they last for 34,000 years",
        play: |m| {
            let orders = m.orders().prices(n(0), n(0), n(0)).volume(1 << 40);
            let orders = m.signed(orders);
            m.match_orders(&orders)
        },
        ours: "SafeCastOverflowedUintDowncast { bits: 40, value: 1099511627776 }",
        theirs: "success",
    },
    Difference {
        what: "a category whose tasks last for more than 2^40 seconds",
        why: "packed; there are 34,000 years in it",
        play: |m| {
            let category = Hub::createCategoryCall {
                name: "eternal".into(),
                description: String::new(),
                workClockTimeRef: U256::ONE << 40,
            };
            m.send(Actor::Admin, category).succeeds();
            let mut orders = m.orders();
            (orders.request.category, orders.pool.category) = (n(5), n(5));
            let orders = m.signed(orders);
            m.match_orders(&orders)
        },
        ours: "SafeCastOverflowedUintDowncast { bits: 40, value: 1099511627776 }",
        theirs: "success",
    },
    Difference {
        what: "a worker's stake of 2^240 hundredths of the price",
        why: "packed; nobody has that much",
        play: |m| {
            let call = Asset::changePolicyCall {
                newWorkerStakeRatioPolicy: U256::ONE << 240,
                newSchedulerRewardRatioPolicy: n(1),
            };
            m.send_to(Actor::Scheduler, m.pool, call)
        },
        ours: "revert()",
        theirs: "success",
    },
    Difference {
        what: "params longer than a contract",
        why: "a deal is stored as code, which is five times cheaper and ends at 24,576 bytes (EIP-170)",
        play: |m| {
            let mut orders = m.orders();
            // At PoCo's price a longer one would not fit in a transaction at all.
            orders.request.params = "x".repeat(if m.side == Side::Canut {
                24_192
            } else {
                15_000
            });
            let orders = m.signed(orders);
            m.match_orders(&orders)
        },
        ours: "FailedDeployment",
        theirs: "success",
    },
    Difference {
        what: "a 256th result for one task",
        why: "packed; a task that has 255 has failed",
        play: |m| many_results(m, 256),
        ours: "SafeCastOverflowedUintDowncast { bits: 8, value: 256 }",
        theirs: "success",
    },
    Difference {
        what: "a token that deposits while it is deposited",
        why: "the amount of a deposit must not depend on what the token does meanwhile",
        play: |m| {
            let mut weird = escrow::weird_on(m.side);
            let token = weird.token;
            weird.send_to(
                Actor::Admin,
                token,
                Mocks::mintCall {
                    account: token,
                    amount: n(1),
                },
            );
            let data = Hub::depositCall { amount: n(1) }.abi_encode().into();
            let target = weird.hub;
            weird
                .send_to(Actor::Admin, token, Mocks::prepareCall { target, data })
                .succeeds();
            weird
                .send(nobody(), Hub::depositCall { amount: n(0) })
                .succeeds();
            weird.ask_of(token, Mocks::successesCall {})
        },
        ours: "returned 0",
        theirs: "returned 1",
    },
    Difference {
        what: "functions of the diamond",
        why: "there is no diamond: nobody can change the code",
        play: |m| {
            m.send_raw(
                Actor::Stranger,
                m.hub,
                "facets()",
                &[0x7a, 0x0e, 0xd6, 0x27],
                n(0),
            )
        },
        ours: "revert(\"fallback-disabled\")",
        theirs: "success",
    },
];

fn deposit_with(m: &mut Market, data: Vec<u8>) -> Outcome {
    let (spender, amount) = (m.hub, n(1_000));
    m.send_to(
        Actor::Requester,
        m.token,
        Token::approveCall { spender, amount },
    )
    .succeeds();
    m.send(
        Actor::Stranger,
        Hub::receiveApprovalCall {
            sender: Actor::Requester.address(),
            amount,
            token: m.token,
            data: data.into(),
        },
    )
}

/// Sends this many different results for one task, from as many workers; returns what came of the last.
fn many_results(m: &mut Market, count: u64) -> Outcome {
    let orders = m.orders().prices(n(0), n(0), n(0)).trust(1_000);
    let deal = m.deal(orders);
    let task = m.initialize(deal, 0);
    let mut last = None;
    for number in 0..count {
        let worker = Address::left_padding_from(&(number + 1_000).to_be_bytes());
        let ballot = m.ballot(task, Actor::Worker(0), digest(&number.to_string()));
        let call = Hub::contributeCall {
            authorizationSign: canut_tests::market::authorization(
                Actor::Scheduler,
                worker,
                task,
                Address::ZERO,
            ),
            ..ballot.call
        };
        if let Some(done) = last.replace(m.send(worker, call)) {
            done.succeeds();
        }
    }
    last.unwrap()
}

/// An outcome in the words of the list.
fn words(m: &Market, outcome: &Outcome) -> String {
    match &outcome.result {
        Err(Refusal::Halt(reason)) => format!("halt {reason}"),
        Err(refusal) => {
            let text = format!("{refusal:?}");
            // An error's variant holds a struct of the same name: one of the two names is enough.
            match text.split_once('(') {
                Some((name, inner)) if inner.starts_with(name) => {
                    inner.trim_end_matches(')').into()
                }
                _ => text,
            }
        }
        Ok(data) if outcome.logs.is_empty() && data.len() == 32 => {
            let name = m.names.of(data);
            format!(
                "returned {}",
                name.unwrap_or(&U256::from_be_slice(data).to_string())
            )
        }
        Ok(_) => "success".into(),
    }
}

#[test]
fn the_list_is_true() {
    let mut wrong = Vec::new();
    for Difference {
        what,
        why,
        play,
        ours,
        theirs,
    } in DIFFERENCES
    {
        assert!(!why.is_empty());
        for (mut market, expected) in [(canut(), ours), (poco(), theirs)] {
            let outcome = play(&mut market);
            let mut found = words(&market, &outcome);
            if expected.contains(": ") && expected.starts_with("success") {
                found = format!("{found}: {}", outcome.event_names().join(", "));
            }
            if found != *expected {
                wrong.push(format!(
                    "{what}, on {:?}: {found}, not {expected}",
                    market.side
                ));
            }
        }
        assert_ne!(ours, theirs);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The differences by which our side takes data with a deposit.
mod deposit_and_match {
    use super::*;
    use canut_tests::market::{APP_PRICE, DATASET_PRICE, Orders, POOL_PRICE};

    fn match_call(orders: &Orders) -> Vec<u8> {
        let Orders {
            app,
            dataset,
            pool,
            request,
        } = orders.clone();
        Hub::matchOrdersCall {
            app,
            dataset,
            pool,
            request,
        }
        .abi_encode()
    }

    #[test]
    fn orders_are_matched_with_the_deposit_that_pays_for_them() {
        let mut m = ours();
        let all = m.account(Actor::Requester).stake;
        m.send(Actor::Requester, Hub::withdrawCall { amount: all })
            .succeeds();
        let orders = m.orders();
        let orders = m.signed(orders);
        let amount = APP_PRICE + DATASET_PRICE + POOL_PRICE;
        let data: Bytes = match_call(&orders).into();
        let call = Token::approveAndCallCall {
            spender: m.hub,
            amount,
            data,
        };
        let done = m.send_to(Actor::Requester, m.token, call).ok();
        assert_eq!(done.events::<Hub::OrdersMatched>(m.hub).len(), 1);
        assert_eq!(m.account(Actor::Requester).locked, amount);
        assert_eq!(m.account(Actor::Requester).stake, n(0));
    }

    #[test]
    fn only_the_requester_pays_that_way() {
        let mut m = ours();
        let mut orders = m.orders();
        orders.request.requester = Actor::Sponsor.address();
        let orders = m.signed(orders);
        deposit_with(&mut m, match_call(&orders)).reverts_as(&Hub::CallerIsNotTheRequester {});
    }

    #[test]
    fn nothing_but_a_match_is_done() {
        let mut m = ours();
        for data in [
            Hub::withdrawToCall {
                amount: n(1),
                target: nobody(),
            }
            .abi_encode(),
            Hub::transferCall {
                to: nobody(),
                amount: n(1),
            }
            .abi_encode(),
        ] {
            let selector = data[..4].try_into().unwrap();
            deposit_with(&mut m, data).reverts_as(&Hub::UnsupportedOperation { selector });
        }
        for length in 1..4 {
            deposit_with(&mut m, vec![0x15; length]).reverts_empty();
        }
        // The right selector with nothing behind it.
        let data = Hub::matchOrdersCall::SELECTOR.to_vec();
        assert!(deposit_with(&mut m, data).result.is_err());
        assert_eq!(m.account(nobody()).stake, n(0));
    }

    #[test]
    fn why_a_match_failed_is_told() {
        let mut m = ours();
        let orders = m.orders();
        let mut orders = m.signed(orders);
        orders.pool.volume = n(9);
        deposit_with(&mut m, match_call(&orders)).reverts_with("iExecV5-matchOrders-0x41");
        // …and when there was nothing to tell, that it failed.
        let mut orders = m.orders();
        (orders.app.app, orders.request.app) = (nobody(), nobody());
        let orders = m.signed(orders);
        deposit_with(&mut m, match_call(&orders)).reverts_as(&Hub::OperationFailed {});
    }
}
