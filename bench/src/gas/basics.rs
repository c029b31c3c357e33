//! Money, assets and orders on chain.

use alloy::primitives::{B256, Bytes, U256};
use canut_tests::abi::{
    AppOrderOperation, DatasetOrderOperation, Hub, Registry, RequestOrderOperation, Token,
    WorkerpoolOrderOperation,
};
use canut_tests::actor::Actor;
use canut_tests::market::{Market, Operation, RLC};

use super::sheet::Sheet;

pub(crate) fn measure(sheet: &mut Sheet, fresh: &Market) {
    sheet.part("money");
    money(sheet, &mut fresh.clone());
    sheet.part("assets");
    assets(sheet, &mut fresh.clone());
    sheet.part("orders on chain");
    orders(sheet, &mut fresh.clone());
}

fn money(sheet: &mut Sheet, m: &mut Market) {
    let who = Actor::Stranger;
    m.give(who, U256::from(1_000) * RLC);
    let (spender, amount, token) = (m.hub, RLC, m.token);
    m.send_to(
        who,
        token,
        Token::approveCall {
            spender,
            amount: amount * U256::from(9),
        },
    )
    .succeeds();
    for name in ["deposit, the account's first", "deposit, next"] {
        sheet.row(name, m.send(who, Hub::depositCall { amount }).ok().gas);
    }
    let call = Token::approveAndCallCall {
        spender,
        amount,
        data: Bytes::new(),
    };
    sheet.row(
        "RLC.approveAndCall, a deposit",
        m.send_to(who, token, call).ok().gas,
    );
    sheet.row(
        "withdraw, part",
        m.send(who, Hub::withdrawCall { amount }).ok().gas,
    );
    let to = Actor::Requester.address();
    sheet.row(
        "transfer of staked RLC to a holder",
        m.send(who, Hub::transferCall { to, amount }).ok().gas,
    );
    let call = Hub::approveCall {
        spender: to,
        amount,
    };
    sheet.row("approve of staked RLC", m.send(who, call).ok().gas);
    let from = who.address();
    let call = Hub::transferFromCall {
        from,
        to: Actor::Sponsor.address(),
        amount,
    };
    sheet.row(
        "transferFrom of staked RLC",
        m.send(Actor::Requester, call).ok().gas,
    );
}

fn assets(sheet: &mut Sheet, m: &mut Market) {
    let who = Actor::Stranger;
    let (apps, datasets, pools) = (m.app_registry, m.dataset_registry, m.pool_registry);
    for (nth, name) in ["my-1st", "my-2nd"].into_iter().enumerate() {
        let nth = if nth == 0 {
            "the owner's first"
        } else {
            "next"
        };
        let app = Registry::createAppCall {
            appOwner: who.address(),
            appName: name.into(),
            appType: "APP_TYPE_0".into(),
            appMultiaddr: Bytes::from_static(b"multiaddr"),
            appChecksum: B256::repeat_byte(0x11),
            appMREnclave: Bytes::from_static(b"enclave"),
        };
        sheet.row(
            format!("createApp, {nth}"),
            m.send_to(who, apps, app.clone()).ok().gas,
        );
        if nth == "next" {
            let real = Registry::createAppCall {
                appMultiaddr: vec![b'i'; 71].into(),
                appMREnclave: vec![b'e'; 200].into(),
                ..app
            };
            let done = m.send_to(who, apps, real).ok();
            sheet.row(
                "createApp, an image of 71 bytes, an enclave of 200",
                done.gas,
            );
        }
        let dataset = Registry::createDatasetCall {
            datasetOwner: who.address(),
            datasetName: name.into(),
            datasetMultiaddr: Bytes::from_static(b"multiaddr"),
            datasetChecksum: B256::repeat_byte(0x22),
        };
        sheet.row(
            format!("createDataset, {nth}"),
            m.send_to(who, datasets, dataset).ok().gas,
        );

        let pool = Registry::createWorkerpoolCall {
            workerpoolOwner: who.address(),
            workerpoolDescription: name.into(),
        };
        sheet.row(
            format!("createWorkerpool, {nth}"),
            m.send_to(who, pools, pool).ok().gas,
        );
    }
}

fn orders(sheet: &mut Sheet, m: &mut Market) {
    let orders = m.orders();
    let sign = Bytes::new();
    for (operation, verb) in [(Operation::Sign, "presign"), (Operation::Close, "close")] {
        let operation = operation as u8;
        let app = AppOrderOperation {
            order: orders.app.clone(),
            operation,
            sign: sign.clone(),
        };
        let dataset = DatasetOrderOperation {
            order: orders.dataset.clone(),
            operation,
            sign: sign.clone(),
        };
        let pool = WorkerpoolOrderOperation {
            order: orders.pool.clone(),
            operation,
            sign: sign.clone(),
        };
        let request = RequestOrderOperation {
            order: orders.request.clone(),
            operation,
            sign: sign.clone(),
        };
        let gas = [
            (
                "app",
                m.send(Actor::AppOwner, Hub::manageAppOrderCall { operation: app }),
            ),
            (
                "dataset",
                m.send(
                    Actor::DatasetOwner,
                    Hub::manageDatasetOrderCall { operation: dataset },
                ),
            ),
            (
                "workerpool",
                m.send(
                    Actor::Scheduler,
                    Hub::manageWorkerpoolOrderCall { operation: pool },
                ),
            ),
            (
                "request",
                m.send(
                    Actor::Requester,
                    Hub::manageRequestOrderCall { operation: request },
                ),
            ),
        ];
        for (kind, done) in gas {
            sheet.row(format!("{verb} {kind} order"), done.ok().gas);
        }
    }
}
