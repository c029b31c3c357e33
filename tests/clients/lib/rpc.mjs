// JSON-RPC by hand, so that no library stands between a test and the bytes.
import { once } from 'node:events';
import WebSocket from 'ws';

const DEADLINE_MS = 30_000;

/** Asks `probe` until it answers something other than null or undefined. */
export async function until(what, probe) {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const answer = await probe();
    if (answer !== null && answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`still waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export class Rpc {
  constructor(url) {
    this.url = url;
    this.id = 0;
  }

  /** The HTTP status and body that `body`, sent as it is, gets. */
  async post(body, headers = { 'content-type': 'application/json' }) {
    const response = await fetch(this.url, { method: 'POST', headers, body });
    return { status: response.status, body: await response.text() };
  }

  /** The whole answer: `{result}` or `{error}`; with an `id` only if it is the wrong one. */
  async ask(method, params = []) {
    const request = { jsonrpc: '2.0', id: ++this.id, method, params };
    const { body } = await this.post(JSON.stringify(request));
    const { jsonrpc, id, ...answer } = JSON.parse(body);
    if (jsonrpc !== '2.0') throw new Error(`not JSON-RPC: ${body}`);
    // An id that is not the request's is part of the answer, so that it shows.
    return id === request.id ? answer : { ...answer, id };
  }

  /** The result; an error throws. */
  async call(method, params = []) {
    const { result, error } = await this.ask(method, params);
    if (error) throw Object.assign(new Error(`${method}: ${error.message}`), error);
    return result;
  }

  /** Sends a signed transaction and waits for its receipt. */
  async send(raw) {
    const hash = await this.call('eth_sendRawTransaction', [raw]);
    return until(`the receipt of ${hash}`, () => this.call('eth_getTransactionReceipt', [hash]));
  }
}

/** A WebSocket connection: answers by id, notifications in order. */
export class Socket {
  static async open(url) {
    const socket = new Socket();
    socket.ws = new WebSocket(url);
    socket.ws.on('message', (data) => socket.#take(JSON.parse(data)));
    await once(socket.ws, 'open');
    return socket;
  }

  id = 0;
  waiting = new Map();
  inbox = [];
  wake = () => {};

  #take(message) {
    const key = Array.isArray(message) ? 'batch' : message.method ? null : message.id;
    const resolve = this.waiting.get(key);
    if (resolve) {
      this.waiting.delete(key);
      resolve(message);
    } else {
      this.inbox.push(message);
      this.wake();
    }
  }

  async ask(method, params = []) {
    const request = { jsonrpc: '2.0', id: ++this.id, method, params };
    const { jsonrpc, id, ...answer } = await this.exchange(request.id, JSON.stringify(request));
    return answer;
  }

  batch(requests) {
    return this.exchange('batch', JSON.stringify(requests));
  }

  exchange(key, text) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to ${text.slice(0, 200)}`)), DEADLINE_MS);
      this.waiting.set(key, (message) => (clearTimeout(timer), resolve(message)));
      this.ws.send(text);
    });
  }

  /** The next `count` messages that answer no request. */
  async notifications(count) {
    const deadline = Date.now() + DEADLINE_MS;
    while (this.inbox.length < count) {
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`${this.inbox.length} of ${count} notifications came`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this.wake = () => (clearTimeout(timer), resolve());
      });
    }
    return this.inbox.splice(0, count);
  }

  async close() {
    this.ws.close();
    await once(this.ws, 'close');
  }
}
