// Blocks, their receipts, and the history of fees.
import { GWEI, NOWHERE, encode, hex, wallets } from '../../lib/world.mjs';

const UNKNOWN = `0x${'ab'.repeat(32)}`;

export default async function blocks(w) {
  await w.ask('genesis', 'eth_getBlockByNumber', ['0x0', true]);
  await w.deploy();
  await w.invoke(wallets[1], 'ticks', [30], { gasLimit: 400_000n, maxPriorityFeePerGas: 3n * GWEI });
  await w.send(wallets[2], { to: NOWHERE, type: 0, gasPrice: 7n * GWEI, gasLimit: 21_000n });
  await w.invoke(wallets[3], 'failWithError', [5]);
  const head = await w.rpc.call('eth_blockNumber');

  for (const at of ['0x1', '0x2', '0x3', '0x4', 'latest', 'earliest', 'safe', 'finalized']) {
    for (const full of [false, true]) {
      await w.ask(`block ${at}, ${full ? 'full' : 'hashes'}`, 'eth_getBlockByNumber', [at, full]);
    }
    await w.ask(`receipts of ${at}`, 'eth_getBlockReceipts', [at]);
    await w.ask(`count in ${at}`, 'eth_getBlockTransactionCountByNumber', [at]);
    await w.ask(`uncles of ${at}`, 'eth_getUncleCountByBlockNumber', [at]);
  }
  const pending = await w.rpc.call('eth_getBlockByNumber', ['pending', false]);
  const shape = ({ number, parentHash, gasLimit, baseFeePerGas, transactions, hash, nonce, miner }) =>
    ({ number, parentHash, gasLimit, baseFeePerGas, transactions, hash, nonce, miner });
  w.note('pending block', shape(pending));

  const block = await w.rpc.call('eth_getBlockByNumber', ['0x2', false]);
  await w.ask('block by hash', 'eth_getBlockByHash', [block.hash, false]);
  await w.ask('block by hash, full', 'eth_getBlockByHash', [block.hash, true]);
  await w.ask('receipts by hash', 'eth_getBlockReceipts', [block.hash]);
  await w.ask('receipts by hash object', 'eth_getBlockReceipts', [{ blockHash: block.hash }]);
  await w.ask('uncle by index', 'eth_getUncleByBlockNumberAndIndex', ['0x2', '0x0']);
  await w.ask('unknown hash', 'eth_getBlockByHash', [UNKNOWN, false]);
  await w.ask('number to come', 'eth_getBlockByNumber', ['0xffff', false]);
  await w.ask('receipts of the future', 'eth_getBlockReceipts', ['0xffff']);
  await w.ask('receipts of an unknown hash', 'eth_getBlockReceipts', [UNKNOWN]);
  w.note('head', head);
  await fees(w);
}

async function fees(w) {
  const each = {
    'four blocks': ['0x4', 'latest', []],
    'with rewards': ['0x4', 'latest', [0, 25, 50, 75, 100]],
    'a number, not hex': [2, 'latest', [50]],
    'more than there are': ['0x40', 'latest', []],
    'of one past block': ['0x1', '0x2', [10, 90]],
    'up to the pending block': ['0x2', 'pending', [50]],
    'of no block': ['0x0', 'latest', []],
    'without rewards': ['0x2', 'latest', null],
    'of the future': ['0x1', '0xffff', []],
    'percentiles that fall': ['0x1', 'latest', [50, 10]],
    'percentiles beyond a hundred': ['0x1', 'latest', [101]],
    'too many blocks': [hex(5000), 'latest', []],
  };
  const many = Array.from({ length: 101 }, (_, i) => i / 2);
  const { result, error } = await w.rpc.ask('eth_feeHistory', ['0x1', 'latest', many]);
  w.note('fees: too many percentiles', { accepted: result !== undefined, error });
  for (const [what, params] of Object.entries(each)) await w.ask(`fees: ${what}`, 'eth_feeHistory', params);
  await w.ask('gas price', 'eth_gasPrice');
  await w.ask('tip', 'eth_maxPriorityFeePerGas');
  // A full block moves the base fee; an empty one moves it back.
  const { gasLimit } = await w.rpc.call('eth_getBlockByNumber', ['latest', false]);
  const half = Math.min(Number(gasLimit) / 2 + 1_000_000, 16_000_000);
  await w.send(wallets[4], { to: w.probe, data: encode('burn'), gasLimit: BigInt(half) });
  await w.ask('fees: after a busy block', 'eth_feeHistory', ['0x2', 'latest', [50]]);
}
