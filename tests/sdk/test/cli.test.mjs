// A working day with iExec's command, on a market of Canut. Nothing is told to the command but what `canut sdk-config` says.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import JSZip from 'jszip';
import { ADDRESS, ANY, DIGITS, HASH, ZERO, ZERO_HASH, like } from '../lib/like.mjs';
import { Market } from '../lib/market.mjs';
import { Project } from '../lib/project.mjs';

const NO_TAG = ZERO_HASH;
const FREE = { datasetrestrict: ZERO, workerpoolrestrict: ZERO, requesterrestrict: ZERO };
const SIGNATURE = /^0x[0-9a-f]{130}$/;
const sent = { txHash: HASH };

let market;
let rita; // requests runs
let dev; // develops an app, has a dataset
let owner; // owns the hub
let app, dataset, workerpool;

before(async () => {
  market = await Market.start();
  owner = await Project.open(market, 'owner', 0);
  rita = await Project.open(market, 'rita', 1);
  dev = await Project.open(market, 'dev', 2);
});
after(() => market?.stop());

describe('settings, wallet and account', () => {
  it('finds the chain and its contracts', async () => {
    const info = await rita.iexec('info');
    like(info, {
      pocoVersion: ANY,
      host: market.rpc,
      hubAddress: (hub) => hub.toLowerCase() === market.hub,
      rlcAddress: (token) => token.toLowerCase() === market.token,
      appRegistryAddress: ADDRESS,
      datasetRegistryAddress: ADDRESS,
      workerpoolRegistryAddress: ADDRESS,
    });
  });

  it('shows the wallet, and sends ether and RLC', async () => {
    like(await rita.iexec('wallet', 'show'), {
      balance: { ether: '10000.0', RLC: '100000.0', nRLC: '100000000000000', wei: `1${'0'.repeat(22)}` },
      wallet: { address: rita.address },
    });
    const address = '0x00000000000000000000000000000000000caafe';
    like(await rita.iexec('wallet', 'send-ether', '1', '--to', address, '--force'), {
      amount: ANY, from: rita.address, to: ANY, txHash: HASH,
    });
    like(await rita.iexec('wallet', 'send-RLC', '2', 'RLC', '--to', address, '--force'), {
      amount: ANY, from: rita.address, to: ANY, txHash: HASH,
    });
    const { balance } = await rita.iexec('wallet', 'show', address);
    like(balance, { ether: '1.0', RLC: '2.0', nRLC: '2000000000', wei: `1${'0'.repeat(18)}` });
  });

  it('deposits, lets others spend, and withdraws', async () => {
    like(await rita.iexec('account', 'deposit', '100', 'RLC'), { amount: '100000000000', ...sent });
    like(await rita.iexec('account', 'show'), { balance: { stake: '100000000000', locked: '0' } });
    like(await rita.iexec('account', 'approve', '5', dev.address, 'RLC'), sent);
    // In hexadecimal, whoever answers.
    like(await rita.iexec('account', 'allowance', dev.address), { amount: /^0*12a05f200$/ });
    like(await rita.iexec('account', 'revoke', dev.address), sent);
    like(await rita.iexec('account', 'allowance', dev.address), { amount: /^0+$/ });
    like(await rita.iexec('account', 'withdraw', '10', 'RLC'), { amount: '10000000000', ...sent });
    like(await rita.iexec('account', 'show', rita.address), { balance: { stake: '90000000000', locked: '0' } });
    assert.match(await rita.refused('account', 'withdraw', '91', 'RLC'), /exceed account balance/);
  });

  it('shows categories, and lets only the owner of the hub make one', async () => {
    like(await rita.iexec('category', 'count'), { count: '5' });
    like(await rita.iexec('category', 'show', '0'), {
      index: '0', category: { name: 'XS', description: ANY, workClockTimeRef: '300' },
    });
    const tiny = { name: 'tiny', description: '{}', workClockTimeRef: '1' };
    for (const project of [rita, owner]) {
      await project.iexec('category', 'init');
      await project.edit((settings) => { settings.category = tiny; });
    }
    assert.match(await rita.refused('category', 'create'), /owner/);
    like(await owner.iexec('category', 'create'), { catid: '5', ...sent });
    like(await rita.iexec('category', 'show', '5'), { index: '5', category: tiny });
  });
});

describe('assets', () => {
  it('registers an app that is WebAssembly under the only type there is', async () => {
    const { cid, checksum } = await market.uploadApp('option-pricer');
    like(await dev.iexec('app', 'init'), { app: { owner: dev.address, name: ANY, type: 'DOCKER', multiaddr: ANY, checksum: HASH } });
    await dev.edit((settings) => Object.assign(settings.app, { name: 'pricer', multiaddr: `/ipfs/${cid}`, checksum }));
    const deployed = await dev.iexec('app', 'deploy');
    like(deployed, { address: ADDRESS, ...sent });
    app = deployed.address;
    const shown = {
      address: app,
      app: {
        appChecksum: checksum, appMREnclave: '', appMultiaddr: `/p2p/${cid}`, appName: 'pricer', appType: 'DOCKER', owner: dev.address,
        registry: ADDRESS,
      },
    };
    like(await dev.iexec('app', 'show'), shown);
    like(await rita.iexec('app', 'show', app), shown);
    like(await rita.iexec('app', 'show', '0', '--user', dev.address), shown);
    like(await dev.iexec('app', 'count'), { count: '1' });
    assert.match(await dev.refused('app', 'deploy'), /already/);
  });

  it('registers a dataset and gives it away', async () => {
    const { cid, checksum } = await market.upload('city,heat\nLyon,21\nParis,19\n', 'heat.csv');
    like(await dev.iexec('dataset', 'init'), { dataset: { owner: dev.address, name: ANY, multiaddr: ANY, checksum: ZERO_HASH } });
    const register = async (name) => {
      await dev.edit((settings) => Object.assign(settings.dataset, { name, multiaddr: `/ipfs/${cid}`, checksum }));
      const deployed = await dev.iexec('dataset', 'deploy');
      like(deployed, { address: ADDRESS, ...sent });
      return deployed.address;
    };
    const gift = await register('gift');
    dataset = await register('heat');
    like(await dev.iexec('dataset', 'count'), { count: '2' });
    like(await dev.iexec('dataset', 'transfer', gift, '--to', rita.address, '--force'), { address: gift, to: rita.address, ...sent });
    like(await dev.iexec('dataset', 'count', '--user', rita.address), { count: '1' });
    like(await rita.iexec('dataset', 'show', '0'), {
      address: gift,
      dataset: { datasetChecksum: checksum, datasetMultiaddr: `/p2p/${cid}`, datasetName: 'gift', owner: rita.address, registry: ADDRESS },
    });
  });

  it('registers a workerpool', async () => {
    like(await dev.iexec('workerpool', 'init'), { workerpool: { owner: dev.address, description: ANY } });
    const deployed = await dev.iexec('workerpool', 'deploy');
    like(deployed, { address: ADDRESS, ...sent });
    workerpool = deployed.address;
    like(await dev.iexec('workerpool', 'show'), {
      address: workerpool,
      workerpool: {
        schedulerRewardRatioPolicy: '1', workerStakeRatioPolicy: '30', workerpoolDescription: 'my-workerpool', owner: dev.address,
        registry: ADDRESS,
      },
    });
    like(await dev.iexec('workerpool', 'count'), { count: '1' });
  });
});

describe('orders', () => {
  const order = {};

  it('publishes offers, and finds them in the book', async () => {
    order.app = (await dev.iexec('app', 'publish', app, '--price', '0.5', 'RLC', '--volume', '1000', '--force')).orderHash;
    order.dataset = (await dev.iexec('dataset', 'publish', dataset, '--price', '1', 'RLC', '--force')).orderHash;
    assert.match(await dev.refused('workerpool', 'publish', workerpool, '--price', '2', 'RLC', '--category', '5', '--force'), /stake/);
    await dev.iexec('account', 'deposit', '50', 'RLC');
    const pool = ['--price', '2', 'RLC', '--category', '5', '--volume', '10', '--trust', '4', '--force'];
    order.workerpool = (await dev.iexec('workerpool', 'publish', workerpool, ...pool)).orderHash;

    like(await rita.iexec('orderbook', 'app', app), {
      count: 1, appOrders: [{ orderHash: order.app, price: 500_000_000, remaining: 1000, app, tag: NO_TAG, ...FREE }],
    });
    const { datasetrestrict, ...others } = FREE;
    like(await rita.iexec('orderbook', 'dataset', dataset), {
      count: 1,
      datasetOrders: [{ orderHash: order.dataset, price: 1_000_000_000, remaining: 1_000_000, dataset, tag: NO_TAG, apprestrict: ZERO, ...others }],
    });
    const { workerpoolrestrict, ...rest } = FREE;
    const offered = {
      orderHash: order.workerpool, price: 2_000_000_000, remaining: 10, category: 5, tag: NO_TAG, trust: 4, workerpool, apprestrict: ZERO,
      ...rest,
    };
    like(await rita.iexec('orderbook', 'workerpool', '--category', '5'), { count: 1, workerpoolOrders: [offered] });
    like(await rita.iexec('orderbook', 'workerpool', workerpool, '--min-trust', '4'), { count: 1, workerpoolOrders: [offered] });
    like(await rita.iexec('orderbook', 'workerpool', workerpool, '--min-trust', '5'), { count: 0, workerpoolOrders: [] });
    like(await rita.iexec('orderbook', 'requester'), { count: 0, requestOrders: [] });
    const { count } = await rita.iexec('orderbook', 'workerpool');
    assert.equal(count, 6, 'those of the running pool, one for each category, and ours');
  });

  it('shows an order, and says when there is none', async () => {
    const shown = await rita.iexec('order', 'show', '--app', order.app);
    like(shown, {
      apporder: {
        orderHash: order.app, remaining: 1000, status: 'open', signer: dev.address, publicationTimestamp: ANY, chainId: ANY,
        order: { app, appprice: 500_000_000, volume: 1000, tag: NO_TAG, ...FREE, salt: HASH, sign: SIGNATURE },
      },
    });
  });

  it('signs, publishes, takes back and cancels orders of its own', async () => {
    const written = await dev.iexec('order', 'init');
    like(Object.keys(written).sort(), ['apporder', 'datasetorder', 'requestorder', 'workerpoolorder']);
    await dev.edit((settings) => Object.assign(settings.order.apporder, { app, appprice: '9 RLC', volume: '7' }));
    const signed = await dev.iexec('order', 'sign', '--app', '--force');
    like(signed, { apporder: { app, appprice: '9000000000', volume: '7', tag: NO_TAG, ...FREE, salt: HASH, sign: SIGNATURE } });
    const published = await dev.iexec('order', 'publish', '--app', '--force');
    like(published, { apporder: { orderHash: HASH } });
    const { orderHash } = published.apporder;
    assert.match(await dev.refused('order', 'publish', '--app', '--force'), /already published, and open/);
    like(await dev.iexec('order', 'unpublish', '--app', orderHash, '--force'), { apporder: { orderHash } });
    assert.match(await rita.refused('order', 'show', '--app', orderHash), /apporder not found/);
    await dev.iexec('order', 'publish', '--app', '--force');
    like(await dev.iexec('order', 'cancel', '--app', '--force'), { apporder: sent });
    const status = async () => (await rita.iexec('order', 'show', '--app', orderHash)).apporder.status;
    await until(async () => (await status()) === 'canceled');
    assert.match(await dev.refused('order', 'publish', '--app', '--force'), /canceled/);
  });

  it('takes back the last order of an asset, or all of them', async () => {
    const publish = async () => (await dev.iexec('app', 'publish', app, '--price', '8', 'RLC', '--force')).orderHash;
    const [first, last] = [await publish(), await publish()];
    like(await dev.iexec('app', 'unpublish', app, '--force'), { unpublished: last });
    like(await dev.iexec('app', 'unpublish', app, '--all', '--force'), { unpublished: (all) => sameSet(all, [first, order.app]) });
    assert.match(await dev.refused('app', 'unpublish', app, '--force'), /no open apporder of yours/);
    assert.match(await rita.refused('app', 'publish', app, '--force'), /owner/);
    like(await dev.iexec('dataset', 'unpublish', dataset, '--force'), { unpublished: order.dataset });
    like(await dev.iexec('workerpool', 'unpublish', workerpool, '--force'), { unpublished: order.workerpool });
  });
});

describe('secrets', () => {
  it('keeps those of apps and requesters, once and for all', async () => {
    like(await dev.iexec('app', 'check-secret', app), { isSecretSet: false });
    assert.match(await rita.refused('app', 'push-secret', app, '--secret-value', 'mine now'), /not allowed to set secret/);
    like(await dev.iexec('app', 'push-secret', app, '--secret-value', 'a licence'), {});
    like(await rita.iexec('app', 'check-secret', app), { isSecretSet: true });
    assert.match(await dev.refused('app', 'push-secret', app, '--secret-value', 'another'), /already exists/);
    like(await rita.iexec('requester', 'push-secret', 'token', '--secret-value', 'open sesame'), { isPushed: true, name: 'token' });
    like(await rita.iexec('requester', 'check-secret', 'token'), { isSet: true, name: 'token' });
    like(await rita.iexec('requester', 'check-secret', 'token', dev.address), { isSet: false, name: 'token' });
  });

  it('encrypts a dataset, and keeps its key', async () => {
    await dev.iexec('dataset', 'init', '--encrypted');
    await writeFile(dev.path('datasets', 'original', 'secret.csv'), 'city,heat\nLyon,21\n');
    const encrypted = await dev.iexec('dataset', 'encrypt', '--force');
    like(encrypted, {
      encryptedDatasetFolderPath: dev.path('datasets', 'encrypted'), secretPath: dev.path('.secrets', 'datasets'),
      encryptedFiles: [{
        original: dev.path('datasets', 'original', 'secret.csv'), encrypted: dev.path('datasets', 'encrypted', 'secret.csv.enc'),
        key: dev.path('.secrets', 'datasets', 'secret.csv.key'), checksum: HASH,
      }],
    });
    const [file] = encrypted.encryptedFiles;
    const { cid, checksum } = await market.upload(await readFile(file.encrypted), 'secret.csv.enc');
    assert.equal(checksum, file.checksum);
    await market.canut('dataset', 'decrypt', file.encrypted, '--key-file', file.key, '--out', dev.path('opened.csv'));
    assert.equal(await readFile(dev.path('opened.csv'), 'utf8'), 'city,heat\nLyon,21\n');
    await dev.edit((settings) => Object.assign(settings.dataset, { name: 'secret', multiaddr: `/ipfs/${cid}`, checksum }));
    const { address } = await dev.iexec('dataset', 'deploy');
    like(await dev.iexec('dataset', 'check-secret', address), { isSecretSet: false });
    like(await dev.iexec('dataset', 'push-secret', address, '--secret-path', file.key), {});
    like(await rita.iexec('dataset', 'check-secret', address), { isSecretSet: true });
  });

  it('keeps the key for results, which may be replaced', async () => {
    like(await rita.iexec('result', 'check-encryption-key'), { isEncryptionKeySet: false });
    assert.match(await rita.refused('result', 'push-encryption-key'), /key/);
    const pair = await rita.iexec('result', 'generate-encryption-keypair', '--force');
    like(pair, { secretPath: rita.path('.secrets', 'beneficiary'), privateKeyFile: `${rita.address}_key`, publicKeyFile: `${rita.address}_key.pub` });
    like(await rita.iexec('result', 'push-encryption-key'), { isPushed: true, isUpdated: false });
    assert.match(await rita.refused('result', 'push-encryption-key'), /already/);
    like(await rita.iexec('result', 'push-encryption-key', '--force-update'), { isPushed: true, isUpdated: true });
    like(await dev.iexec('result', 'check-encryption-key', rita.address), { isEncryptionKeySet: true });
    like(await rita.iexec('storage', 'check', 'dropbox'), { isInitialized: false });
    like(await rita.iexec('storage', 'init', 'dropbox', '--token', 'sl.token'), { isInitialized: true, isUpdated: false });
    like(await rita.iexec('storage', 'check', 'dropbox', '--user', rita.address), { isInitialized: true });
  });
});

describe('runs', () => {
  let ofPool; // the running pool's order for short tasks
  const shortest = ['--category', '0'];

  it('buys a run of an app, waits for it, and downloads the result', async () => {
    await dev.iexec('app', 'publish', app, '--price', '0.5', 'RLC', '--force');
    const before = BigInt((await rita.iexec('account', 'show')).balance.stake);
    const run = await rita.iexec('app', 'run', app, ...shortest, '--args', '--paths 1000 --seed 7', '--watch', '--force');
    like(run, { deals: [{ dealid: HASH, volume: '1', txHash: HASH }], tasks: [finished(run.deals[0].dealid)] });
    const [{ dealid }] = run.deals;
    const [{ taskid }] = run.tasks;
    const { deal } = await rita.iexec('deal', 'show', dealid);
    const params = JSON.stringify({ iexec_result_storage_provider: 'ipfs', iexec_args: '--paths 1000 --seed 7' });
    like(deal, dealOf({ dealid, price: '500000000', params, taskid }));
    const after = BigInt((await rita.iexec('account', 'show')).balance.stake);
    assert.equal(before - after, BigInt(deal.app.price) + BigInt(deal.workerpool.price));

    const shown = await rita.iexec('task', 'show', taskid, '--download', 'priced');
    like(shown, { task: finished(dealid), claimable: false, resultPath: rita.path('priced.zip') });
    const files = await unzip(rita.path('priced.zip'));
    assert.deepEqual(Object.keys(files).sort(), ['computed.json', 'price.json', 'stderr.txt', 'stdout.txt']);
    assert.equal(JSON.parse(files['price.json']).samples, 500);
    assert.match(files['stdout.txt'], /from 500 samples/);
    assert.match(await rita.refused('task', 'claim', taskid), /COMPLETED/);

    const voted = { worker: ADDRESS, status: 'REVEALED', statusHistory: [{ status: 'REVEALED', date: ANY, cause: null }] };
    // One worker is enough at this trust; a draw decides whether another one checks it.
    const oneOrTwo = (shape) => (list) => [1, 2].includes(list.length) && (list.forEach((item) => like(item, shape)), true);
    const debugged = (appLogs) => ({
      onchainData: finished(dealid),
      offchainData: {
        task: { status: 'COMPLETED', statusHistory: (history) => sameSet(history.map(({ status }) => status), ['COMPLETED', 'INITIALIZED', 'RUNNING']) },
        replicates: oneOrTwo(voted),
      },
      ...appLogs,
    });
    like(await rita.iexec('task', 'debug', taskid), debugged());
    const said = { worker: ADDRESS, stdout: /from 500 samples/, stderr: ANY };
    like(await rita.iexec('task', 'debug', taskid, '--logs'), debugged({ appLogs: oneOrTwo(said) }));
    // Others learn all but what the app said.
    like(await dev.iexec('task', 'debug', taskid, '--logs'), debugged());
  });

  it('runs an app of its own over a dataset, at a trust that takes several workers', async () => {
    const { cid, checksum } = await market.uploadApp('csv-stats');
    await dev.edit((settings) => Object.assign(settings.app, { name: 'stats', multiaddr: `/ipfs/${cid}`, checksum }));
    const { address } = await dev.iexec('app', 'deploy');
    const args = ['--dataset', dataset, '--args', '--group city --value heat', '--trust', '100', ...shortest, '--force'];
    const run = await dev.iexec('app', 'run', address, '--watch', ...args);
    like(run, { deals: [{ dealid: HASH, volume: '1', txHash: HASH }], tasks: [finished(run.deals[0].dealid)] });
    const [{ dealid }] = run.deals;
    const [{ taskid }] = run.tasks;
    const { deal } = await dev.iexec('deal', 'show', dealid);
    assert.deepEqual([deal.dataset.pointer, deal.dataset.price, deal.trust], [dataset, '0', '100']);
    await dev.iexec('task', 'show', taskid, '--download', 'stats');
    assert.match((await unzip(dev.path('stats.zip')))['stats.csv'], /Lyon,1,21/);
    // Seven workers of weight 2, and one more if it was drawn to check them.
    const { offchainData, appLogs } = await dev.iexec('task', 'debug', taskid, '--logs');
    const voters = offchainData.replicates.length;
    assert.ok([7, 8].includes(voters), `${voters} workers voted`);
    assert.deepEqual(offchainData.replicates.map(({ status }) => status), Array(voters).fill('REVEALED'));
    assert.equal(appLogs.length, voters);
    const shown = JSON.parse(await market.canut('task', 'show', taskid, '--json'));
    assert.equal(shown.certificate.votes.length, voters);
  });

  it('encrypts a result for whoever asked for it', async () => {
    const args = ['--args', '--paths 10', '--encrypt-result', ...shortest, '--force'];
    assert.match(await dev.refused('app', 'run', app, ...args), /encryption key/i);
    const run = await rita.iexec('app', 'run', app, '--watch', ...args);
    const [{ dealid }] = run.deals;
    const [{ taskid }] = run.tasks;
    like(run.tasks, [finished(dealid)]);
    const opened = await rita.iexec('task', 'show', taskid, '--download', 'opened', '--decrypt');
    like(opened, { task: finished(dealid), claimable: false, resultPath: rita.path('opened.zip') });
    assert.equal(JSON.parse((await unzip(rita.path('opened.zip')))['price.json']).samples, 5);
    await rita.iexec('task', 'show', taskid, '--download', 'sealed');
    assert.deepEqual(Object.keys(await unzip(rita.path('sealed.zip'))).sort(), ['aes-key.rsa', 'iexec_out.zip.aes']);
    like(await rita.iexec('result', 'decrypt', 'sealed.zip', '--force'), { resultsPath: rita.path('results.zip') });
    assert.equal(JSON.parse((await unzip(rita.path('results.zip')))['price.json']).samples, 5);
    // What the app said may be its result: nobody else hears it.
    like((await rita.iexec('task', 'debug', taskid, '--logs')).appLogs, []);
  });

  it('fills a request from the other side', async () => {
    const asked = await rita.iexec(
      'app', 'request-execution', app, ...shortest, '--app-price', '1', 'RLC', '--workerpool-price', '1', 'RLC', '--args', '--paths 10',
      '--force',
    );
    like(asked, { orderHash: HASH });
    like(await dev.iexec('orderbook', 'requester', rita.address), {
      count: 1,
      requestOrders: [{
        orderHash: asked.orderHash, app, dataset: ZERO, workerpool: ZERO, requester: rita.address, beneficiary: rita.address, category: 0,
        tag: NO_TAG, trust: 0, price: 1_000_000_000, remaining: 1,
      }],
    });
    const { appOrders } = await dev.iexec('orderbook', 'app', app);
    const { workerpoolOrders } = await dev.iexec('orderbook', 'workerpool', market.workerpool, ...shortest);
    ofPool = workerpoolOrders[0].orderHash;
    const four = ['--app', appOrders[0].orderHash, '--workerpool', ofPool, '--request', asked.orderHash];
    const filled = await dev.iexec('order', 'fill', ...four, '--force');
    like(filled, { dealid: HASH, volume: '1', txHash: HASH });
    const watched = await rita.iexec('deal', 'show', filled.dealid, '--watch');
    const params = JSON.stringify({ iexec_result_storage_provider: 'ipfs', iexec_args: '--paths 10' });
    const [taskid] = watched.deal.tasks;
    like(watched, {
      tasksCount: 1, completedTasksCount: 1, failedTasksCount: 0, failedTasks: [], tasks: [finished(filled.dealid)],
      deal: dealOf({ dealid: filled.dealid, price: '500000000', params, taskid }),
    });
    const { requestorder } = await rita.iexec('order', 'show', '--request', asked.orderHash, '--deals');
    assert.deepEqual([requestorder.status, requestorder.remaining], ['filled', 0]);
    like(requestorder.deals.lastDeals.map((deal) => deal.dealid), [filled.dealid]);
    assert.match(await dev.refused('order', 'fill', ...four, '--force'), /fully consumed|consumed|volume/);
  });

  it('gets the money back when nobody computes', async () => {
    await dev.iexec('workerpool', 'publish', workerpool, '--price', '2', 'RLC', '--category', '5', '--volume', '2', '--force');
    const stake = async () => (await rita.iexec('account', 'show')).balance;
    const before = await stake();
    const idle = ['--workerpool', workerpool, '--category', '5', '--force'];
    const bought = [];
    for (let i = 0; i < 2; i += 1) bought.push((await rita.iexec('app', 'run', app, ...idle)).deals[0]);
    assert.equal((await stake()).locked, '5000000000');
    const [byTask, byDeal] = bought;
    const { deal } = await rita.iexec('deal', 'show', byTask.dealid);
    const [taskid] = deal.tasks;
    await until(async () => (await rita.iexec('deal', 'show', byDeal.dealid)).deal.deadlineReached);
    const watched = await rita.iexec('deal', 'show', byDeal.dealid, '--watch');
    assert.deepEqual([watched.tasksCount, watched.completedTasksCount, watched.failedTasksCount], [1, 0, 1]);
    const [unclaimed] = watched.deal.tasks;
    like(await rita.iexec('deal', 'claim', byDeal.dealid), {
      claimed: { 0: unclaimed }, transactions: [{ txHash: HASH, type: 'initializeAndClaimArray' }],
    });
    // A task that nobody took up is not known by its id. Anybody may take it up, even too late.
    assert.match(await rita.refused('task', 'claim', taskid), /No task found/);
    await market.initialize(byTask.dealid, 0);
    like(await rita.iexec('task', 'show', taskid), {
      task: { ...finished(byTask.dealid), status: 1, statusName: 'TIMEOUT', timeref: '1', consensusValue: ZERO_HASH, resultDigest: ZERO_HASH, results: ANY, taskTimedOut: true },
      claimable: true,
    });
    like(await rita.iexec('task', 'claim', taskid), sent);
    assert.equal((await rita.iexec('task', 'show', taskid)).task.statusName, 'FAILED');
    assert.deepEqual(await stake(), before);
  });

  it('says what is missing', async () => {
    assert.match(await rita.refused('app', 'run', dataset, '--force'), /No app deployed/);
    assert.match(await rita.refused('app', 'run', app, '--trust', '1000000', ...shortest, '--force'), /No workerpoolorder matching/);
    assert.match(await rita.refused('deal', 'show', ZERO_HASH), /No deal found/);
    assert.match(await rita.refused('task', 'show', ZERO_HASH), /No task found/);
    assert.match(await rita.refused('order', 'show', '--request', ZERO_HASH), /requestorder not found/);
  });
});

describe('leaving', () => {
  it('gives an app and a workerpool away', async () => {
    for (const [kind, address] of Object.entries({ app, workerpool })) {
      like(await dev.iexec(kind, 'transfer', address, '--to', rita.address, '--force'), { address, to: rita.address, ...sent });
      const shown = await rita.iexec(kind, 'show', address);
      assert.equal(shown[kind].owner, rita.address);
    }
    assert.match(await dev.refused('app', 'transfer', app, '--to', dev.address, '--force'), /owner/);
  });

  it('makes a wallet, and sends it all there is', async () => {
    const heir = await Project.empty(market, 'heir');
    const made = await heir.iexec('wallet', 'create', '--unencrypted');
    like(made, {
      wallet: { privateKey: HASH, publicKey: /^0x04[0-9a-f]{128}$/, address: made.address }, address: ADDRESS, fileName: 'wallet.json',
    });
    const { balance } = await dev.iexec('wallet', 'show');
    const sweep = () => dev.iexec('wallet', 'sweep', '--to', made.address, '--force');
    const swept = await sweep();
    // The library may have the balance of before the RLC went, which cost a fee: then it says so, and the ether goes next time.
    const { errors, ...rest } = swept.errors ? { ...swept, ...await sweep(), errors: swept.errors } : swept;
    like(errors ?? [], errors ? [/insufficient funds/] : []);
    like(rest, { from: dev.address, to: made.address, sendNativeTxHash: HASH, sendERC20TxHash: HASH });
    const inherited = (await heir.iexec('wallet', 'show')).balance;
    assert.equal(inherited.nRLC, balance.nRLC);
    assert.ok(BigInt(inherited.wei) > (BigInt(balance.wei) * 99n) / 100n);
    assert.equal((await dev.iexec('wallet', 'show')).balance.nRLC, '0');
  });
});

/** A task whose result is certified. */
function finished(dealid) {
  return {
    idx: '0', taskid: HASH, status: 3, statusName: 'COMPLETED', dealid, timeref: '300', contributionDeadline: DIGITS, revealDeadline: DIGITS,
    finalDeadline: DIGITS, consensusValue: HASH, revealCounter: DIGITS, winnerCounter: DIGITS, contributors: ANY, resultDigest: HASH,
    results: { storage: 'ipfs', location: /^\/ipfs\/(Qm\w+|bafybei\w+\/0)$/ }, resultsTimestamp: ANY, resultsCallback: '0x', taskTimedOut: false,
  };
}

/** A deal of Rita with the running pool. */
function dealOf({ dealid, price, params, taskid }) {
  return {
    dealid, app: { pointer: app, owner: dev.address, price }, dataset: { pointer: ZERO, owner: ZERO, price: '0' },
    workerpool: { pointer: (pool) => pool.toLowerCase() === market.workerpool, owner: ADDRESS, price: '300000000' }, trust: '1',
    category: '0', tag: NO_TAG, requester: rita.address, beneficiary: rita.address, callback: ZERO, params, startTime: DIGITS, botFirst: '0',
    botSize: '1', workerStake: '300000000', schedulerRewardRatio: '1', sponsor: ADDRESS, finalTime: DIGITS, deadlineReached: false,
    tasks: [taskid],
  };
}

/** The files of an archive, as text. */
async function unzip(path) {
  const archive = await JSZip.loadAsync(await readFile(path));
  const files = Object.values(archive.files).filter((file) => !file.dir);
  return Object.fromEntries(await Promise.all(files.map(async (file) => [file.name, await file.async('text')])));
}

/** Asks again until the answer is yes. */
async function until(question) {
  const deadline = Date.now() + 120_000;
  while (!(await question())) assert.ok(Date.now() < deadline, `still not so: ${question}`);
}

const sameSet = (some, others) => JSON.stringify([...some].sort()) === JSON.stringify([...others].sort());
