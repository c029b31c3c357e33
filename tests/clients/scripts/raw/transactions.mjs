// Every kind of transaction, and every way to read it again.
import { Transaction } from 'ethers';
import { ETHER, GWEI, NOWHERE, PROBE, encode, hex, pauper, wallets, word } from '../../lib/world.mjs';

const UNKNOWN = `0x${'ab'.repeat(32)}`;

export default async function transactions(w) {
  const deployment = await w.deploy();
  w.note('deployment', deployment);
  const [, alice, bob] = wallets;
  const accessList = [{ address: w.probe, storageKeys: [word(1)] }];
  const store = { to: w.probe, data: encode('store', [7, 8, 'seven']) };
  const kinds = {
    legacy: { type: 0, to: NOWHERE, value: ETHER, gasLimit: 21_000n },
    'access list': { type: 1, ...store, accessList },
    'dynamic fee': { ...store },
    'dynamic fee with an access list': { ...store, accessList },
    'no tip': { to: NOWHERE, value: 1n, maxPriorityFeePerGas: 0n },
    'tip as high as the fee': { to: NOWHERE, value: 1n, maxPriorityFeePerGas: 10n * GWEI },
    'data to an account': { to: NOWHERE, data: '0x00ff00ff' },
    'nothing to oneself': { to: alice.address },
    reverting: { to: w.probe, data: encode('failWithReason') },
    'out of gas': { to: w.probe, data: encode('spin'), gasLimit: 50_000n },
    'invalid opcode': { to: w.probe, data: encode('burn'), gasLimit: 50_000n },
    'with many logs': { to: w.probe, data: encode('ticks', [5]) },
    'with a refund': { to: w.probe, data: encode('clear', [0, 8]) },
    'creation by a call': { to: w.probe, data: encode('make', [3]), value: 5n, gasLimit: 1_000_000n },
    'failed creation': { data: '0xfe', gasLimit: 100_000n },
    'empty creation': { data: '0x', gasLimit: 100_000n },
    'precompile': { to: '0x0000000000000000000000000000000000000004', data: '0x01020304' },
  };
  for (const [kind, fields] of Object.entries(kinds)) await oneByOne(w, kind, alice, fields);

  // A delegation (EIP-7702), and a call through it.
  const authorization = await bob.authorize({ address: w.probe, nonce: 0, chainId: 31337 });
  const delegated = await w.ask('delegation: sending', 'eth_sendRawTransaction', [
    await w.sign(alice, { type: 4, to: bob.address, authorizationList: [authorization] }),
  ]);
  if (delegated) {
    w.note('delegation: receipt', await w.receipt(delegated));
    await w.ask('delegation', 'eth_getTransactionByHash', [delegated]);
    await w.ask('delegation: code', 'eth_getCode', [bob.address, 'latest']);
    const through = { from: alice.address, to: bob.address, data: encode('count') };
    await w.ask('delegation: call', 'eth_call', [through, 'latest']);
  }

  await filling(w, alice);

  await w.ask('unknown transaction', 'eth_getTransactionByHash', [UNKNOWN]);
  await w.ask('unknown transaction, raw', 'eth_getRawTransactionByHash', [UNKNOWN]);
  await w.ask('unknown receipt', 'eth_getTransactionReceipt', [UNKNOWN]);
  await w.ask('index out of range', 'eth_getTransactionByBlockNumberAndIndex', ['0x1', '0x9']);
  await w.ask('block out of range', 'eth_getTransactionByBlockNumberAndIndex', ['0xffff', '0x0']);
  await w.ask('count out of range', 'eth_getBlockTransactionCountByNumber', ['0xffff']);
  await w.ask('count by unknown hash', 'eth_getBlockTransactionCountByHash', [UNKNOWN]);
  await w.ask('nobody paid', 'eth_getBalance', [pauper.address, 'latest']);
  await w.submit('legacy without a chain id', wallets[6], { type: 0, chainId: null, to: NOWHERE, value: 1n, gasLimit: 21_000n });
  w.note('bytecode', await w.rpc.call('eth_getCode', [w.probe, 'latest']) === (await runtime(w)));
}

/** eth_fillTransaction: what is given stays, what is not is found. */
async function filling(w, alice) {
  const nonce = hex(await w.nonce(alice));
  const given = { from: alice.address, to: NOWHERE, value: '0x5', gas: '0x5208', nonce };
  const fees = { maxFeePerGas: hex(9n * GWEI), maxPriorityFeePerGas: hex(GWEI) };
  await w.ask('filled: nothing to fill', 'eth_fillTransaction', [{ ...given, ...fees }]);
  await w.ask('filled: legacy', 'eth_fillTransaction', [{ ...given, gasPrice: hex(9n * GWEI) }]);
  await w.ask('filled: with an access list', 'eth_fillTransaction', [{ ...given, ...fees, accessList: [{ address: w.probe, storageKeys: [word(1)] }] }]);
  const { result } = await w.rpc.ask('eth_fillTransaction', [{ from: alice.address, to: NOWHERE, value: '0x5' }]);
  const filled = Transaction.from(result.raw);
  w.note('filled: everything', { to: filled.to, nonce: filled.nonce, gas: filled.gasLimit, chain: filled.chainId, type: filled.type, signed: filled.isSigned() });
  w.note('filled: it can be sent', (await w.send(alice, { to: filled.to, value: filled.value, nonce: filled.nonce, gasLimit: filled.gasLimit, maxFeePerGas: filled.maxFeePerGas, maxPriorityFeePerGas: filled.maxPriorityFeePerGas })).status);
  await w.ask('filled: both kinds of fee', 'eth_fillTransaction', [{ ...given, ...fees, gasPrice: '0x1' }]);
  await w.ask('filled: for another chain', 'eth_fillTransaction', [{ ...given, chainId: '0x1' }]);
  await w.ask('filled: a creation of nothing', 'eth_fillTransaction', [{ from: alice.address }]);
}

async function oneByOne(w, kind, wallet, fields) {
  const hash = await w.submit(`${kind}: sending`, wallet, fields);
  if (!hash) return;
  const receipt = await w.receipt(hash);
  w.note(`${kind}: receipt`, receipt);
  await w.ask(`${kind}: by hash`, 'eth_getTransactionByHash', [hash]);
  const at = [receipt.blockNumber, receipt.transactionIndex];
  await w.ask(`${kind}: by number and index`, 'eth_getTransactionByBlockNumberAndIndex', at);
  const inside = [receipt.blockHash, receipt.transactionIndex];
  await w.ask(`${kind}: by block hash and index`, 'eth_getTransactionByBlockHashAndIndex', inside);
  await w.ask(`${kind}: raw`, 'eth_getRawTransactionByHash', [hash]);
  await w.ask(`${kind}: raw by number and index`, 'eth_getRawTransactionByBlockNumberAndIndex', at);
  await w.ask(`${kind}: raw by block hash and index`, 'eth_getRawTransactionByBlockHashAndIndex', inside);
  await w.ask(`${kind}: count by number`, 'eth_getBlockTransactionCountByNumber', [receipt.blockNumber]);
  await w.ask(`${kind}: count by hash`, 'eth_getBlockTransactionCountByHash', [receipt.blockHash]);
  await w.ask(`${kind}: sender's balance`, 'eth_getBalance', [wallet.address, 'latest']);
}

/** The code a call of the constructor returns. */
function runtime(w) {
  const data = PROBE.bytecode + PROBE.interface.encodeDeploy([42]).slice(2);
  return w.rpc.call('eth_call', [{ from: wallets[0].address, data }, 'latest']);
}
