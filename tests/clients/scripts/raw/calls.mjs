// eth_call, eth_estimateGas and eth_createAccessList: values, reverts, limits.
import { ETHER, GWEI, NOWHERE, PROBE, encode, hex, pauper, wallets, word } from '../../lib/world.mjs';

export default async function calls(w) {
  await w.deploy();
  await w.invoke(wallets[0], 'fill', [0, 20], { gasLimit: 2_000_000n });
  await w.invoke(wallets[0], 'make', [3], { gasLimit: 1_000_000n });

  const functions = {
    'a value': ['values', [3]],
    'reverts with a reason': ['failWithReason'],
    'reverts with an error': ['failWithError', [17]],
    'reverts silently': ['failSilently'],
    'fails an assertion': ['failAssertion', [false]],
    'divides by zero': ['divide', [1, 0]],
    'underflows': ['subtract', [1, 2]],
    'runs an invalid opcode': ['burn'],
    'runs out of gas': ['spin', [], { gas: hex(100_000) }],
    'writes': ['store', [1, 2, 'note']],
    'emits': ['ticks', [3]],
    'creates': ['make', [9], { value: '0x1' }],
    'nests': ['nest', [4]],
    'clears': ['clear', [0, 20]],
    'needs a reserve of gas': ['greedy'],
    'pays a function that takes nothing': ['values', [3], { value: '0x1' }],
  };
  for (const [what, [name, args, fields]] of Object.entries(functions)) {
    const call = w.probing(name, args, fields);
    await w.ask(`${what}: call`, 'eth_call', [call, 'latest']);
    await w.ask(`${what}: estimate`, 'eth_estimateGas', [call]);
    w.note(`${what}: access list`, sorted(await w.rpc.ask('eth_createAccessList', [call, 'latest'])));
  }

  const create = PROBE.bytecode + PROBE.interface.encodeDeploy([1]).slice(2);
  const to = NOWHERE;
  const [rich, poor] = [wallets[1].address, pauper.address];
  const plain = {
    'a transfer': { from: rich, to, value: hex(ETHER) },
    'a transfer to a contract': { from: rich, to: w.probe, value: '0x1' },
    'a transfer beyond the balance': { from: poor, to, value: '0x1' },
    'a transfer at a price beyond the balance': { from: poor, to, maxFeePerGas: hex(GWEI) },
    'nothing at all': {},
    'nobody as sender': { to: w.probe, data: encode('count') },
    'input instead of data': { to: w.probe, input: encode('count') },
    'input and data alike': { to: w.probe, input: encode('count'), data: encode('count') },
    'input and data that differ': { to: w.probe, input: encode('count'), data: '0x' },
    'both kinds of fee': { from: rich, to, gasPrice: hex(GWEI), maxFeePerGas: hex(GWEI) },
    'a tip above the fee': { from: rich, to, maxFeePerGas: hex(GWEI), maxPriorityFeePerGas: hex(2n * GWEI) },
    'a fee below the base fee': { from: rich, to, maxFeePerGas: '0x1' },
    'a legacy price': { from: rich, to, gasPrice: hex(3n * GWEI) },
    'a creation': { from: rich, data: create },
    'a creation that fails': { from: rich, data: '0xfe' },
    'too little gas': { from: rich, to, gas: hex(20_000) },
    'gas for the data only': { from: rich, to: w.probe, data: encode('count'), gas: hex(21_300) },
    'another chain': { from: rich, to, chainId: '0x1' },
    'a wrong nonce': { from: rich, to, nonce: '0x63' },
    'a precompile': { to: '0x0000000000000000000000000000000000000002', data: '0x1234' },
  };
  for (const [what, call] of Object.entries(plain)) {
    await w.ask(`${what}: call`, 'eth_call', [call, 'latest']);
    await w.ask(`${what}: estimate`, 'eth_estimateGas', [call]);
  }
  await places(w);
  await overrides(w);
}

/** Access lists come in no particular order. */
function sorted(answer) {
  const list = answer.result?.accessList ?? [];
  list.forEach((entry) => entry.storageKeys.sort());
  list.sort((a, b) => a.address.localeCompare(b.address));
  return answer;
}

/** What a contract sees, field by field. */
async function environment(w, step, params) {
  const { result, error } = await w.rpc.ask('eth_call', params);
  const read = () => (result === '0x' ? result : PROBE.interface.decodeFunctionResult('environment', result).toObject());
  w.note(step, error ? { error } : read());
}

/** The same question asked of other blocks. */
async function places(w) {
  const call = w.probing('values', [3]);
  for (const tag of ['latest', 'pending', 'earliest', '0x1', '0x2', '0xffff']) {
    await w.ask(`at ${tag}: call`, 'eth_call', [call, tag]);
    await environment(w, `at ${tag}: environment`, [w.probing('environment'), tag]);
  }
  await w.ask('at no block: call', 'eth_call', [call]);
  const { hash } = await w.rpc.call('eth_getBlockByNumber', ['0x1', false]);
  await w.ask('at a block hash: call', 'eth_call', [call, { blockHash: hash }]);
  await w.ask('at an unknown hash: call', 'eth_call', [call, { blockHash: `0x${'ab'.repeat(32)}` }]);
  await w.ask('estimate at a past block', 'eth_estimateGas', [w.probing('store', [3, 4, 'x']), '0x1']);
  const before = await w.rpc.call('eth_getBlockByNumber', ['latest', false]);
  const now = BigInt(await w.rpc.call('eth_call', [w.probing('time'), 'latest']));
  w.note('the present is not before the head', now >= BigInt(before.timestamp));
  const past = await w.rpc.call('eth_call', [w.probing('past', [1]), 'latest']);
  w.note('blockhash of the first block', past === hash);
}

async function overrides(w) {
  const slot = word(1);
  const value = word(99);
  const call = w.probing('count');
  const each = {
    balance: [{ from: pauper.address, to: NOWHERE, value: '0x1' }, { [pauper.address]: { balance: hex(ETHER) } }],
    code: [call, { [w.probe]: { code: '0x602a60005260206000f3' } }],
    'state difference': [call, { [w.probe]: { stateDiff: { [slot]: value } } }],
    'whole state': [call, { [w.probe]: { state: { [slot]: value } } }],
    'state and difference': [call, { [w.probe]: { state: { [slot]: value }, stateDiff: { [slot]: value } } }],
  };
  for (const [what, [tx, changes]] of Object.entries(each)) {
    await w.ask(`override of ${what}`, 'eth_call', [tx, 'latest', changes]);
  }
  const block = { number: '0x1234', gasLimit: '0x100000', baseFeePerGas: '0x0' };
  await environment(w, 'override of the block', [w.probing('environment'), 'latest', {}, block]);
}
