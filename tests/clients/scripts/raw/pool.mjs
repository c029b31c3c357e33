// Transactions that wait behind a gap in their sender's nonces: txpool_*, replacement, and the end of the gap.
import { GWEI, NOWHERE, pauper, wallets } from '../../lib/world.mjs';

const PLAIN = { to: NOWHERE, value: 1n, gasLimit: 21_000n };

export default async function pool(w) {
  const [, alice, bob] = wallets;
  await w.ask('empty: status', 'txpool_status');
  await w.ask('empty: content', 'txpool_content');

  const waiting = await w.submit('beyond a gap', alice, { ...PLAIN, nonce: 2 });
  await w.submit('the same again', alice, { ...PLAIN, nonce: 2 });
  await w.submit('another sender', bob, { ...PLAIN, nonce: 1, type: 0 });
  await w.ask('waiting transaction', 'eth_getTransactionByHash', [waiting]);
  await w.ask('waiting receipt', 'eth_getTransactionReceipt', [waiting]);
  await w.ask('waiting: status', 'txpool_status');
  await w.ask('waiting: content', 'txpool_content');
  await w.ask('waiting: content of one', 'txpool_contentFrom', [alice.address]);
  await w.ask('waiting: inspection', 'txpool_inspect');
  await w.ask('waiting: latest nonce', 'eth_getTransactionCount', [alice.address, 'latest']);
  await w.ask('waiting: pending nonce', 'eth_getTransactionCount', [alice.address, 'pending']);
  await w.ask('waiting: block', 'eth_blockNumber');

  await w.send(alice, { ...PLAIN, nonce: 0 });
  await w.ask('gap of one: pending nonce', 'eth_getTransactionCount', [alice.address, 'pending']);
  await w.send(alice, { ...PLAIN, nonce: 1 });
  w.note('after the gap: status of the waiting one', (await w.receipt(waiting)).status);
  await w.ask('after the gap: nonce', 'eth_getTransactionCount', [alice.address, 'latest']);
  await w.ask('after the gap: pool', 'txpool_status');
  await w.submit('mined again', alice, { ...PLAIN, nonce: 0 });
  await w.submit('a nonce used', alice, { ...PLAIN, nonce: 1, value: 9n });
  await w.submit('from a pauper beyond a gap', pauper, { ...PLAIN, nonce: 5 });
  await replacement(w, wallets[3]);
}

/** What happens to the pool differs (anvil keeps both): here only what is accepted; test/pool.test.mjs has the rest. */
async function replacement(w, carol) {
  const first = await w.submit('to be replaced', carol, { ...PLAIN, nonce: 1 });
  const attempt = (what, fields) => w.submit(`replacement ${what}`, carol, { ...PLAIN, nonce: 1, value: 2n, ...fields });
  await attempt('at the same price', {});
  await attempt('a little dearer', { maxFeePerGas: 105n * GWEI / 10n });
  await attempt('with a dearer tip only', { maxPriorityFeePerGas: 2n * GWEI });
  await attempt('with a dearer fee only', { maxFeePerGas: 20n * GWEI });
  await attempt('a tenth dearer', { maxFeePerGas: 11n * GWEI, maxPriorityFeePerGas: 11n * GWEI / 10n });
  w.note('replaced transaction', (await w.rpc.call('eth_getTransactionByHash', [first])) !== null);
}
