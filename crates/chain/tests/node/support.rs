//! What the tests share: a node, clients, and a contract small enough to read in hexadecimal.

use alloy::{
    network::{EthereumWallet, TransactionBuilder},
    primitives::{Address, Bytes, hex},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::{TransactionReceipt, TransactionRequest},
};
use canut_chain::{Config, DEV_MNEMONIC, Node, mnemonic_keys};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Called with 32 bytes, it stores them in slot 0 and logs them as topic and data. Called with
/// none, it reverts with the error `0xdeadbeef`.
pub(crate) const CODE: [u8; 50] = hex!(
    "602780600b6000396000f3"
    "36156016576000358060005580600052602060" "00a1005b63deadbeef60e01b60005260046000fd"
);

/// A development node in memory.
pub(crate) async fn node() -> Node {
    Node::start(Config::dev().unwrap()).await.unwrap()
}

/// A client that signs with key `index` of the public mnemonic.
pub(crate) fn client(node: &Node, index: usize) -> (DynProvider, Address) {
    let key = mnemonic_keys(DEV_MNEMONIC, 10).unwrap().remove(index);
    let address = key.address();
    let provider = ProviderBuilder::new()
        .wallet(EthereumWallet::from(key))
        .connect_http(node.http_url().parse().unwrap());
    provider
        .client()
        .set_poll_interval(std::time::Duration::from_millis(10));
    (provider.erased(), address)
}

/// Sends, and waits for the receipt.
pub(crate) async fn send(provider: &DynProvider, tx: TransactionRequest) -> TransactionReceipt {
    provider
        .send_transaction(tx)
        .await
        .unwrap()
        .get_receipt()
        .await
        .unwrap()
}

/// Deploys [`CODE`].
pub(crate) async fn deploy(provider: &DynProvider) -> Address {
    let tx = TransactionRequest::default()
        .into_create()
        .input(Bytes::from_static(&CODE).into());
    send(provider, tx).await.contract_address.unwrap()
}

/// A call of the contract.
pub(crate) fn store(contract: Address, value: u64) -> TransactionRequest {
    let input = alloy::primitives::U256::from(value).to_be_bytes_vec();
    TransactionRequest::default()
        .to(contract)
        .input(Bytes::from(input).into())
}

/// Posts bytes as they are; answers status and body.
pub(crate) async fn post(node: &Node, body: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(node.http_addr()).await.unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // A server that refuses a large body need not read it to the end.
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (
        head.split(' ').nth(1).unwrap().parse().unwrap(),
        body.to_owned(),
    )
}

/// Makes one call and answers the whole JSON-RPC object.
pub(crate) async fn ask(node: &Node, method: &str, params: Value) -> Value {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    serde_json::from_str(&post(node, body.as_bytes()).await.1).unwrap()
}

/// The result of a call that succeeds.
pub(crate) async fn result(node: &Node, method: &str, params: Value) -> Value {
    let mut answer = ask(node, method, params).await;
    assert!(answer.get("error").is_none(), "{method}: {answer}");
    answer["result"].take()
}

/// Code and message of a call that fails.
pub(crate) async fn error(node: &Node, method: &str, params: Value) -> (i64, String) {
    let answer = ask(node, method, params).await;
    let error = &answer["error"];
    (
        error["code"].as_i64().unwrap_or_else(|| panic!("{answer}")),
        error["message"].as_str().unwrap().to_owned(),
    )
}
