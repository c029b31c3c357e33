// HTTP and the envelope: batches, ids, notifications, broken and oversized requests.
import { connect } from 'node:net';

const json = (value) => JSON.stringify(value);
const one = (id, method = 'eth_chainId', params = []) => ({ jsonrpc: '2.0', id, method, params });

export default async function transport(w) {
  const post = async (step, body, headers) => {
    const answer = await w.rpc.post(body, headers);
    w.note(step, { status: answer.status, body: parsed(answer.body) });
  };

  for (const id of [1, 0, -1, 1.5, 'text', '', null, 2 ** 53]) await post(`id ${json(id)}`, json(one(id)));
  await post('id that is a list', json({ ...one(1), id: [1] }));
  await post('id that is an object', json({ ...one(1), id: {} }));
  await post('no id: a notification', json({ jsonrpc: '2.0', method: 'eth_chainId', params: [] }));
  await post('no params', json({ jsonrpc: '2.0', id: 1, method: 'eth_chainId' }));
  await post('no version', json({ id: 1, method: 'eth_chainId', params: [] }));
  await post('an old version', json({ ...one(1), jsonrpc: '1.0' }));
  await post('no method', json({ jsonrpc: '2.0', id: 1 }));
  await post('a method that is a number', json({ ...one(1), method: 5 }));
  await post('a field too many', json({ ...one(1), extra: true }));

  await post('batch', json([one(1), one(2, 'eth_blockNumber'), one('three', 'net_version')]));
  await post('batch of one', json([one(1)]));
  await post('batch with errors', json([one(1, 'eth_foo'), one(2), 5, one(3, 'eth_getBalance', [])]));
  await post('batch with a notification', json([{ jsonrpc: '2.0', method: 'eth_chainId' }, one(2)]));
  await post('batch of notifications', json([{ jsonrpc: '2.0', method: 'eth_chainId' }]));
  await post('empty batch', '[]');
  await post('batch in a batch', json([[one(1)]]));
  await post('batch with an id twice', json([one(1), one(1)]));

  await post('no JSON', 'hello');
  await post('half JSON', '{"jsonrpc":"2.0","id":1,');
  await post('a number', '5');
  await post('text', '"hello"');
  await post('null', 'null');
  await post('nothing', '');
  await post('an object without anything', '{}');
  await post('deep nesting', `{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":${'['.repeat(5000)}${']'.repeat(5000)}}`);
  await post('bytes that are no text', new Uint8Array([0xff, 0xfe, 0x00]));

  await post('as plain text', json(one(1)), { 'content-type': 'text/plain' });
  await post('without a type', new Blob([json(one(1))]), {});
  await post('with a character set', json(one(1)), { 'content-type': 'application/json; charset=utf-8' });
  await limits(w);
}

/** geth: 1000 requests a batch, 5 MiB a request. */
async function limits(w) {
  const batch = await w.rpc.post(json(Array.from({ length: 1001 }, (_, id) => one(id))));
  const answer = JSON.parse(batch.body);
  w.note('a batch of 1001', Array.isArray(answer) ? { status: batch.status, first: answer[0] } : answer);
  const fits = await w.rpc.post(json(Array.from({ length: 1000 }, (_, id) => one(id))));
  w.note('a batch of 1000', JSON.parse(fits.body).length);
  w.note('a request of 5 MiB and a byte', await announce(w.url, (5 << 20) + 1));
  const large = one(1, 'web3_sha3', [`0x${'00'.repeat(900_000)}`]);
  w.note('a request of 1.8 MB', JSON.parse((await w.rpc.post(json(large))).body));
  const get = await fetch(w.url);
  w.note('GET', { status: get.status, type: get.headers.get('content-type') });
  const put = await fetch(w.url, { method: 'PUT', body: '{}' });
  w.note('PUT', { status: put.status });
  const cross = { 'access-control-request-method': 'POST', origin: 'https://example.org' };
  const preflight = await fetch(w.url, { method: 'OPTIONS', headers: cross });
  w.note('OPTIONS', { status: preflight.status, allows: preflight.headers.get('access-control-allow-origin') });
}

/** The status line that a request gets for the size it announces, before it sends any of it. */
function announce(url, size) {
  const { hostname, port, host } = new URL(url);
  const head = ['POST / HTTP/1.1', `host: ${host}`, 'content-type: application/json', `content-length: ${size}`];
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(`${head.join('\r\n')}\r\n\r\n`));
    const finish = (answer) => (socket.destroy(), resolve(answer));
    socket.setTimeout(3000, () => finish('waits for the body'));
    socket.once('data', (data) => finish(data.toString().split('\r\n')[0]));
    socket.once('error', reject);
  });
}

function parsed(body) {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
