// eth_getLogs and the filters.
import { id, zeroPadValue } from 'ethers';
import { NOWHERE, PROBE, wallets, word } from '../../lib/world.mjs';

const STORED = PROBE.interface.getEvent('Stored').topicHash;
const TICK = PROBE.interface.getEvent('Tick').topicHash;

export default async function logs(w) {
  const [alice, bob] = wallets;
  await w.deploy();
  const first = w.probe;
  await w.deploy(bob);
  const second = w.probe;
  w.filter = await w.rpc.call('eth_newFilter', [{ address: [first, second] }]);
  w.blocks = await w.rpc.call('eth_newBlockFilter');
  w.pending = await w.rpc.call('eth_newPendingTransactionFilter');
  for (const probe of [first, second]) {
    w.probe = probe;
    await w.invoke(alice, 'store', [1, 10, 'one']);
    await w.invoke(bob, 'store', [2, 20, 'two']);
    await w.invoke(alice, 'ticks', [3]);
  }
  await queries(w, first, second);
  await limits(w);
  await filters(w);
}

async function queries(w, first, second) {
  const who = (wallet) => zeroPadValue(wallet.address.toLowerCase(), 32);
  const all = { fromBlock: '0x0', toBlock: 'latest' };
  const { hash } = await w.rpc.call('eth_getBlockByNumber', ['0x3', false]);
  const each = {
    everything: all,
    'the last block': {},
    'one address': { ...all, address: first },
    'two addresses': { ...all, address: [first, second] },
    'an address nobody uses': { ...all, address: NOWHERE },
    'no address': { ...all, address: [] },
    'one topic': { ...all, topics: [STORED] },
    'either topic': { ...all, topics: [[STORED, TICK]] },
    'any first topic': { ...all, topics: [null, null, word(2)] },
    'an empty choice': { ...all, topics: [[], [who(wallets[0])]] },
    'three topics': { ...all, topics: [STORED, who(wallets[0]), word(1)] },
    'more topics than logs have': { ...all, topics: [null, null, null, null] },
    'one block by hash': { blockHash: hash },
    'one block by number': { fromBlock: '0x4', toBlock: '0x4' },
    'a closed range': { fromBlock: '0x3', toBlock: '0x5', address: first },
    'from the earliest': { fromBlock: 'earliest' },
    'up to the pending block': { fromBlock: '0x0', toBlock: 'pending', topics: [TICK] },
  };
  for (const [what, query] of Object.entries(each)) await w.ask(`logs: ${what}`, 'eth_getLogs', [query]);
}

async function limits(w) {
  const wrong = {
    'a range backwards': { fromBlock: '0x5', toBlock: '0x3' },
    'a range of the future': { fromBlock: '0x1000', toBlock: '0x2000' },
    'a range up to the future': { fromBlock: '0x1', toBlock: '0x2000', topics: [TICK] },
    'an unknown block': { blockHash: id('no such block') },
    'a hash and a range': { blockHash: id('no such block'), fromBlock: '0x1' },
    'five topics': { fromBlock: '0x0', topics: [null, null, null, null, null] },
    'a short topic': { fromBlock: '0x0', topics: ['0x01'] },
    'a short address': { fromBlock: '0x0', address: '0x01' },
    'a topic that is a number': { fromBlock: '0x0', topics: [1] },
    'a block that is no number': { fromBlock: 'yesterday' },
  };
  for (const [what, query] of Object.entries(wrong)) await w.ask(`logs: ${what}`, 'eth_getLogs', [query]);
  await w.ask('logs: no query', 'eth_getLogs', []);
}

async function filters(w) {
  const { rpc, filter, blocks, pending } = w;
  w.note('changes of the log filter', await rpc.ask('eth_getFilterChanges', [filter]));
  w.note('changes again', await rpc.ask('eth_getFilterChanges', [filter]));
  w.note('all logs of the filter', await rpc.ask('eth_getFilterLogs', [filter]));
  w.note('changes of the block filter', await rpc.ask('eth_getFilterChanges', [blocks]));
  w.note('changes of the transaction filter', await rpc.ask('eth_getFilterChanges', [pending]));
  w.note('logs of a block filter', await rpc.ask('eth_getFilterLogs', [blocks]));
  const sent = await w.send(wallets[2], { to: NOWHERE });
  w.note('a new block', (await rpc.ask('eth_getFilterChanges', [blocks])).result?.[0] === sent.blockHash);
  w.note('a new transaction', (await rpc.ask('eth_getFilterChanges', [pending])).result?.[0] === sent.transactionHash);

  const bounded = await rpc.call('eth_newFilter', [{ fromBlock: '0x3', toBlock: '0x5', topics: [STORED] }]);
  w.note('changes of a bounded filter', await rpc.ask('eth_getFilterChanges', [bounded]));
  w.note('all logs of a bounded filter', await rpc.ask('eth_getFilterLogs', [bounded]));
  w.note('filters have their own ids', new Set([filter, blocks, pending, bounded]).size);
  for (const each of [filter, blocks, pending, bounded]) {
    w.note(`uninstalling ${[filter, blocks, pending, bounded].indexOf(each)}`, await rpc.ask('eth_uninstallFilter', [each]));
  }
  w.note('uninstalling again', await rpc.ask('eth_uninstallFilter', [filter]));
  w.note('changes after uninstalling', await rpc.ask('eth_getFilterChanges', [filter]));
  await w.ask('changes of no filter', 'eth_getFilterChanges', ['0x1234567890abcdef1234567890abcdef']);
  await w.ask('logs of no filter', 'eth_getFilterLogs', ['0x1234567890abcdef1234567890abcdef']);
  const { result, error } = await rpc.ask('eth_newFilter', [{ fromBlock: '0x5', toBlock: '0x3' }]);
  w.note('a filter backwards', { made: result !== undefined, error });
}
