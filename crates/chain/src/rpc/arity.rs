//! How many arguments each method takes at most; what is not here does not exist.

/// The most arguments of a method; `None` if there is no such method.
pub(super) fn most(method: &str) -> Option<usize> {
    let developer = ["hardhat_", "anvil_", "evm_"]
        .iter()
        .find_map(|prefix| method.strip_prefix(prefix));
    developer.map_or_else(|| standard(method), of_developers)
}

fn standard(method: &str) -> Option<usize> {
    Some(match method {
        "eth_chainId"
        | "eth_blockNumber"
        | "eth_accounts"
        | "eth_requestAccounts"
        | "eth_syncing"
        | "eth_mining"
        | "eth_coinbase"
        | "eth_protocolVersion"
        | "eth_gasPrice"
        | "eth_maxPriorityFeePerGas"
        | "eth_blobBaseFee"
        | "eth_newBlockFilter"
        | "net_version"
        | "net_listening"
        | "net_peerCount"
        | "web3_clientVersion"
        | "txpool_status"
        | "txpool_content"
        | "txpool_inspect" => 0,
        "eth_sendRawTransaction"
        | "eth_getTransactionReceipt"
        | "eth_getTransactionByHash"
        | "eth_getRawTransactionByHash"
        | "eth_fillTransaction"
        | "eth_getBlockReceipts"
        | "eth_getBlockTransactionCountByNumber"
        | "eth_getBlockTransactionCountByHash"
        | "eth_getUncleCountByBlockNumber"
        | "eth_getUncleCountByBlockHash"
        | "eth_getHeaderByNumber"
        | "eth_getHeaderByHash"
        | "eth_getLogs"
        | "eth_newFilter"
        | "eth_newPendingTransactionFilter"
        | "eth_getFilterChanges"
        | "eth_getFilterLogs"
        | "eth_uninstallFilter"
        | "eth_unsubscribe"
        | "eth_sendTransaction"
        | "eth_signTransaction"
        | "web3_sha3"
        | "txpool_contentFrom" => 1,
        "eth_getBalance"
        | "eth_getCode"
        | "eth_getTransactionCount"
        | "eth_getBlockByNumber"
        | "eth_getBlockByHash"
        | "eth_getTransactionByBlockNumberAndIndex"
        | "eth_getTransactionByBlockHashAndIndex"
        | "eth_getRawTransactionByBlockNumberAndIndex"
        | "eth_getRawTransactionByBlockHashAndIndex"
        | "eth_getUncleByBlockNumberAndIndex"
        | "eth_getUncleByBlockHashAndIndex"
        | "eth_subscribe"
        | "eth_sign"
        | "eth_signTypedData_v4"
        | "debug_traceTransaction"
        | "debug_traceBlockByNumber"
        | "debug_traceBlockByHash" => 2,
        "eth_getStorageAt"
        | "eth_getProof"
        | "eth_feeHistory"
        | "eth_createAccessList"
        | "personal_sign"
        | "debug_traceCall" => 3,
        "eth_call" | "eth_estimateGas" => 4,
        _ => return None,
    })
}

fn of_developers(name: &str) -> Option<usize> {
    Some(match name {
        "getAutomine"
        | "metadata"
        | "nodeInfo"
        | "snapshot"
        | "removeBlockTimestampInterval"
        | "dropAllTransactions" => 0,
        "impersonateAccount"
        | "stopImpersonatingAccount"
        | "autoImpersonateAccount"
        | "dropTransaction"
        | "revert"
        | "reset"
        | "mine_detailed"
        | "increaseTime"
        | "setTime"
        | "setNextBlockTimestamp"
        | "setBlockTimestampInterval"
        | "setAutomine"
        | "setIntervalMining"
        | "setNextBlockBaseFeePerGas"
        | "setMinGasPrice"
        | "setCoinbase"
        | "setPrevRandao"
        | "setBlockGasLimit"
        | "setLoggingEnabled" => 1,
        "mine" | "setBalance" | "addBalance" | "setCode" | "setNonce" => 2,
        "setStorageAt" => 3,
        _ => return None,
    })
}
