//! Clients that send nonsense: whatever the method and whatever its arguments, there is an answer,
//! and the node goes on.

use crate::{
    arguments::{right, wrong},
    support::*,
};
use canut_chain::{Config, Limits, Node};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::{Value, json};

/// A method, and a letter for each argument: see [`right`].
type Method = (&'static str, &'static str);

const READING: [Method; 53] = [
    ("eth_accounts", ""),
    ("eth_blockNumber", ""),
    ("eth_call", "cbov"),
    ("eth_call", "cbo"),
    ("eth_call", "cb"),
    ("eth_createAccessList", "cb"),
    ("eth_createAccessList", "cbo"),
    ("eth_estimateGas", "cb"),
    ("eth_estimateGas", "cbov"),
    ("eth_feeHistory", "qbp"),
    ("eth_fillTransaction", "c"),
    ("eth_gasPrice", ""),
    ("eth_getBalance", "ab"),
    ("eth_getBlockByHash", "hn"),
    ("eth_getBlockByNumber", "bn"),
    ("eth_getBlockReceipts", "b"),
    ("eth_getBlockTransactionCountByHash", "h"),
    ("eth_getBlockTransactionCountByNumber", "b"),
    ("eth_getCode", "ab"),
    ("eth_getFilterChanges", "q"),
    ("eth_getFilterLogs", "q"),
    ("eth_getHeaderByNumber", "b"),
    ("eth_getLogs", "f"),
    ("eth_getLogs", "f"),
    ("eth_getProof", "akb"),
    ("eth_getRawTransactionByHash", "h"),
    ("eth_getRawTransactionByBlockNumberAndIndex", "bq"),
    ("eth_getStorageAt", "aqb"),
    ("eth_getTransactionByBlockHashAndIndex", "hq"),
    ("eth_getTransactionByBlockNumberAndIndex", "bq"),
    ("eth_getTransactionByHash", "h"),
    ("eth_getTransactionCount", "ab"),
    ("eth_getTransactionReceipt", "h"),
    ("eth_getUncleByBlockNumberAndIndex", "bq"),
    ("eth_getUncleCountByBlockHash", "h"),
    ("eth_newBlockFilter", ""),
    ("eth_newFilter", "f"),
    ("eth_newPendingTransactionFilter", ""),
    ("eth_sendRawTransaction", "x"),
    ("eth_subscribe", "f"),
    ("eth_uninstallFilter", "q"),
    ("debug_traceBlockByNumber", "bt"),
    ("debug_traceBlockByHash", "ht"),
    ("debug_traceCall", "cbt"),
    ("debug_traceCall", "cbt"),
    ("debug_traceTransaction", "ht"),
    ("txpool_content", ""),
    ("txpool_contentFrom", "a"),
    ("web3_sha3", "x"),
    ("eth_sign", "ax"),
    ("eth_signTypedData_v4", "ac"),
    ("eth_signTransaction", "c"),
    ("no_such_method", "q"),
];

const CHANGING: [Method; 29] = [
    ("eth_sendTransaction", "c"),
    ("eth_sendTransaction", "c"),
    ("eth_sendTransaction", "c"),
    ("eth_getBlockByNumber", "bn"),
    ("eth_call", "cb"),
    ("eth_estimateGas", "cb"),
    ("eth_feeHistory", "qbp"),
    ("eth_getProof", "akb"),
    ("evm_increaseTime", "q"),
    ("evm_mine", "q"),
    ("evm_mine", ""),
    ("evm_revert", "q"),
    ("evm_setAutomine", "n"),
    ("evm_setBlockGasLimit", "q"),
    ("evm_setNextBlockTimestamp", "q"),
    ("evm_setTime", "q"),
    ("evm_snapshot", ""),
    ("anvil_setBlockTimestampInterval", "q"),
    ("hardhat_dropTransaction", "h"),
    ("hardhat_impersonateAccount", "a"),
    ("hardhat_reset", ""),
    ("hardhat_setBalance", "aq"),
    ("anvil_addBalance", "aq"),
    ("hardhat_setCode", "ax"),
    ("hardhat_setCoinbase", "a"),
    ("hardhat_setNextBlockBaseFeePerGas", "q"),
    ("hardhat_setNonce", "aq"),
    ("hardhat_setPrevRandao", "h"),
    ("hardhat_setStorageAt", "aqh"),
];

/// A call whose arguments are mostly of the right kind, and mostly as many as they should be.
fn call((method, kinds): Method) -> BoxedStrategy<(&'static str, Vec<Value>)> {
    let each = |kind| prop_oneof![15 => right(kind), 1 => wrong()].boxed();
    let arguments: Vec<_> = kinds.chars().map(each).collect();
    let surplus = prop_oneof![15 => Just(Vec::new()), 1 => prop::collection::vec(wrong(), 1..3)];
    (arguments, surplus, 0usize..20)
        .prop_map(move |(mut arguments, surplus, missing)| {
            arguments.extend(surplus);
            // Once in a while some are missing.
            arguments.truncate(if missing < 2 {
                missing
            } else {
                arguments.len()
            });
            (method, arguments)
        })
        .boxed()
}

fn calls(methods: &'static [Method]) -> impl Strategy<Value = Vec<(&'static str, Vec<Value>)>> {
    prop::collection::vec(prop::sample::select(methods).prop_flat_map(call), 25)
}

/// Sends calls as one batch, and checks that each has an answer of its own which is no fault of the
/// node.
async fn answered(node: &Node, calls: &[(&str, Vec<Value>)], known: &str) {
    let batch: Vec<_> = (0..)
        .zip(calls)
        .map(|(id, (method, params)): (usize, _)| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
        .collect();
    let text = Value::from(batch).to_string().replace("KNOWN", known);
    let (status, body) = post(node, text.as_bytes()).await;
    assert_eq!(status, 200);
    let answers: Vec<Value> =
        serde_json::from_str(&body).unwrap_or_else(|_| panic!("{body:?} to {text}"));
    assert_eq!(answers.len(), calls.len());
    for (id, (answer, call)) in (0..).zip(answers.iter().zip(calls)) {
        assert_eq!(answer["id"], json!(id));
        let fault = answer["error"]["code"] == -32603;
        assert!(!fault, "{call:?}: {answer}");
        assert!(
            answer.get("error").is_some() != answer.get("result").is_some(),
            "{call:?}: {answer}"
        );
    }
}

/// How many batches: `PROPTEST_CASES`, or this many.
fn cases(usual: u32) -> u32 {
    let asked = std::env::var("PROPTEST_CASES");
    asked
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

#[tokio::test]
async fn whoever_reads_is_answered() {
    let node = node().await;
    let (provider, _) = client(&node, 0);
    let contract = deploy(&provider).await;
    let known = send(&provider, store(contract, 5)).await;
    let known = [known.transaction_hash, known.block_hash.unwrap()].map(|hash| hash.to_string());
    let (mut runner, strategy) = (TestRunner::default(), calls(&READING));
    for case in 0..cases(80) {
        let known = &known[case as usize % 2];
        let calls = strategy.new_tree(&mut runner).unwrap().current();
        answered(&node, &calls, known).await;
    }
    assert_eq!(node.head().0, 2, "nothing of this was a transaction");
    assert!(send(&provider, store(contract, 6)).await.status());
    node.shutdown().await;
}

#[tokio::test]
async fn whoever_changes_the_chain_is_answered() {
    let (mut runner, strategy) = (TestRunner::default(), calls(&CHANGING));
    for _ in 0..cases(40) {
        let calls = strategy.new_tree(&mut runner).unwrap().current();
        let limits = Limits {
            response_bytes: 200 << 20,
            ..Limits::default()
        };
        let node = Node::start(Config {
            limits,
            ..Config::dev().unwrap()
        })
        .await
        .unwrap();
        let (provider, _) = client(&node, 0);
        let known = deploy(&provider).await.into_word().to_string();
        answered(&node, &calls, &known).await;
        let block = result(&node, "eth_getBlockByNumber", json!(["latest", true])).await;
        assert!(block["hash"].is_string(), "after {calls:?}");
        node.shutdown().await;
    }
}
