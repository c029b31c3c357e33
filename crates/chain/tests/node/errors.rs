//! What a client may not do, and what it is told.

use crate::support::*;
use canut_chain::{Config, Limits, Node};
use serde_json::{Value, json};

#[tokio::test]
async fn framing_follows_the_standard() {
    let node = node().await;
    let text = |(_, body): (u16, String)| serde_json::from_str::<Value>(&body).unwrap();
    assert_eq!(text(post(&node, b"{").await)["error"]["code"], -32700);
    assert_eq!(
        text(post(&node, b"[]").await)["error"],
        json!({"code": -32600, "message": "empty batch"})
    );
    let mixed = br#"[{"jsonrpc":"2.0","id":"a","method":"eth_chainId"},7,{"jsonrpc":"2.0","method":"eth_chainId"},{"jsonrpc":"2.0","id":2,"method":"no_such"}]"#;
    let answers = text(post(&node, mixed).await);
    assert_eq!(
        answers[0],
        json!({"jsonrpc": "2.0", "id": "a", "result": "0x7a69"})
    );
    assert_eq!(answers[1]["error"]["code"], -32600);
    assert_eq!(
        answers[2]["error"],
        json!({"code": -32601, "message": "the method no_such does not exist/is not available"})
    );
    assert_eq!(
        answers.as_array().unwrap().len(),
        3,
        "a notification has no answer"
    );
    assert_eq!(
        error(&node, "eth_getBalance", json!([])).await,
        (-32602, "missing value for required argument 0".into())
    );
    assert_eq!(
        error(&node, "eth_getBalance", json!(["0x12"])).await.0,
        -32602
    );
    assert_eq!(
        error(
            &node,
            "eth_getBalance",
            json!(["0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "0x99"])
        )
        .await,
        (-32000, "header not found".into())
    );
    assert_eq!(
        error(&node, "eth_subscribe", json!(["newHeads"])).await,
        (-32601, "notifications not supported".into())
    );
    assert_eq!(
        error(&node, "eth_getFilterChanges", json!(["0x1"])).await,
        (-32000, "filter not found".into())
    );
    assert_eq!(
        error(
            &node,
            "eth_getProof",
            json!([
                "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
                vec!["0x0"; 2000],
                "latest"
            ])
        )
        .await
        .0,
        -32602
    );
    node.shutdown().await;
}

#[tokio::test]
async fn every_limit_answers() {
    let limits = Limits {
        request_bytes: 4096,
        batch: 3,
        log_blocks: 2,
        filters: 2,
        response_bytes: 2000,
        ..Limits::default()
    };
    let node = Node::start(Config {
        limits,
        ..Config::dev().unwrap()
    })
    .await
    .unwrap();
    let (status, body) = post(&node, &vec![b' '; 5000]).await;
    assert_eq!(status, 413);
    assert!(
        body.contains("content length too large (limit 4096 bytes)"),
        "{body}"
    );
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}"#;
    let (_, body) = post(&node, format!("[{call},{call},{call},{call}]").as_bytes()).await;
    assert!(body.contains("batch too large"), "{body}");
    for _ in 0..4 {
        result(&node, "evm_mine", json!([])).await;
    }
    let (code, message) = error(&node, "eth_getLogs", json!([{"fromBlock": "0x0"}])).await;
    assert_eq!(code, -32005);
    assert!(
        message.starts_with("exceed maximum block range: 2 (asked 5)"),
        "{message}"
    );
    for _ in 0..2 {
        result(&node, "eth_newBlockFilter", json!([])).await;
    }
    assert_eq!(
        error(&node, "eth_newBlockFilter", json!([])).await.0,
        -32005
    );
    let block =
        r#"{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":["latest",true]}"#;
    let (_, body) = post(&node, format!("[{block},{block}]").as_bytes()).await;
    assert!(body.contains("response too large"), "{body}");
    node.shutdown().await;
}

#[tokio::test]
async fn calls_fail_as_in_geth() {
    let node = node().await;
    let poor = "0x00000000000000000000000000000000000000ff";
    let (code, message) = error(
        &node,
        "eth_call",
        json!([{"from": poor, "to": poor, "value": "0x1"}]),
    )
    .await;
    assert_eq!(code, -32000);
    assert_eq!(
        message,
        "err: insufficient funds for gas * price + value: address 0x00000000000000000000000000000000000000ff have 0 want 1 (supplied gas 50000000)"
    );
    // INVALID, an infinite loop, and a jump to nowhere, as init code.
    for (code, words) in [
        ("0xfe", "invalid opcode: INVALID"),
        ("0x5b600056", "out of gas"),
        ("0x60ff56", "invalid jump destination"),
    ] {
        assert_eq!(
            error(&node, "eth_call", json!([{"data": code}])).await,
            (-32000, words.into())
        );
    }
    // revert("hi"), by hand.
    let reason = "0x08c379a0000000000000000000000000000000000000000000000000000000000000002000000000000000000000000000000000000000000000000000000000000000026869000000000000000000000000000000000000000000000000000000000000";
    let code = format!("0x606480600b6000396000fd{}", &reason[2..]);
    let answer = ask(&node, "eth_call", json!([{"data": code}])).await;
    assert_eq!(
        answer["error"],
        json!({"code": 3, "message": "execution reverted: hi", "data": reason})
    );
    let over = json!([{"to": poor}, "latest", {poor: {"code": "0x60005460005260206000f3", "stateDiff": {format!("0x{}", "0".repeat(64)): format!("0x{:064x}", 77)}}}]);
    assert_eq!(
        result(&node, "eth_call", over).await,
        json!(format!("0x{:064x}", 77))
    );
    node.shutdown().await;
}

/// It reads a second slot if much gas is left, and each slot in the list that it is given leaves it
/// less: the list has one slot, then two, then one.
#[tokio::test]
async fn an_access_list_without_end_is_given_up() {
    let node = node().await;
    let call = json!([{"data": "0x5a624b66bc1054505f5450", "gas": "0x4c4b40"}]);
    assert_eq!(
        error(&node, "eth_createAccessList", call).await,
        (-32000, "the access list still changes after 16 runs".into())
    );
    node.shutdown().await;
}

/// A deep stack in an endless loop: a step costs little gas, and each would be 29 kB of trace.
#[tokio::test]
async fn a_trace_remembers_only_so_much() {
    let node = node().await;
    let code = format!("0x{}5b61038456", "5f".repeat(900));
    let call = json!({"data": code, "gas": "0x4c4b40"});
    let (code, message) = error(&node, "debug_traceCall", json!([call, "latest"])).await;
    assert_eq!(code, -32005);
    assert!(message.starts_with("trace too large"), "{message}");
    let endless = json!({"data": "0x5b600056", "gas": "0x7fffffffffffffff"});
    let calls = json!([endless, "latest", {"tracer": "callTracer"}]);
    let trace = result(&node, "debug_traceCall", calls).await;
    assert_eq!(trace["error"], "out of gas", "a call has its cap of gas");
    let calls = json!([call, "latest", {"tracer": "callTracer"}]);
    let trace = result(&node, "debug_traceCall", calls).await;
    assert_eq!(trace["error"], "out of gas", "its calls are few");
    node.shutdown().await;
}

#[tokio::test]
async fn development_methods_need_a_flag() {
    let config = Config {
        dev: None,
        ..Config::dev().unwrap()
    };
    let node = Node::start(config).await.unwrap();
    for method in [
        "evm_mine",
        "hardhat_setBalance",
        "anvil_impersonateAccount",
        "eth_sendTransaction",
    ] {
        assert_eq!(error(&node, method, json!([])).await.0, -32601, "{method}");
    }
    assert_eq!(result(&node, "eth_accounts", json!([])).await, json!([]));
    node.shutdown().await;
}
