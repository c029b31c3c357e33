// The usual steps through cast, foundry's command line: what it prints, and how it ends.
import { run } from '../lib/command.mjs';
import { CAST } from '../lib/servers.mjs';
import { NOWHERE, PROBE, pauper, wallets } from '../lib/world.mjs';

const TICK = 'Tick(uint256)';
/** Given where hashes are compared: what cast chooses depends on the estimate, which may differ a little. */
const FEES = ['--gas-price', '5gwei', '--priority-gas-price', '1gwei'];
const GAS = ['--gas-limit', '200000'];

export default async function cast(w) {
  const key = ['--private-key', wallets[1].privateKey];
  const go = (args) => run(CAST, args, { env: { ETH_RPC_URL: w.url, NO_COLOR: '1', HOME: '/nonexistent' } });
  const ok = async (args) => {
    const { code, stdout, stderr } = await go(args);
    if (code !== 0) throw new Error(`cast ${args.join(' ')}: ${stderr}`);
    return readable(stdout);
  };
  const note = async (step, ...args) => w.note(step, await ok(args));
  const fails = async (step, ...args) => {
    const { code, stderr } = await go(args);
    w.note(step, { code, stderr: stderr.replaceAll(w.url, '<url>') });
  };

  const deployment = await ok(['send', '--json', ...key, ...FEES, '--gas-limit', '3000000', '--create', PROBE.bytecode, 'constructor(uint256)', '42']);
  w.note('deployment', deployment);
  const probe = deployment.contractAddress;
  await reads(note, probe);
  const sent = await ok(['send', '--json', ...key, ...FEES, ...GAS, probe, 'store(uint256,uint256,string)', '7', '8', 'seven']);
  w.note('store', sent);
  await note('legacy', 'send', '--json', '--legacy', '--gas-price', '5gwei', ...GAS, ...key, probe, 'ticks(uint256)', '3');
  await note('a transfer', 'send', '--json', ...key, ...FEES, '--gas-limit', '21000', NOWHERE, '--value', '1ether');
  await note('transaction', 'tx', '--json', sent.transactionHash);
  await note('transaction for people', 'tx', sent.transactionHash, 'input');
  await note('receipt', 'receipt', '--json', sent.transactionHash);
  await note('logs', 'logs', '--json', '--from-block', '0', '--address', probe, TICK);
  await note('block', 'block', '--json', '2');
  await note('block in full', 'block', '--json', '--full', '2');
  const byItself = await ok(['send', '--json', ...key, probe, 'ticks(uint256)', '1']);
  w.note('gas and fees left to cast', [byItself.status, byItself.gasUsed, byItself.logs.length]);
  const unlocked = await ok(['send', '--json', '--unlocked', '--from', wallets[2].address, NOWHERE, '--value', '1']);
  w.note('by an unlocked account', [unlocked.status, unlocked.gasUsed, unlocked.from]);

  await fails('revert with a reason', 'call', probe, 'failWithReason()');
  await fails('revert with an error', 'call', probe, 'failWithError(uint256)', '17');
  await fails('revert silently', 'call', probe, 'failSilently()');
  await fails('assertion', 'call', probe, 'failAssertion(bool)', 'false');
  await fails('estimate of a revert', 'estimate', probe, 'failWithReason()');
  await fails('sending a revert', 'send', ...key, probe, 'failWithReason()');
  await fails('nonce used', 'send', ...key, '--nonce', '0', '--gas-limit', '21000', NOWHERE);
  await fails('insufficient funds', 'send', '--private-key', pauper.privateKey, '--gas-limit', '21000', NOWHERE, '--value', '1');
  await fails('unknown transaction', 'tx', `0x${'ab'.repeat(32)}`);
  await fails('unknown block', 'block', '99999');
  await fails('unknown method', 'rpc', 'eth_foo');
}

async function reads(note, probe) {
  await note('chain id', 'chain-id');
  await note('chain', 'chain');
  await note('block number', 'block-number');
  await note('gas price', 'gas-price');
  await note('base fee', 'base-fee');
  await note('balance', 'balance', wallets[0].address);
  await note('nonce', 'nonce', wallets[1].address);
  await note('code', 'code', probe);
  await note('code size', 'codesize', probe);
  await note('code hash', 'codehash', probe);
  await note('storage', 'storage', probe, '1');
  await note('storage root', 'storage-root', probe);
  await note('call', 'call', probe, 'values(uint256)(uint256)', '0');
  await note('call, raw', 'call', probe, 'count()');
  await note('estimate', 'estimate', probe, 'store(uint256,uint256,string)', '1', '2', 'x');
  await note('access list', 'access-list', '--json', probe, 'count()');
  await note('rpc', 'rpc', 'eth_getBlockTransactionCountByNumber', '0x1');
  await note('pool', 'tx-pool', 'status');
}

function readable(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text.trim();
  }
}
