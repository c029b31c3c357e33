// Whoever reads our blocks can check them: every hash and root is recomputed here from what JSON-RPC gives.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { nextBaseFee } from '../lib/fees.mjs';
import { REHEARSAL, startOurs } from '../lib/servers.mjs';
import { verifyBlock, verifyProof } from '../lib/verify.mjs';
import { NOWHERE, World, encode, hex, pauper, wallets, word } from '../lib/world.mjs';

let node, w;

before(async () => {
  node = await startOurs();
  w = new World(node);
  await history();
});
after(() => node?.stop());

/** Every kind of transaction, failures and creations, alone and many to a block. */
async function history() {
  const [owner, alice, bob] = wallets;
  await w.deploy(owner);
  await w.invoke(alice, 'store', [1, 2, 'three'], { type: 0 });
  await w.invoke(alice, 'ticks', [4], { type: 1, accessList: [{ address: w.probe, storageKeys: [word(1)] }] });
  await w.invoke(alice, 'failWithReason');
  await w.invoke(alice, 'make', [5], { value: 6n, gasLimit: 1_000_000n });
  await w.send(alice, { type: 0, to: NOWHERE, value: 1n });
  const authorization = await bob.authorize({ address: w.probe, nonce: 0, chainId: 31337 });
  await w.send(alice, { type: 4, to: bob.address, data: encode('ticks', [1]), authorizationList: [authorization] });
  await w.invoke(owner, 'fill', [0, 60], { gasLimit: 5_000_000n });
  await w.invoke(owner, 'clear', [10, 20], { gasLimit: 5_000_000n });
  const many = wallets.slice(3).flatMap((wallet) =>
    Array.from({ length: 30 }, (_, nonce) => w.sign(wallet, { to: w.probe, data: encode('ticks', [nonce % 3]), nonce })),
  );
  await Promise.all((await Promise.all(many)).map((raw) => w.rpc.send(raw)));
  await w.rpc.call('evm_mine');
}

const block = (number) => w.rpc.call('eth_getBlockByNumber', [hex(number), true]);

test('every block hashes to its hash, and its roots and bloom are those of its contents', async () => {
  const head = Number(await w.rpc.call('eth_blockNumber'));
  const sizes = [];
  for (let number = 0; number <= head; number++) {
    const each = await block(number);
    await verifyBlock(each, await w.rpc.call('eth_getBlockReceipts', [hex(number)]));
    sizes.push(each.transactions.length);
    if (number === 0) continue;
    const parent = await block(number - 1);
    assert.equal(each.parentHash, parent.hash);
    // Anvil's first block has the genesis' fee.
    if (!REHEARSAL || number > 1) assert.equal(BigInt(each.baseFeePerGas), nextBaseFee(parent), `base fee of ${number}`);
    assert.ok(Number(each.timestamp) >= Number(parent.timestamp));
  }
  assert.equal(sizes.reduce((a, b) => a + b), 9 + 7 * 30);
  assert.ok(sizes.some((size) => size > 1), 'some block holds several transactions');
  assert.ok(sizes.includes(0), 'some block is empty');
});

test('proofs lead from the state root to accounts and slots, present and absent, now and before', async () => {
  const head = Number(await w.rpc.call('eth_blockNumber'));
  const keys = [0, 1, 2, 0xffff].map(word);
  const present = { [w.probe]: true, [NOWHERE]: true, [pauper.address.toLowerCase()]: false, [wallets[1].address.toLowerCase()]: true };
  // Anvil's genesis has no accounts in its state root.
  for (const number of [REHEARSAL ? 1 : 0, 1, head - 1, head]) {
    const { stateRoot } = await block(number);
    for (const [address, exists] of Object.entries(present)) {
      const proof = await w.rpc.call('eth_getProof', [address, keys, hex(number)]);
      assert.equal(proof.address.toLowerCase(), address.toLowerCase());
      const found = await verifyProof(stateRoot, proof);
      if (number === head) assert.equal(found, exists, address);
    }
  }
});

test('a proof that was tampered with does not verify', async () => {
  const { stateRoot } = await block(1);
  const proof = await w.rpc.call('eth_getProof', [w.probe, [word(0)], '0x1']);
  await verifyProof(stateRoot, proof);
  await assert.rejects(verifyProof(stateRoot, { ...proof, balance: '0x1' }));
  await assert.rejects(verifyProof(word(1), proof));
  const slots = proof.storageProof.map((slot) => ({ ...slot, value: '0x1' }));
  await assert.rejects(verifyProof(stateRoot, { ...proof, storageProof: slots }));
});

test('a block that was tampered with does not verify', async () => {
  const [good, receipts] = [await block(2), await w.rpc.call('eth_getBlockReceipts', ['0x2'])];
  await verifyBlock(good, receipts);
  await assert.rejects(verifyBlock({ ...good, gasUsed: '0x1' }, receipts));
  await assert.rejects(verifyBlock(good, receipts.map((r) => ({ ...r, status: '0x0' }))));
  await assert.rejects(verifyBlock(good, []));
});
