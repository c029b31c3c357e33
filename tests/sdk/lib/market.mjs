// A market of one's own, `canut up`, for as long as a test needs it.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Contract, JsonRpcProvider, Wallet } from 'ethers';

const ARTIFACTS = new URL('../../../contracts/artifacts/', import.meta.url);
const APPS = new URL('../../../apps/', import.meta.url);
const PATIENCE_MS = 120_000;

/** A compiled contract. */
export const artifact = async (name) => JSON.parse(await readFile(new URL(`${name}.json`, ARTIFACTS), 'utf8'));

export class Market {
  /** Starts one on ports of its own. Seven new workers that agree reach trust 128; one more may be drawn to check them. */
  static async start({ workers = 8 } = {}) {
    const market = new Market();
    market.binary = process.env.CANUT_BIN;
    if (!market.binary) throw new Error('CANUT_BIN names no binary');
    market.folder = await mkdtemp(join(tmpdir(), 'canut-sdk-'));
    market.env = { ...process.env, CANUT_HOME: join(market.folder, 'canut'), HOME: market.folder };
    const anywhere = ['rpc', 'market', 'store', 'vault', 'pool'].flatMap((name) => [`--${name}`, '127.0.0.1:0']);
    market.process = spawn(market.binary, ['up', '--json', '--workers', String(workers), ...anywhere], {
      env: market.env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const failed = once(market.process, 'exit').then(([code]) => Promise.reject(new Error(`canut up ended with ${code}`)));
    failed.catch(() => {});
    const lines = createInterface({ input: market.process.stdout });
    const [line] = await Promise.race([once(lines, 'line', { signal: AbortSignal.timeout(PATIENCE_MS) }), failed]);
    Object.assign(market, JSON.parse(line));
    return market;
  }

  /** Runs canut, and gives what it prints. */
  async canut(...args) {
    return this.command(args, this.env);
  }

  /** Runs canut with the key of one of the accounts. */
  async canutAs(account, ...args) {
    return this.command(args, { ...this.env, CANUT_PRIVATE_KEY: this.accounts[account].private_key });
  }

  async command(args, env) {
    const { stdout } = await promisify(execFile)(this.binary, args, { env, timeout: PATIENCE_MS });
    return stdout;
  }

  /** Puts bytes in the store, as `ipfs add` does. Gives their CID and checksum. */
  async upload(bytes, name = 'file') {
    const form = new FormData();
    form.append('file', new Blob([bytes]), name);
    const added = await fetch(`${this.store}/api/v0/add`, { method: 'POST', body: form });
    const { Hash } = await added.json();
    return { cid: Hash, checksum: `0x${createHash('sha256').update(bytes).digest('hex')}` };
  }

  /** Puts one of the example apps in the store. */
  async uploadApp(name) {
    return this.upload(await readFile(new URL(`${name}.wasm`, APPS)), `${name}.wasm`);
  }

  /** Takes up a task, as only a scheduler does otherwise. */
  async initialize(deal, index) {
    const provider = new JsonRpcProvider(this.rpc);
    const hub = new Contract(this.hub, (await artifact('IHub')).abi, new Wallet(this.accounts[0].private_key, provider));
    await (await hub.initialize(deal, index)).wait();
    provider.destroy();
  }

  async stop() {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.process.kill('SIGTERM');
      const deadline = setTimeout(() => this.process.kill('SIGKILL'), PATIENCE_MS);
      await once(this.process, 'exit');
      clearTimeout(deadline);
    }
    await rm(this.folder, { recursive: true, force: true });
    if (this.process.exitCode !== 0) throw new Error(`canut up ended with ${this.process.exitCode ?? this.process.signalCode}`);
  }
}
