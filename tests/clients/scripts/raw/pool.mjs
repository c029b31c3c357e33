// Transactions that wait behind a gap in their sender's nonces: txpool_*, replacement, and the end of the gap.
import { GWEI, NOWHERE, pauper, wallets } from '../../lib/world.mjs';

export default async function pool(w) {
  const [, alice, bob] = wallets;
  const plain = { to: NOWHERE, value: 1n, gasLimit: 21_000n };
  await w.ask('empty: status', 'txpool_status');
  await w.ask('empty: content', 'txpool_content');

  const waiting = await w.submit('beyond a gap', alice, { ...plain, nonce: 2 });
  await w.submit('the same again', alice, { ...plain, nonce: 2 });
  await w.submit('replacement at the same price', alice, { ...plain, nonce: 2, value: 2n });
  await w.submit('replacement a little dearer', alice, { ...plain, nonce: 2, value: 2n, maxFeePerGas: 105n * GWEI / 10n });
  await w.submit('replacement with a dearer tip only', alice, { ...plain, nonce: 2, value: 2n, maxPriorityFeePerGas: 2n * GWEI });
  const replaced = await w.submit('replacement', alice, {
    ...plain, nonce: 2, value: 3n, maxFeePerGas: 11n * GWEI, maxPriorityFeePerGas: 11n * GWEI / 10n,
  });
  await w.submit('another sender', bob, { ...plain, nonce: 1, type: 0 });
  await w.ask('replaced transaction', 'eth_getTransactionByHash', [waiting]);
  await w.ask('waiting transaction', 'eth_getTransactionByHash', [replaced]);
  await w.ask('waiting receipt', 'eth_getTransactionReceipt', [replaced]);
  await w.ask('waiting: status', 'txpool_status');
  await w.ask('waiting: content', 'txpool_content');
  await w.ask('waiting: content of one', 'txpool_contentFrom', [alice.address]);
  await w.ask('waiting: inspection', 'txpool_inspect');
  await w.ask('waiting: latest nonce', 'eth_getTransactionCount', [alice.address, 'latest']);
  await w.ask('waiting: pending nonce', 'eth_getTransactionCount', [alice.address, 'pending']);
  await w.ask('waiting: block', 'eth_blockNumber');

  await w.send(alice, { ...plain, nonce: 0 });
  await w.ask('gap of one: pending nonce', 'eth_getTransactionCount', [alice.address, 'pending']);
  await w.send(alice, { ...plain, nonce: 1 });
  const receipt = await w.receipt(replaced);
  w.note('after the gap: status of the waiting one', receipt.status);
  await w.ask('after the gap: nonce', 'eth_getTransactionCount', [alice.address, 'latest']);
  await w.ask('after the gap: pool', 'txpool_status');
  await w.submit('mined again', alice, { ...plain, nonce: 0 });
  await w.submit('a nonce used', alice, { ...plain, nonce: 1, value: 9n });
  await w.submit('from a pauper beyond a gap', pauper, { ...plain, nonce: 5 });
}
