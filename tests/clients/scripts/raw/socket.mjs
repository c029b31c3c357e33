// WebSocket: requests, batches, and the three subscriptions.
import { NOWHERE, PROBE, wallets } from '../../lib/world.mjs';

const TICK = PROBE.interface.getEvent('Tick').topicHash;

export default async function socket(w) {
  const s = await w.socket();
  w.note('chain id', await s.ask('eth_chainId'));
  w.note('unknown method', await s.ask('eth_foo'));
  w.note('batch', await s.batch([
    { jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] },
    { jsonrpc: '2.0', id: 2, method: 'eth_foo', params: [] },
  ]));
  w.note('no JSON', await s.exchange(null, 'hello'));
  await w.deploy();
  await heads(w);
  await logs(w);
  await transactions(w);
  await refusals(w, s);
  await s.close();
}

const unnamed = (messages, id) =>
  messages.map(({ params, ...rest }) => ({ ...rest, ours: params.subscription === id, result: params.result }));

async function heads(w) {
  const s = await w.socket();
  const { result: id } = await s.ask('eth_subscribe', ['newHeads']);
  w.note('heads: the id is hex', /^0x[0-9a-f]{1,32}$/.test(id));
  await w.invoke(wallets[0], 'ticks', [1]);
  await w.invoke(wallets[0], 'ticks', [2]);
  w.note('heads: two blocks', unnamed(await s.notifications(2), id));
  w.note('heads: the end', await s.ask('eth_unsubscribe', [id]));
  w.note('heads: the end again', await s.ask('eth_unsubscribe', [id]));
  await w.invoke(wallets[0], 'ticks', [1]);
  await s.ask('eth_chainId');
  w.note('heads: nothing after the end', s.inbox.length);
  await s.close();
}

async function logs(w) {
  const s = await w.socket();
  const { result: all } = await s.ask('eth_subscribe', ['logs', { address: w.probe }]);
  const { result: some } = await s.ask('eth_subscribe', ['logs', { topics: [TICK] }]);
  const { result: none } = await s.ask('eth_subscribe', ['logs', { address: NOWHERE }]);
  w.note('logs: each has its id', new Set([all, some, none]).size);
  await w.invoke(wallets[1], 'ticks', [2]);
  await w.invoke(wallets[1], 'store', [1, 2, 'three']);
  const messages = await s.notifications(3 + 2 + 1);
  const of = (id) => messages.filter((m) => m.params.subscription === id);
  w.note('logs: of an address', unnamed(of(all), all));
  w.note('logs: of a topic', unnamed(of(some), some));
  w.note('logs: of nobody', of(none).length);
  await s.close();
}

async function transactions(w) {
  const s = await w.socket();
  const { result: id } = await s.ask('eth_subscribe', ['newPendingTransactions']);
  const sent = await w.send(wallets[2], { to: NOWHERE, value: 1n });
  const [message] = await s.notifications(1);
  w.note('transactions: the hash', message.params.result === sent.transactionHash);
  w.note('transactions: the subscription', message.params.subscription === id);
  await s.close();
  const full = await w.socket();
  const answer = await full.ask('eth_subscribe', ['newPendingTransactions', true]);
  w.note('transactions: in full', Object.keys(answer));
  if (answer.result) {
    await w.send(wallets[2], { to: NOWHERE, value: 2n });
    const [message] = await full.notifications(1);
    const { hash, from, nonce, value, input, type } = message.params.result;
    w.note('transactions: in full, one', { hash, from, nonce, value, input, type });
  }
  await full.close();
}

async function refusals(w, s) {
  w.note('refused: unknown kind', await s.ask('eth_subscribe', ['oldHeads']));
  w.note('refused: no kind', await s.ask('eth_subscribe', []));
  w.note('refused: a bad address', await s.ask('eth_subscribe', ['logs', { address: '0x01' }]));
  w.note('refused: an unknown subscription', await s.ask('eth_unsubscribe', ['0x1234']));
  await w.ask('refused: over HTTP', 'eth_subscribe', ['newHeads']);
}
