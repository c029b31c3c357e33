// What is refused, and in which words: libraries parse them.
import { Wallet, concat, encodeRlp, id, keccak256, stripZerosLeft, toBeHex } from 'ethers';
import { CHAIN_ID, ETHER, GWEI, NOWHERE, hex, pauper, wallets } from '../../lib/world.mjs';

export default async function errors(w) {
  await w.deploy();
  await sending(w);
  await params(w);
  for (const method of ['eth_foo', 'nonsense', 'admin_peers', 'eth_getWork', 'personal_listAccounts', '']) {
    await w.ask(`method "${method}"`, method);
  }
}

async function sending(w) {
  const [, alice] = wallets;
  const { gasLimit } = await w.rpc.call('eth_getBlockByNumber', ['latest', false]);
  const plain = { to: NOWHERE, value: 1n, gasLimit: 21_000n };
  await w.send(alice, plain);
  await w.submit('nonce too low', alice, { ...plain, nonce: 0 });
  const each = {
    'insufficient funds': { ...plain, value: 20_000n * ETHER },
    'too little gas': { ...plain, gasLimit: 20_000n },
    'too little gas for the data': { ...plain, data: `0x${'ff'.repeat(100)}`, gasLimit: 21_100n },
    'below the data floor': { ...plain, data: `0x${'ff'.repeat(1000)}`, gasLimit: 40_000n },
    'beyond the block': { ...plain, gasLimit: BigInt(gasLimit) + 1n },
    'beyond a transaction': { ...plain, gasLimit: 2n ** 24n + 1n },
    'a fee below the base fee': { ...plain, maxFeePerGas: 1n, maxPriorityFeePerGas: 1n },
    'another chain': { ...plain, chainId: 1 },
    'another chain, legacy': { ...plain, type: 0, chainId: 1 },
    'too much initialisation code': { data: `0x${'00'.repeat(49_153)}`, gasLimit: 5_000_000n },
  };
  for (const [what, fields] of Object.entries(each)) await w.submit(what, await fresh(w, what), { nonce: 0, ...fields });
  await w.submit('a pauper', pauper, { ...plain, nonce: 0 });
  await w.ask('a tip above the fee', 'eth_sendRawTransaction', [tipAboveFee(alice, await w.nonce(alice))]);

  const good = await w.sign(alice, plain);
  const raw = {
    nothing: '0x',
    'one byte': '0x02',
    'no hex': 'hello',
    'odd hex': '0x012',
    'an unknown type': concat(['0x05', `0x${good.slice(4)}`]),
    'a broken list': `${good.slice(0, -2)}`,
    'a byte too many': `${good}00`,
    'random bytes': `0x${'c0ffee'.repeat(20)}`,
    'a signature beyond the curve': `0x02${good.slice(4, -64)}${'ff'.repeat(32)}`,
  };
  for (const [what, bytes] of Object.entries(raw)) await w.ask(`raw: ${what}`, 'eth_sendRawTransaction', [bytes]);
  await w.ask('from an unlocked account', 'eth_sendTransaction', [{ from: pauper.address, to: NOWHERE }]);
}

/** A funded account for each attempt, so that one that is accepted does not disturb the next. */
async function fresh(w, name) {
  const wallet = new Wallet(id(name));
  await w.rpc.call('hardhat_setBalance', [wallet.address, hex(10_000n * ETHER)]);
  return wallet;
}

/** By hand, because ethers refuses to sign it. */
function tipAboveFee(wallet, nonce) {
  const body = [
    toBeHex(CHAIN_ID), toBeHex(BigInt(nonce)), toBeHex(2n * GWEI), toBeHex(GWEI), toBeHex(21_000), NOWHERE, '0x01', '0x', [],
  ];
  const { yParity, r, s } = wallet.signingKey.sign(keccak256(concat(['0x02', encodeRlp(body)])));
  const signature = [yParity ? '0x01' : '0x', stripZerosLeft(r), stripZerosLeft(s)];
  return concat(['0x02', encodeRlp([...body, ...signature])]);
}

async function params(w) {
  const a = wallets[0].address;
  const h = `0x${'ab'.repeat(32)}`;
  const each = [
    ['no params', 'eth_getBalance', []],
    ['too many', 'eth_getBalance', [a, 'latest', 1]],
    ['an address too short', 'eth_getBalance', ['0x1234', 'latest']],
    ['an address too long', 'eth_getBalance', [`${a}00`, 'latest']],
    ['an address without 0x', 'eth_getBalance', [a.slice(2), 'latest']],
    ['an address that is a number', 'eth_getBalance', [5, 'latest']],
    ['a bad checksum', 'eth_getBalance', [a.replace('f', 'F'), 'latest']],
    ['an unknown tag', 'eth_getBalance', [a, 'yesterday']],
    ['a number with a leading zero', 'eth_getBalance', [a, '0x01']],
    ['a number beyond 64 bits', 'eth_getBalance', [a, '0x1ffffffffffffffff']],
    ['a decimal number', 'eth_getBalance', [a, 0]],
    ['a future block', 'eth_getBalance', [a, '0xffff']],
    ['an unknown block hash', 'eth_getBalance', [a, { blockHash: h }]],
    ['a block object of both kinds', 'eth_getBalance', [a, { blockHash: h, blockNumber: '0x1' }]],
    ['a hash too short', 'eth_getTransactionByHash', ['0x1234']],
    ['a missing flag', 'eth_getBlockByNumber', ['latest']],
    ['a flag that is text', 'eth_getBlockByNumber', ['latest', 'yes']],
    ['a storage key too long', 'eth_getStorageAt', [a, `${h}00`, 'latest']],
    ['a storage key that is no hex', 'eth_getStorageAt', [a, 'zz', 'latest']],
    ['a call that is text', 'eth_call', ['hello', 'latest']],
    ['a call without a call', 'eth_call', []],
    ['a call with a bad value', 'eth_call', [{ to: a, value: '1' }, 'latest']],
    ['a call with a bad gas', 'eth_call', [{ to: a, gas: '0x' }, 'latest']],
    ['a call with an unknown field', 'eth_call', [{ to: a, colour: 'red' }, 'latest']],
    ['a raw transaction that is a number', 'eth_sendRawTransaction', [1]],
    ['params where none belong', 'eth_chainId', [1]],
    ['params that are an object', 'eth_getBalance', { address: a }],
    ['params that are null', 'eth_chainId', null],
    ['an index beyond 32 bits', 'eth_getTransactionByBlockNumberAndIndex', ['0x1', toBeHex(2n ** 40n)]],
  ];
  for (const [what, method, list] of each) await w.ask(`params: ${what}`, method, list);
}
