// The usual steps through ethers 6: provider, signer, contract, factory, subscriptions.
import { Contract, ContractFactory, JsonRpcProvider, NonceManager, WebSocketProvider, Wallet, parseEther } from 'ethers';
import { until } from '../lib/rpc.mjs';
import { CHAIN_ID, GWEI, NOWHERE, PROBE, wallets } from '../lib/world.mjs';

export default async function ethers(w) {
  const provider = new JsonRpcProvider(w.url, CHAIN_ID, { staticNetwork: true, cacheTimeout: -1, pollingInterval: 20 });
  const socket = new WebSocketProvider(w.node.ws, CHAIN_ID, { staticNetwork: true, cacheTimeout: -1 });
  try {
    const probe = await deploy(w, provider);
    await reads(w, provider, probe);
    await writes(w, provider, probe);
    await failures(w, provider, probe);
    await events(w, provider, probe);
    await subscriptions(w, socket, probe);
  } finally {
    provider.destroy();
    await socket.destroy();
  }
}

/** Given where hashes are compared: what a library chooses depends on the estimate, which may differ a little. */
const FEES = { maxFeePerGas: 10n * GWEI, maxPriorityFeePerGas: GWEI };

/** The error's fields, without the request and the URL that its message repeats. */
const refusal = async (promise) => {
  try {
    return { result: await promise };
  } catch (e) {
    const { code, shortMessage, reason, data, revert, action, info } = e;
    return { code, shortMessage, reason, data, revert, action, rpc: info?.error ?? e.error };
  }
};

async function deploy(w, provider) {
  const signer = new Wallet(wallets[0].privateKey, provider);
  const factory = new ContractFactory(PROBE.abi, PROBE.bytecode, signer);
  const probe = await factory.deploy(42, { value: 1000n, gasLimit: 3_000_000, ...FEES });
  await probe.waitForDeployment();
  w.note('deployment', (await provider.getTransactionReceipt(probe.deploymentTransaction().hash)).toJSON());
  w.note('deployed code', await provider.getCode(await probe.getAddress()));
  return probe;
}

async function reads(w, provider, probe) {
  w.note('network', await provider.getNetwork());
  w.note('fee data', await provider.getFeeData());
  w.note('values', [await probe.values(0), await probe.count()]);
  w.note('environment', (await probe.environment()).toObject());
  w.note('static call', await probe.store.staticCall(1, 2, 'x'));
  w.note('estimate', await probe.store.estimateGas(1, 2, 'x'));
  w.note('storage', await provider.getStorage(await probe.getAddress(), 1));
  w.note('block', (await provider.getBlock(1)).toJSON());
  w.note('block with transactions', (await provider.getBlock(1, true)).prefetchedTransactions.map((t) => t.toJSON()));
  w.note('no block', await provider.getBlock(1000));
  w.note('lookup of accounts', (await provider.listAccounts()).length);
}

async function writes(w, provider, probe) {
  const alice = new Wallet(wallets[1].privateKey, provider);
  const accessList = [{ address: await probe.getAddress(), storageKeys: [`0x${'00'.repeat(31)}01`] }];
  const byItself = await (await probe.connect(alice).store(1, 2, 'three')).wait();
  w.note('gas and fees left to the library', [byItself.status, byItself.type, byItself.gasUsed]);
  const kinds = {
    legacy: { type: 0, gasPrice: 5n * GWEI },
    'access list': { type: 1, gasPrice: 5n * GWEI, accessList },
    'dynamic fee': { maxFeePerGas: 6n * GWEI, maxPriorityFeePerGas: 2n * GWEI, accessList },
  };
  for (const [kind, overrides] of Object.entries(kinds)) {
    const sent = await probe.connect(alice).store(kind.length, 3, kind, { gasLimit: 200_000, ...overrides });
    const receipt = await sent.wait();
    w.note(`${kind}: receipt`, receipt.toJSON());
    w.note(`${kind}: events`, receipt.logs.map((log) => [log.fragment?.name, [...(log.args ?? [])]]));
    w.note(`${kind}: transaction`, (await provider.getTransaction(sent.hash)).toJSON());
  }
  const many = new NonceManager(new Wallet(wallets[2].privateKey, provider));
  const sent = [];
  for (let i = 0; i < 20; i++) sent.push(many.sendTransaction({ to: NOWHERE, value: parseEther('0.001'), gasLimit: 21_000 }));
  const receipts = await Promise.all((await Promise.all(sent)).map((t) => t.wait()));
  w.note('twenty at once', receipts.map((r) => [r.status, r.gasUsed]));
  w.note('balance after', await provider.getBalance(NOWHERE));
  w.note('nonce after', await provider.getTransactionCount(wallets[2].address));
}

async function failures(w, provider, probe) {
  const alice = new Wallet(wallets[1].privateKey, provider);
  const calls = {
    reason: ['failWithReason'], error: ['failWithError', 17], silence: ['failSilently'], assertion: ['failAssertion', false],
    division: ['divide', 1, 0], underflow: ['subtract', 1, 2],
  };
  for (const [what, [name, ...args]] of Object.entries(calls)) {
    w.note(`revert with ${what}: call`, await refusal(probe[name].staticCall(...args)));
    w.note(`revert with ${what}: estimate`, await refusal(probe[name].estimateGas(...args)));
  }
  const mined = await probe.connect(alice).failWithReason.populateTransaction();
  const sent = await alice.sendTransaction({ ...mined, gasLimit: 100_000 });
  const { receipt } = await sent.wait().catch((e) => e);
  w.note('revert in a block', { status: receipt.status, gas: receipt.gasUsed });
  const fees = { gasLimit: 21_000, ...FEES };
  const send = (tx) => refusal(alice.sendTransaction({ to: NOWHERE, ...fees, ...tx }).then((t) => t.wait()));
  w.note('nonce used', await send({ nonce: 0 }));
  w.note('insufficient funds', await send({ value: parseEther('1000000') }));
  w.note('too little gas', await send({ gasLimit: 20_000 }));
  w.note('insufficient funds: estimate', await refusal(alice.estimateGas({ to: NOWHERE, value: parseEther('1000000') })));
  w.note('unknown method', await refusal(provider.send('eth_foo', [])));
}

async function events(w, provider, probe) {
  const stored = await probe.queryFilter(probe.filters.Stored(wallets[1].address), 0, 'latest');
  w.note('past events', stored.map((e) => [e.blockNumber, e.index, [...e.args]]));
  w.note('past logs', await provider.getLogs({ address: await probe.getAddress(), fromBlock: 3, topics: [null, null, null, null] }));
  let heard = null;
  await probe.once(probe.filters.Tick(0), ({ args, log }) => (heard = [[...args], log.index]));
  await provider.getBlockNumber();
  const receipt = await (await probe.ticks(2)).wait();
  w.note('receipt has its logs', receipt.logs.length);
  // Polling looks for events only when it sees a new block after its first look.
  w.note('event heard by polling', await until('the event', () => heard ?? provider.send('evm_mine', []).then(() => null)));
}

async function subscriptions(w, socket, probe) {
  const signer = new Wallet(wallets[3].privateKey, socket);
  const live = new Contract(await probe.getAddress(), PROBE.abi, signer);
  const heads = [];
  const when = {};
  const promise = (name) => new Promise((resolve) => (when[name] = resolve));
  const [head, pending, heard] = [promise('head'), promise('pending'), promise('heard')];
  await socket.on('block', (n) => heads.push(n) === 2 && when.head(heads));
  await socket.once('pending', when.pending);
  await live.once('Stored', (...args) => when.heard(args.slice(0, 4)));
  // Subscriptions are made in the background: an answer after them shows that they stand.
  await socket.send('eth_chainId', []);
  const sent = await live.store(5, 6, 'seven');
  await sent.wait();
  await (await live.ticks(1)).wait();
  const [first, second] = await head;
  w.note('heads', second - first);
  w.note('pending', (await pending) === sent.hash);
  w.note('event', await heard);
}
