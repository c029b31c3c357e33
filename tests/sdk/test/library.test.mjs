// iExec's library on a market of Canut: what its command does not reach. Once as it was before it insisted on enclaves, once the
// newest.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Contract, ContractFactory, JsonRpcProvider, Wallet } from 'ethers';
import { HASH, ZERO_HASH, like } from '../lib/like.mjs';
import { Market, artifact } from '../lib/market.mjs';

const NO_TAG = ZERO_HASH;

const VERSIONS = [
  { package: 'iexec', tag: NO_TAG, requester: 3, developer: 4 },
  // It wants every order to ask for an enclave.
  { package: 'iexec-newest', tag: `0x${'9'.padStart(64, '0')}`, requester: 5, developer: 6 },
];

let market, provider, library;

before(async () => {
  market = await Market.start();
  library = JSON.parse(await market.canut('sdk-config', '--library', '--json'));
  provider = new JsonRpcProvider(market.rpc, undefined, { cacheTimeout: -1, pollingInterval: 200 });
});
after(async () => {
  provider?.destroy();
  await market?.stop();
});

/**
 * An account that sends its transactions. That of the library's own `getSignerFromPrivateKey` remembers for a quarter of a second how
 * many transactions it sent; here the next one is due before.
 */
function signer(account) {
  return new Wallet(market.accounts[account].private_key, provider);
}

for (const version of VERSIONS) {
  describe(version.package, () => {
    let sdk, requester, developer;
    let app, pool; // addresses
    let offers; // signed orders of the developer

    const client = (account, options = {}) => {
      return new sdk.IExec({ ethProvider: signer(account) }, { ...library.options, ...options });
    };
    const signApp = async (terms = {}) =>
      developer.order.signApporder(await developer.order.createApporder({ app, tag: version.tag, ...terms }), { preflightCheck: false });
    const signPool = async (terms = {}) =>
      developer.order.signWorkerpoolorder(await developer.order.createWorkerpoolorder({ workerpool: pool, tag: version.tag, category: 0, ...terms }));
    const signRequest = async (terms = {}) => {
      const created = await requester.order.createRequestorder({ app, category: 0, tag: version.tag, params: '--paths 10', ...terms });
      return requester.order.signRequestorder(created, { preflightCheck: false });
    };

    before(async () => {
      sdk = await import(version.package);
      [requester, developer] = [client(version.requester), client(version.developer)];
      await requester.account.deposit('100 RLC');
      await developer.account.deposit('100 RLC');
      const owner = await developer.wallet.getAddress();
      const { cid, checksum } = await market.uploadApp('option-pricer');
      ({ address: app } = await developer.app.deployApp({
        owner, name: version.package, type: 'DOCKER', multiaddr: `/ipfs/${cid}`, checksum,
      }));
      ({ address: pool } = await developer.workerpool.deployWorkerpool({ owner, description: version.package }));
      offers = { apporder: await signApp({ appprice: '0.1 RLC', volume: 5 }), workerpoolorder: await signPool({ workerpoolprice: '0.2 RLC', volume: 3 }) };
    });

    it('estimates what a match would take', async () => {
      const requestorder = await signRequest({ appmaxprice: '1 RLC', workerpoolmaxprice: '1 RLC', volume: 10 });
      const { volume, total } = await requester.order.estimateMatchOrders({ ...offers, requestorder });
      // The smallest of the volumes, and the sellers' prices.
      assert.deepEqual([volume.toString(), total.toString()], ['3', '900000000']);
      const miser = await signRequest({ workerpoolmaxprice: '0.1 RLC', appmaxprice: '1 RLC' });
      await assert.rejects(requester.order.estimateMatchOrders({ ...offers, requestorder: miser }), /workerpoolmaxprice/);
    });

    it('fetches every kind of order by its hash, as it was signed', async () => {
      const requestorder = await signRequest({ appmaxprice: '1 RLC', workerpoolmaxprice: '1 RLC', volume: 2 });
      const owner = await developer.wallet.getAddress();
      const { address: dataset } = await developer.dataset.deployDataset({
        owner, name: 'data', multiaddr: 'https://example.org/data', checksum: `0x${'1'.repeat(64)}`,
      });
      const datasetorder = await developer.order.signDatasetorder(
        await developer.order.createDatasetorder({ dataset, tag: version.tag, datasetprice: 3 }), { preflightCheck: false },
      );
      // The request last: the book takes one only if it could be filled.
      const kinds = { App: offers.apporder, Dataset: datasetorder, Workerpool: offers.workerpoolorder, Request: requestorder };
      for (const [kind, signed] of Object.entries(kinds)) {
        const by = kind === 'Request' ? requester : developer;
        const options = kind === 'Workerpool' ? [] : [{ preflightCheck: false }];
        const hash = await by.order[`publish${kind}order`](signed, ...options);
        assert.match(hash, HASH);
        const found = await requester.orderbook[`fetch${kind}order`](hash);
        assert.deepEqual([found.orderHash, found.status, found.remaining], [hash, 'open', Number(signed.volume)]);
        const text = (order) => Object.fromEntries(Object.entries(order).map(([key, value]) => [key, String(value).toLowerCase()]));
        assert.deepEqual(text(found.order), text(signed));
      }
      const { count, orders } = await requester.orderbook.fetchAppOrderbook({ app, minTag: version.tag, maxTag: version.tag });
      assert.deepEqual([count, orders[0].order.app], [1, app]);
    });

    it('prepares a bulk of datasets in the store', async () => {
      const owner = await developer.wallet.getAddress();
      const orders = [];
      for (const name of ['one', 'two', 'three']) {
        const { address: dataset } = await developer.dataset.deployDataset({
          owner, name, multiaddr: `https://example.org/${name}`, checksum: `0x${'2'.repeat(64)}`,
        });
        const created = await developer.order.createDatasetorder({
          dataset, datasetprice: 0, volume: sdk.utils.DATASET_INFINITE_VOLUME, tag: version.tag,
        });
        orders.push(await developer.order.signDatasetorder(created, { preflightCheck: false }));
      }
      const { cid, volume } = await requester.order.prepareDatasetBulk(orders, { maxDatasetPerTask: 2 });
      assert.equal(volume, 2);
      const read = async (name) => (await fetch(`${market.store}/ipfs/${name}`)).json();
      const slices = await read(cid);
      assert.equal(slices.length, 2);
      const found = (await Promise.all(slices.map(read))).flat().map((order) => order.dataset);
      assert.deepEqual(found.sort(), orders.map((order) => order.dataset).sort());
    });

    it('matches the orders of a contract that owns an app', async () => {
      const deployer = signer(version.developer);
      const { abi, bytecode } = await artifact('mocks/Wallet');
      const wallet = await (await new ContractFactory(abi, bytecode, deployer).deploy()).waitForDeployment();
      const { cid, checksum } = await market.uploadApp('csv-stats');
      const { address } = await developer.app.deployApp({
        owner: await wallet.getAddress(), name: 'contract', type: 'DOCKER', multiaddr: `/ipfs/${cid}`, checksum,
      });
      const order = await developer.order.createApporder({ app: address, tag: version.tag, volume: 2 });
      const salt = `0x${'3'.repeat(64)}`;
      // Its signature of an order is the order's hash.
      const hash = await developer.order.hashApporder({ ...order, salt });
      const requestorder = await signRequest({ app: address, workerpoolmaxprice: '1 RLC' });
      const four = { apporder: { ...order, salt, sign: hash }, workerpoolorder: await signPool(), requestorder };
      const { dealid } = await requester.order.matchOrders(four, { preflightCheck: false });
      assert.equal((await requester.deal.show(dealid)).app.owner, await wallet.getAddress());
      const forged = { ...four, apporder: { ...four.apporder, sign: ZERO_HASH } };
      await assert.rejects(requester.order.matchOrders(forged, { preflightCheck: false }), /apporder invalid sign/);
    });

    it('publishes an order that was signed on the chain', async () => {
      const order = await developer.order.createApporder({ app, tag: version.tag, volume: 1 });
      const presigned = { ...order, salt: `0x${'4'.repeat(64)}`, sign: '0x' };
      const publish = () => developer.order.publishApporder(presigned, { preflightCheck: false });
      await assert.rejects(publish(), /sign/);
      const hub = new Contract(market.hub, (await artifact('IHub')).abi, signer(version.developer));
      await (await hub.manageAppOrder({ order: presigned, operation: 0, sign: '0x' })).wait();
      const hash = await publish();
      const found = await requester.orderbook.fetchApporder(hash);
      assert.deepEqual([found.status, found.order.sign], ['open', '0x']);
      // The library itself asks the hub about signatures only, so it matches no such order.
      const four = { apporder: presigned, workerpoolorder: await signPool(), requestorder: await signRequest({ workerpoolmaxprice: 1 }) };
      await assert.rejects(requester.order.estimateMatchOrders(four), /invalid-signature-format/);
      const filled = await market.canutAs(
        version.requester, 'order', 'fill', '--app', hash, '--json',
        '--workerpool', await developer.order.publishWorkerpoolorder(four.workerpoolorder),
        '--request', await requester.order.publishRequestorder(four.requestorder, { preflightCheck: false }),
      );
      assert.equal((await requester.deal.show(JSON.parse(filled).deal)).app.pointer, app);
    });

    it('finds where a workerpool answers, once its owner said so', async () => {
      assert.equal(await requester.workerpool.getWorkerpoolApiUrl(market.workerpool), market.pool);
      assert.equal(await requester.workerpool.getWorkerpoolApiUrl(pool), undefined);
      await market.canutAs(version.developer, 'workerpool', 'announce', pool, 'https://pool.example/');
      assert.equal(await requester.workerpool.getWorkerpoolApiUrl(pool), 'https://pool.example');
      await assert.rejects(market.canutAs(version.requester, 'workerpool', 'announce', pool, 'http://mine.example'), /belongs to/);
    });

    it('says by its errors which service failed, and why', async () => {
      const { errors } = sdk;
      await assert.rejects(requester.orderbook.fetchApporder(ZERO_HASH), /apporder not found/);
      await assert.rejects(requester.deal.show(ZERO_HASH), errors.ObjectNotFoundError);
      await assert.rejects(requester.app.showApp('nonsense'), errors.ValidationError);
      await assert.rejects(requester.account.withdraw('1000 RLC'), /exceed/);
      const nobody = 'http://127.0.0.1:9';
      const lost = client(version.requester, { iexecGatewayURL: nobody });
      await assert.rejects(lost.orderbook.fetchApporder(ZERO_HASH), errors.MarketCallError);
      const homeless = client(version.requester, { hubAddress: undefined });
      await assert.rejects(homeless.app.showApp(app), errors.ConfigurationError);
      // Published orders are the owner's business.
      const theirs = await signApp();
      await assert.rejects(requester.order.publishApporder(theirs, { preflightCheck: false }), /owner|signer/i);
    });
  });
}

describe('tasks', () => {
  it('are followed to their end, and their result is fetched', async () => {
    const versions = await Promise.all(VERSIONS.map((version) => import(version.package)));
    const [old] = versions;
    const iexec = new old.IExec({ ethProvider: signer(7) }, library.options);
    await iexec.account.deposit('10 RLC');
    const owner = await iexec.wallet.getAddress();
    const { cid, checksum } = await market.uploadApp('option-pricer');
    const { address: app } = await iexec.app.deployApp({ owner, name: 'mine', type: 'DOCKER', multiaddr: `/ipfs/${cid}`, checksum });
    const unchecked = { preflightCheck: false };
    const apporder = await iexec.order.signApporder(await iexec.order.createApporder({ app, volume: 2 }), unchecked);
    const { orders: [{ order: workerpoolorder }] } = await iexec.orderbook.fetchWorkerpoolOrderbook({ workerpool: market.workerpool, category: 0 });
    const created = await iexec.order.createRequestorder({
      app, category: 0, volume: 2, workerpoolmaxprice: workerpoolorder.workerpoolprice, params: { iexec_args: '--paths 100' },
    });
    const requestorder = await iexec.order.signRequestorder(created, unchecked);
    const { dealid, volume } = await iexec.order.matchOrders({ apporder, workerpoolorder, requestorder }, unchecked);
    assert.equal(volume.toString(), '2');

    const deals = await messages(await iexec.deal.obsDeal(dealid));
    assert.equal(deals.at(-1).message, 'DEAL_COMPLETED');
    like(deals.at(-1), { message: 'DEAL_COMPLETED', tasksCount: 2, completedTasksCount: 2, failedTasksCount: 0, deal: (deal) => deal.dealid === dealid, tasks: (tasks) => Object.keys(tasks).length === 2 });
    for (const { IExec } of versions) {
      // Reading needs no key.
      const reader = new IExec({ ethProvider: library.ethProvider }, library.options);
      const taskid = await reader.deal.computeTaskId(dealid, 1);
      assert.equal((await messages(await reader.task.obsTask(taskid, { dealid }))).at(-1).message, 'TASK_COMPLETED');
      const archive = Buffer.from(await (await reader.task.fetchResults(taskid)).arrayBuffer());
      assert.equal(archive.readUInt32LE(0), 0x04034b50, 'a zip');
      const { count, deals: found } = await reader.deal.fetchRequesterDeals(owner);
      assert.deepEqual([count, found[0].dealid], [1, dealid]);
    }
  });
});

/** Everything that an observable tells. */
function messages(observable) {
  const told = [];
  return new Promise((resolve, reject) => {
    observable.subscribe({ next: (message) => told.push(message), error: reject, complete: () => resolve(told) });
  });
}
