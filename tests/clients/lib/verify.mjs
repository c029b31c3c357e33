// Recomputes what a block claims, with code that shares nothing with the node.
import assert from 'node:assert/strict';
import { createBlockFromRPC } from '@ethereumjs/block';
import { Hardfork, Mainnet, createCustomCommon } from '@ethereumjs/common';
import { MerklePatriciaTrie, verifyMPTWithMerkleProof } from '@ethereumjs/mpt';
import { concat, decodeRlp, encodeRlp, getBytes, hexlify, keccak256, toBeArray, zeroPadValue } from 'ethers';
import { REHEARSAL } from './servers.mjs';
import { CHAIN_ID } from './world.mjs';

const common = createCustomCommon({ chainId: CHAIN_ID }, Mainnet, { hardfork: Hardfork.Osaka });
const EMPTY_TRIE = keccak256('0x80');
const quantity = (value) => hexlify(toBeArray(BigInt(value)));

/** The header's hash, the transactions (hash, sender, root), the receipts' root and the bloom. */
export async function verifyBlock(block, receipts) {
  const rebuilt = createBlockFromRPC(block, [], { common, setHardfork: false });
  assert.equal(hexlify(rebuilt.hash()), block.hash, `hash of block ${Number(block.number)}`);
  assert.ok(await rebuilt.transactionsTrieIsValid(), 'transactions root');
  assert.ok(await rebuilt.withdrawalsTrieIsValid(), 'withdrawals root');
  rebuilt.transactions.forEach((tx, i) => {
    assert.equal(hexlify(tx.hash()), block.transactions[i].hash, 'transaction hash');
    assert.equal(tx.getSenderAddress().toString(), block.transactions[i].from, 'sender');
  });
  assert.equal(rebuilt.toJSON().header.number, block.number);
  // Anvil leaves the withdrawals out of the size.
  if (!REHEARSAL) assert.equal(BigInt(block.size), BigInt(rebuilt.serialize().length), 'size');

  assert.equal(await root(receipts.map(encodeReceipt)), block.receiptsRoot, 'receipts root');
  assert.equal(bloom(receipts.flatMap((r) => r.logs)), block.logsBloom, 'bloom');
  receipts.forEach((r) => assert.equal(bloom(r.logs), r.logsBloom, 'bloom of a receipt'));
  assert.equal(receipts.reduce((sum, r) => sum + BigInt(r.gasUsed), 0n), BigInt(block.gasUsed), 'gas used');
  assert.equal(receipts.length === 0 ? 0n : BigInt(receipts.at(-1).cumulativeGasUsed), BigInt(block.gasUsed));
}

function encodeReceipt(receipt) {
  const logs = receipt.logs.map((log) => [log.address, log.topics, log.data]);
  const body = encodeRlp([quantity(receipt.status), quantity(receipt.cumulativeGasUsed), receipt.logsBloom, logs]);
  return Number(receipt.type) === 0 ? body : concat([`0x0${Number(receipt.type).toString(16)}`, body]);
}

/** The root of the trie that maps each index to its item. */
async function root(items) {
  const trie = new MerklePatriciaTrie();
  for (const [index, item] of items.entries()) await trie.put(getBytes(encodeRlp(quantity(index))), getBytes(item));
  return hexlify(trie.root());
}

/** The 2048-bit bloom of addresses and topics (yellow paper, 4.3.1). */
function bloom(logs) {
  const bits = new Uint8Array(256);
  for (const item of logs.flatMap((log) => [log.address, ...log.topics])) {
    const hash = getBytes(keccak256(item));
    for (const i of [0, 2, 4]) {
      const bit = ((hash[i] << 8) | hash[i + 1]) & 2047;
      bits[255 - (bit >> 3)] |= 1 << (bit & 7);
    }
  }
  return hexlify(bits);
}

/** Checks an answer of eth_getProof against a state root; resolves with the account's and the slots' values as proven. */
export async function verifyProof(stateRoot, proof) {
  const account = await lookUp(stateRoot, proof.address, proof.accountProof);
  const expected = account === null ? null : encodeRlp([proof.nonce, proof.balance, proof.storageHash, proof.codeHash].map(field));
  assert.equal(account, expected, `account ${proof.address}`);
  for (const slot of proof.storageProof) {
    const empty = account === null || proof.storageHash === EMPTY_TRIE;
    const leaf = empty ? null : await lookUp(proof.storageHash, zeroPadValue(field(slot.key), 32), slot.proof);
    const value = leaf === null ? 0n : BigInt(decodeRlp(leaf));
    assert.equal(value, BigInt(slot.value), `slot ${slot.key}`);
  }
  return account !== null;
}

/** As RLP wants it: hashes stay whole, numbers lose their zeros. */
const field = (value) => (value.length === 66 ? value : quantity(value));

async function lookUp(rootHash, key, proof) {
  const trie = new MerklePatriciaTrie({ useKeyHashing: true });
  const value = await verifyMPTWithMerkleProof(trie, getBytes(rootHash), getBytes(key), proof.map((n) => getBytes(n)));
  return value === null ? null : hexlify(value);
}
