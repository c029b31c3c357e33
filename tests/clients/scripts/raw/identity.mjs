// What a wallet asks before anything else.
import { ETHER, NOWHERE, wallets, word } from '../../lib/world.mjs';

export default async function identity(w) {
  const methods = [
    'eth_chainId', 'net_version', 'net_listening', 'net_peerCount', 'eth_syncing', 'eth_blockNumber',
    'eth_gasPrice', 'eth_maxPriorityFeePerGas', 'eth_blobBaseFee', 'web3_clientVersion',
  ];
  for (const method of methods) await w.ask(method, method);
  w.note('accounts in any order', (await w.rpc.call('eth_accounts')).sort());
  await w.ask('web3_sha3', 'web3_sha3', ['0x68656c6c6f']);
  await w.ask('web3_sha3 of nothing', 'web3_sha3', ['0x']);

  await w.ask('balance', 'eth_getBalance', [wallets[0].address, 'latest']);
  await w.ask('balance without a block', 'eth_getBalance', [wallets[0].address]);
  await w.ask('balance of nobody', 'eth_getBalance', [NOWHERE, 'latest']);
  for (const tag of ['earliest', 'pending', 'safe', 'finalized']) {
    await w.ask(`balance at ${tag}`, 'eth_getBalance', [wallets[0].address, tag]);
  }
  await w.ask('nonce', 'eth_getTransactionCount', [wallets[0].address, 'latest']);
  await w.ask('code of nobody', 'eth_getCode', [NOWHERE, 'latest']);
  await w.ask('storage of nobody', 'eth_getStorageAt', [NOWHERE, '0x0', 'latest']);

  await w.deploy(wallets[0], { value: ETHER });
  await w.ask('code', 'eth_getCode', [w.probe, 'latest']);
  await w.ask('code before the deployment', 'eth_getCode', [w.probe, '0x0']);
  await w.ask('storage, short key', 'eth_getStorageAt', [w.probe, '0x1', 'latest']);
  await w.ask('storage, long key', 'eth_getStorageAt', [w.probe, word(2), 'latest']);
  await w.ask('balance of the contract', 'eth_getBalance', [w.probe, 'latest']);
  await w.ask('balance by number', 'eth_getBalance', [wallets[0].address, '0x1']);

  const { hash } = await w.rpc.call('eth_getBlockByNumber', ['0x1', false]);
  const past = await w.rpc.call('eth_getBlockByNumber', ['0x0', false]);
  await w.ask('balance by block hash', 'eth_getBalance', [w.probe, { blockHash: hash }]);
  await w.ask('balance by canonical block hash', 'eth_getBalance', [w.probe, { blockHash: past.hash, requireCanonical: true }]);
  await w.ask('balance by number object', 'eth_getBalance', [w.probe, { blockNumber: '0x0' }]);
  await w.ask('nonce after', 'eth_getTransactionCount', [wallets[0].address, 'latest']);
  await w.ask('nonce before', 'eth_getTransactionCount', [wallets[0].address, 'earliest']);
  await w.ask('nonce of the contract', 'eth_getTransactionCount', [w.probe, 'latest']);
  await w.ask('head', 'eth_blockNumber');
}
