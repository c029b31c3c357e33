// Starts the node under test and anvil on free ports, and ends them whatever happens.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { nextBaseFee } from './fees.mjs';
import { Rpc } from './rpc.mjs';

export const CAST = bin('cast');
const ANVIL = bin('anvil');
const START_MS = 60_000;
const live = new Set();

process.once('exit', () => live.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

function bin(name) {
  return fileURLToPath(new URL(`../node_modules/@foundry-rs/${name}-linux-amd64/bin/${name}`, import.meta.url));
}

/** Runs `command` and resolves with the first URL that `pattern` finds on its output. */
async function listen(command, args, pattern) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  live.add(child);
  let errors = '';
  child.stderr.on('data', (text) => (errors = (errors + text).slice(-4000)));
  const exited = new Promise((resolve) => child.once('close', resolve));
  exited.then(() => live.delete(child));
  const url = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${command} did not listen in time: ${errors}`)), START_MS);
    child.once('error', reject);
    exited.then((code) => reject(new Error(`${command} ended with ${code}: ${errors}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = pattern.exec(line);
      if (!found) return;
      clearTimeout(timer);
      resolve(`http://${found[1]}`);
    });
  });
  const stop = async (signal = 'SIGTERM') => {
    child.kill(signal);
    return exited;
  };
  return { url, ws: url.replace('http', 'ws'), rpc: new Rpc(url), stop, pid: child.pid };
}

/** Stands in for the node under test: `CANUT_BIN=anvil` shows what the tests themselves hide or get wrong. */
export const REHEARSAL = process.env.CANUT_BIN === 'anvil';

/** The node under test, on a fresh directory, with the developer methods. */
export async function startOurs(extra = []) {
  if (REHEARSAL) return startAnvil(undefined, ['--gas-limit', '60000000']);
  const binary = process.env.CANUT_BIN;
  if (!binary) throw new Error('CANUT_BIN is not set: give the path of the canut binary');
  const dir = mkdtempSync(join(tmpdir(), 'canut-clients-'));
  const args = ['node', '--dev', '--dir', dir, '--http', '127.0.0.1:0', ...extra];
  const node = await listen(binary, args, /JSON-RPC listening on http:\/\/(\S+)/);
  const stop = async (signal) => {
    const code = await node.stop(signal);
    rmSync(dir, { recursive: true, force: true });
    return code;
  };
  return { ...node, name: 'ours', stop };
}

/**
 * Anvil with the genesis parameters of `like` (a genesis block), so that fees and roots can be compared exactly.
 * Anvil gives its first block the base fee of its genesis; so its genesis gets the fee of our first block.
 */
export async function startAnvil(like, extra = []) {
  const rules = ['--hardfork', 'osaka', '--enable-tx-gas-limit', '--slots-in-an-epoch', '0', '--disable-default-create2-deployer'];
  const args = ['--port', '0', ...rules, ...extra];
  if (like) args.push('--gas-limit', BigInt(like.gasLimit).toString());
  if (like) args.push('--block-base-fee-per-gas', (REHEARSAL ? BigInt(like.baseFeePerGas) : nextBaseFee(like)).toString());
  return { ...(await listen(ANVIL, args, /Listening on (\S+)/)), name: 'anvil' };
}

/** Both, alike. */
export async function startPair() {
  const ours = await startOurs();
  const genesis = await ours.rpc.call('eth_getBlockByNumber', ['0x0', false]);
  const anvil = await startAnvil(genesis);
  return { ours, anvil, stop: () => Promise.all([ours.stop(), anvil.stop()]) };
}
