// Replacement by fee: the pool keeps one transaction for a sender's nonce, and mines the one it kept.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REHEARSAL, startOurs } from '../lib/servers.mjs';
import { GWEI, NOWHERE, World, wallets } from '../lib/world.mjs';

test('a replaced transaction leaves the pool and is never mined', { skip: REHEARSAL && 'anvil keeps both' }, async () => {
  const node = await startOurs();
  try {
    const w = new World(node);
    const [alice] = wallets;
    const plain = { to: NOWHERE, value: 1n, gasLimit: 21_000n, nonce: 1 };
    const cheap = await w.rpc.call('eth_sendRawTransaction', [await w.sign(alice, plain)]);
    const dear = await w.rpc.call('eth_sendRawTransaction', [
      await w.sign(alice, { ...plain, maxFeePerGas: 20n * GWEI, maxPriorityFeePerGas: 2n * GWEI }),
    ]);
    const { queued, pending } = await w.rpc.call('txpool_content');
    assert.deepEqual(pending, {});
    assert.deepEqual(Object.values(queued).flatMap((list) => Object.entries(list).map(([nonce, tx]) => [nonce, tx.hash])), [['1', dear]]);
    assert.equal(await w.rpc.call('eth_getTransactionByHash', [cheap]), null);

    await w.send(alice, { ...plain, nonce: 0 });
    assert.equal((await w.receipt(dear)).status, '0x1');
    assert.equal(await w.rpc.call('eth_getTransactionReceipt', [cheap]), null);
    assert.deepEqual(await w.rpc.call('txpool_status'), { pending: '0x0', queued: '0x0' });
  } finally {
    await node.stop();
  }
});
