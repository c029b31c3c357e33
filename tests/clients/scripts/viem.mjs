// The usual steps through viem: public, wallet and test clients, over HTTP and WebSocket.
import {
  BaseError, createPublicClient, createTestClient, createWalletClient, getContract, http, parseEther, parseGwei, webSocket,
} from 'viem';
import { mnemonicToAccount } from 'viem/accounts';
import { foundry } from 'viem/chains';
import { MNEMONIC, NOWHERE, PROBE, word } from '../lib/world.mjs';

const accounts = [0, 1, 2, 3].map((addressIndex) => mnemonicToAccount(MNEMONIC, { addressIndex }));
const { abi, bytecode } = PROBE;
/** Given where hashes are compared: what a library chooses depends on the estimate, which may differ a little. */
const FEES = { maxFeePerGas: parseGwei('10'), maxPriorityFeePerGas: parseGwei('1') };

export default async function viem(w) {
  const batched = http(w.url, { batch: true, retryCount: 0 });
  const client = createPublicClient({ chain: foundry, transport: batched, pollingInterval: 20, cacheTime: 0 });
  const wallet = (i) => createWalletClient({ chain: foundry, transport: batched, account: accounts[i] });
  const receipt = (hash) => client.waitForTransactionReceipt({ hash });

  const deployed = await receipt(await wallet(0).deployContract({ abi, bytecode, args: [42n], value: 5n, gas: 3_000_000n, ...FEES }));
  w.note('deployment', deployed);
  const probe = getContract({ address: deployed.contractAddress, abi, client: { public: client, wallet: wallet(1) } });
  await reads(w, client, probe);
  await writes(w, client, probe, wallet, receipt);
  await failures(w, client, probe, wallet);
  await events(w, client, probe, receipt);
  await subscriptions(w, probe, wallet, receipt);
  await tests(w, client);
}

async function reads(w, client, probe) {
  const { address } = probe;
  w.note('in one batch', await Promise.all([
    client.getChainId(), client.getBlockNumber(), client.getGasPrice(), client.getBalance({ address }),
    client.getTransactionCount({ address: accounts[0].address }), client.getCode({ address }),
    client.getStorageAt({ address, slot: '0x1' }), probe.read.values([0n]),
  ]));
  const [number, gasLimit, chain, fee, blobFee, origin] = await probe.read.environment();
  w.note('environment', { number, gasLimit, chain, fee, blobFee, origin });
  w.note('fees', await client.estimateFeesPerGas());
  w.note('tip', await client.estimateMaxPriorityFeePerGas());
  w.note('fee history', await client.getFeeHistory({ blockCount: 2, rewardPercentiles: [25, 75] }));
  w.note('block', await client.getBlock({ blockNumber: 1n }));
  w.note('block in full', await client.getBlock({ blockNumber: 1n, includeTransactions: true }));
  w.note('estimate', await probe.estimateGas.store([1n, 2n, 'x']));
  w.note('access list', (await client.createAccessList({ to: address, data: '0x06661abd' })).gasUsed);
  w.note('call with overrides', await client.call({ to: NOWHERE, stateOverride: [{ address: NOWHERE, code: '0x602a60005260206000f3' }] }));
  const proof = await client.getProof({ address, storageKeys: [word(1)] });
  w.note('proof', { ...proof, accountProof: proof.accountProof.length > 0 });
}

async function writes(w, client, probe, wallet, receipt) {
  const byItself = await receipt(await probe.write.store([1n, 2n, 'three']));
  w.note('gas and fees left to the library', [byItself.status, byItself.type, byItself.gasUsed]);
  const kinds = {
    legacy: { type: 'legacy', gasPrice: parseGwei('5') },
    'access list': { type: 'eip2930', gasPrice: parseGwei('5'), accessList: [{ address: probe.address, storageKeys: [] }] },
    'dynamic fee': { maxFeePerGas: parseGwei('6'), maxPriorityFeePerGas: parseGwei('2') },
  };
  for (const [kind, overrides] of Object.entries(kinds)) {
    const hash = await probe.write.store([BigInt(kind.length), 3n, kind], { gas: 200_000n, ...overrides });
    w.note(`${kind}: receipt`, await receipt(hash));
    w.note(`${kind}: transaction`, await client.getTransaction({ hash }));
    w.note(`${kind}: confirmations`, await client.getTransactionConfirmations({ hash }));
  }
  const simulated = await client.simulateContract({ ...at(probe), functionName: 'make', args: [7n], account: accounts[2], value: 3n });
  w.note('simulation', simulated.result);
  w.note('as simulated', (await receipt(await wallet(2).writeContract(simulated.request))).status);
  const authorization = await wallet(3).signAuthorization({ contractAddress: probe.address });
  const delegation = await wallet(2).sendTransaction({ authorizationList: [authorization], to: accounts[3].address, gas: 200_000n, ...FEES });
  w.note('delegation', await receipt(delegation));
}

/** Only what calls need of a contract object: viem cannot print the rest in its errors. */
const at = ({ address }) => ({ address, abi });

/** The chain of causes, by name and short message. */
const refusal = async (promise) => {
  try {
    return { result: await promise };
  } catch (error) {
    if (!(error instanceof BaseError)) throw error;
    const causes = [];
    error.walk((e) => (causes.push([e.name, e.code, e.shortMessage ?? e.message, e.reason, e.data]), false));
    return causes;
  }
};

async function failures(w, client, probe, wallet) {
  const calls = {
    reason: ['failWithReason', []], error: ['failWithError', [17n]], silence: ['failSilently', []],
    assertion: ['failAssertion', [false]], division: ['divide', [1n, 0n]], underflow: ['subtract', [1n, 2n]],
  };
  for (const [what, [functionName, args]] of Object.entries(calls)) {
    w.note(`revert with ${what}: call`, await refusal(client.readContract({ ...at(probe), functionName, args })));
    const simulation = { ...at(probe), functionName, args, account: accounts[1] };
    w.note(`revert with ${what}: estimate`, await refusal(client.estimateContractGas(simulation)));
  }
  const fees = { gas: 21_000n, ...FEES };
  const send = (tx) => refusal(wallet(1).sendTransaction({ to: NOWHERE, ...fees, ...tx }));
  w.note('nonce used', await send({ nonce: 0 }));
  w.note('insufficient funds', await send({ value: parseEther('1000000') }));
  w.note('too little gas', await send({ gas: 20_000n }));
  w.note('unknown transaction', await refusal(client.getTransaction({ hash: `0x${'ab'.repeat(32)}` })));
  w.note('unknown block', await refusal(client.getBlock({ blockNumber: 99_999n })));
}

async function events(w, client, probe, receipt) {
  w.note('past events', await client.getContractEvents({ ...at(probe), eventName: 'Stored', fromBlock: 3n }));
  const filter = await client.createContractEventFilter({ ...at(probe), eventName: 'Tick' });
  await receipt(await probe.write.ticks([3n], { gas: 200_000n, ...FEES }));
  w.note('events since', await client.getFilterChanges({ filter }));
  w.note('no more events', await client.getFilterChanges({ filter }));
  w.note('filter removed', await client.uninstallFilter({ filter }));
}

async function subscriptions(w, probe, wallet, receipt) {
  const transport = webSocket(w.node.ws, { reconnect: false, retryCount: 0 });
  const live = createPublicClient({ chain: foundry, transport });
  const first = (watch) => new Promise((resolve, reject) => watch(resolve, reject));
  const block = first((onBlock, onError) => live.watchBlocks({ onBlock, onError }));
  const logs = first((onLogs, onError) => live.watchContractEvent({ ...at(probe), eventName: 'Stored', onLogs, onError }));
  const hashes = first((onTransactions, onError) => live.watchPendingTransactions({ onTransactions, onError }));
  // The subscriptions are asked for in the background, on this very connection: an answer after them shows that they stand.
  await live.getChainId();
  await new Promise((resolve) => setImmediate(resolve));
  await live.getChainId();
  const hash = await wallet(1).writeContract({ ...at(probe), functionName: 'store', args: [5n, 6n, 'seven'], gas: 200_000n, ...FEES });
  const mined = await receipt(hash);
  w.note('head', (await block).number === mined.blockNumber);
  w.note('logs', await logs);
  w.note('pending', (await hashes).includes(hash));
  const socket = await transport({ chain: foundry }).value.getRpcClient();
  socket.close();
}

async function tests(w, client) {
  for (const mode of ['anvil', 'hardhat']) {
    const test = createTestClient({ chain: foundry, mode, transport: http(w.url) });
    const snapshot = await test.snapshot();
    await test.setBalance({ address: NOWHERE, value: parseEther('3') });
    await test.increaseTime({ seconds: 3600 });
    const before = await client.getBlock();
    await test.mine({ blocks: 2 });
    const after = await client.getBlock();
    w.note(`${mode}: an hour and two blocks`, [after.number - before.number, after.timestamp - before.timestamp >= 3600n]);
    w.note(`${mode}: balance set`, await client.getBalance({ address: NOWHERE }));
    await test.revert({ id: snapshot });
    w.note(`${mode}: balance reverted`, await client.getBalance({ address: NOWHERE }));
  }
}
