"""The usual steps through web3.py: prints one JSON object, step by step; `web3_py.mjs` compares it."""

import json
import sys

from eth_account import Account
from web3 import HTTPProvider, Web3
from web3.exceptions import Web3Exception

GWEI = 10**9
NOWHERE = Web3.to_checksum_address("0x00000000000000000000000000000000dead0001")
steps = {}


def note(step, answer):
    assert step not in steps, step
    steps[step] = json.loads(Web3.to_json(answer))


def refusal(action):
    """What an error says: its class, message, data and the node's own words."""
    try:
        return {"result": action()}
    except Web3Exception as e:
        rpc = (getattr(e, "rpc_response", None) or {}).get("error")
        return {"class": type(e).__name__, "message": e.message or str(e), "data": getattr(e, "data", None), "rpc": rpc}


def reads(w3, probe):
    note("chain", [w3.eth.chain_id, w3.net.version, w3.eth.block_number, w3.eth.syncing, w3.is_connected()])
    note("prices", [w3.eth.gas_price, w3.eth.max_priority_fee])
    note("fee history", w3.eth.fee_history(2, "latest", [25, 75]))
    note("block", w3.eth.get_block(1))
    note("block in full", w3.eth.get_block(1, full_transactions=True))
    note("receipts", w3.eth.get_block_receipts(1))
    note("value", probe.functions.values(0).call())
    names = ["number", "gasLimit", "chain", "fee", "blobFee", "origin"]
    note("environment", dict(zip(names, probe.functions.environment().call())))
    note("past", probe.functions.count().call(block_identifier=1))
    note("storage", [w3.eth.get_storage_at(probe.address, 1), w3.eth.get_code(probe.address)])
    proof = dict(w3.eth.get_proof(probe.address, ["0x" + "00" * 31 + "01"]))
    proof["accountProof"] = len(proof["accountProof"]) > 0
    note("proof", proof)
    with w3.batch_requests() as batch:
        batch.add(w3.eth.get_block(0))
        batch.add(probe.functions.values(0))
        batch.add(w3.eth.get_balance(NOWHERE))
        note("batch", batch.execute())


def send(w3, account, tx):
    tx = {"chainId": w3.eth.chain_id, "nonce": w3.eth.get_transaction_count(account.address), "gas": 200_000} | tx
    sent = w3.eth.send_raw_transaction(account.sign_transaction(tx).raw_transaction)
    return w3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)


def writes(w3, probe, alice):
    dynamic = {"maxFeePerGas": 6 * GWEI, "maxPriorityFeePerGas": 2 * GWEI}
    access = [{"address": probe.address, "storageKeys": ["0x" + "00" * 31 + "01"]}]
    kinds = {
        "legacy": {"gasPrice": 5 * GWEI},
        "access list": {"type": 1, "gasPrice": 5 * GWEI, "accessList": access},
        "dynamic fee": dynamic,
    }
    for kind, fees in kinds.items():
        data = probe.encode_abi("store", [len(kind), 3, kind])
        receipt = send(w3, alice, {"to": probe.address, "data": data, "value": 0} | fees)
        note(f"{kind}: receipt", receipt)
        note(f"{kind}: transaction", w3.eth.get_transaction(receipt.transactionHash))
        note(f"{kind}: events", probe.events.Stored().process_receipt(receipt))
    built = probe.functions.ticks(2).build_transaction({"from": alice.address})
    note("built", {k: v for k, v in built.items() if k != "data"})
    note("estimate", probe.functions.store(1, 2, "x").estimate_gas({"from": alice.address}))


def failures(w3, probe, alice):
    f = probe.functions
    calls = {
        "reason": f.failWithReason(), "error": f.failWithError(17), "silence": f.failSilently(),
        "assertion": f.failAssertion(False), "division": f.divide(1, 0), "underflow": f.subtract(1, 2),
    }
    for what, function in calls.items():
        note(f"revert with {what}: call", refusal(function.call))
        note(f"revert with {what}: estimate", refusal(function.estimate_gas))
    plain = {"to": NOWHERE, "value": 1, "gas": 21_000, "maxFeePerGas": 10 * GWEI, "maxPriorityFeePerGas": GWEI}
    note("nonce used", refusal(lambda: send(w3, alice, plain | {"nonce": 0})))
    note("insufficient funds", refusal(lambda: send(w3, alice, plain | {"value": 10**24})))
    note("too little gas", refusal(lambda: send(w3, alice, plain | {"gas": 20_000})))
    note("unknown transaction", refusal(lambda: w3.eth.get_transaction("0x" + "ab" * 32)))
    note("unknown receipt", refusal(lambda: w3.eth.get_transaction_receipt("0x" + "ab" * 32)))
    note("unknown block", refusal(lambda: w3.eth.get_block(99_999)))


def events(w3, probe, alice):
    note("past events", probe.events.Stored.get_logs(from_block=0))
    logs = probe.events.Tick.create_filter(from_block="latest")
    blocks = w3.eth.filter("latest")
    receipt = send(w3, alice, {"to": probe.address, "data": probe.encode_abi("ticks", [2]), "gasPrice": 5 * GWEI})
    note("new events", logs.get_new_entries())
    note("no more events", logs.get_new_entries())
    note("all events", logs.get_all_entries())
    note("new block", [h == receipt.blockHash for h in blocks.get_new_entries()])
    note("uninstalled", w3.eth.uninstall_filter(logs.filter_id))


def main(url, artifact):
    w3 = Web3(HTTPProvider(url, exception_retry_configuration=None))
    Account.enable_unaudited_hdwallet_features()
    phrase = "test test test test test test test test test test test junk"
    owner, alice = (Account.from_mnemonic(phrase, account_path=f"m/44'/60'/0'/0/{i}") for i in range(2))
    w3.eth.default_account = owner.address
    with open(artifact) as file:
        contract = json.load(file)["Probe"]
    factory = w3.eth.contract(abi=contract["abi"], bytecode=contract["bytecode"])
    fees = {"gas": 3_000_000, "gasPrice": 5 * GWEI, "nonce": 0}
    deployed = send(w3, owner, factory.constructor(42).build_transaction(fees))
    note("deployment", deployed)
    probe = w3.eth.contract(address=deployed.contractAddress, abi=contract["abi"])
    reads(w3, probe)
    writes(w3, probe, alice)
    failures(w3, probe, alice)
    events(w3, probe, alice)
    json.dump(steps, sys.stdout)


main(*sys.argv[1:])
