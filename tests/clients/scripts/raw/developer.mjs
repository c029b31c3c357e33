// The developer's methods: time, snapshots, and accounts changed by hand.
import { TypedDataEncoder } from 'ethers';
import { ETHER, NOWHERE, encode, hex, wallets, word } from '../../lib/world.mjs';

export default async function developer(w) {
  await w.deploy();
  await state(w);
  await time(w);
  await snapshots(w);
  await mining(w);
  await impersonation(w);
  await reset(w);
}

async function state(w) {
  for (const prefix of ['hardhat', 'anvil']) {
    await w.ask(`${prefix}: set balance`, `${prefix}_setBalance`, [NOWHERE, hex(7n * ETHER)]);
    await w.ask(`${prefix}: balance`, 'eth_getBalance', [NOWHERE, 'latest']);
    await w.ask(`${prefix}: set nonce`, `${prefix}_setNonce`, [NOWHERE, prefix === 'anvil' ? '0x9' : '0x5']);
    await w.ask(`${prefix}: nonce`, 'eth_getTransactionCount', [NOWHERE, 'latest']);
    await w.ask(`${prefix}: set code`, `${prefix}_setCode`, [NOWHERE, '0x602a60005260206000f3']);
    await w.ask(`${prefix}: code`, 'eth_getCode', [NOWHERE, 'latest']);
    await w.ask(`${prefix}: call the code`, 'eth_call', [{ to: NOWHERE }, 'latest']);
    await w.ask(`${prefix}: set storage`, `${prefix}_setStorageAt`, [w.probe, '0x1', word(77)]);
    await w.ask(`${prefix}: storage`, 'eth_getStorageAt', [w.probe, '0x1', 'latest']);
    await w.ask(`${prefix}: count`, 'eth_call', [w.probing('count'), 'latest']);
  }
  await w.ask('a balance that is no number', 'hardhat_setBalance', [NOWHERE, 'lots']);
  await w.ask('storage of the wrong size', 'hardhat_setStorageAt', [w.probe, '0x1', '0x01']);
}

async function time(w) {
  const stamp = async () => Number((await w.rpc.call('eth_getBlockByNumber', ['latest', false])).timestamp);
  const before = await stamp();
  const [day, next] = [86_400, before + 200_000];
  await w.ask('increase the time', 'evm_increaseTime', [day]);
  await w.ask('mine', 'evm_mine');
  w.note('a day has passed', (await stamp()) - before >= day && (await stamp()) - before < day + 600);
  await w.rpc.call('evm_increaseTime', [hex(day)]);
  await w.rpc.call('evm_mine');
  w.note('two days have passed', (await stamp()) - before >= 2 * day);
  await w.rpc.call('evm_setNextBlockTimestamp', [next]);
  const { blockNumber } = await w.invoke(wallets[0], 'store', [1, 1, 'later']);
  const block = await w.rpc.call('eth_getBlockByNumber', [blockNumber, false]);
  w.note('the next block has the time set', Number(block.timestamp) === next);
  await w.rpc.call('evm_mine');
  const after = await stamp();
  w.note('time goes on from there', after >= next && after < next + 600);
  const { error } = await w.rpc.ask('evm_setNextBlockTimestamp', [before]);
  w.note('time does not run backwards', { code: error?.code, refused: error !== undefined });
  const seen = Number(await w.rpc.call('eth_call', [w.probing('time'), 'latest']));
  w.note('calls see the new time', seen >= next && seen < next + 600);
}

async function snapshots(w) {
  const first = await w.ask('first snapshot', 'evm_snapshot');
  await w.invoke(wallets[0], 'store', [5, 55, 'x']);
  const head = await w.rpc.call('eth_blockNumber');
  const second = await w.ask('second snapshot', 'evm_snapshot');
  await w.invoke(wallets[0], 'store', [5, 66, 'y']);
  await w.ask('before reverting', 'eth_call', [w.probing('values', [5]), 'latest']);
  await w.ask('revert to the second', 'evm_revert', [second]);
  await w.ask('after reverting', 'eth_call', [w.probing('values', [5]), 'latest']);
  w.note('the head is back', (await w.rpc.call('eth_blockNumber')) === head);
  await w.ask('revert to the second again', 'evm_revert', [second]);
  const gone = await w.invoke(wallets[0], 'store', [5, 77, 'z']);
  await w.ask('revert to the first', 'evm_revert', [first]);
  await w.ask('at the first', 'eth_call', [w.probing('values', [5]), 'latest']);
  await w.ask('a receipt that was reverted', 'eth_getTransactionReceipt', [gone.transactionHash]);
  await w.ask('a block that was reverted', 'eth_getBlockByHash', [gone.blockHash, false]);
  await w.ask('logs that were reverted', 'eth_getLogs', [{ fromBlock: '0x0', address: w.probe }]);
  await w.ask('nonce after reverting', 'eth_getTransactionCount', [wallets[0].address, 'latest']);
  await w.ask('revert to nothing', 'evm_revert', ['0xff']);
}

async function impersonation(w) {
  for (const prefix of ['hardhat', 'anvil']) {
    await w.rpc.call(`${prefix}_setBalance`, [w.probe, hex(ETHER)]);
    await w.ask(`${prefix}: impersonate`, `${prefix}_impersonateAccount`, [w.probe]);
    const tx = { from: w.probe, to: w.probe, data: encode('store', [9, 9, prefix]), gas: hex(200_000) };
    const hash = await w.rpc.call('eth_sendTransaction', [tx]);
    const receipt = await w.receipt(hash);
    w.note(`${prefix}: as the contract`, { status: receipt.status, from: receipt.from === w.probe, logs: receipt.logs.length });
    await w.ask(`${prefix}: stop`, `${prefix}_stopImpersonatingAccount`, [w.probe]);
    const { error } = await w.rpc.ask('eth_sendTransaction', [tx]);
    w.note(`${prefix}: no longer`, { refused: error !== undefined });
  }
  const unlocked = await w.rpc.call('eth_sendTransaction', [{ from: wallets[4].address, to: NOWHERE, value: '0x1' }]);
  w.note('an unlocked account sends', (await w.receipt(unlocked)).status);
  const signed = await w.ask('an unlocked account signs', 'eth_sign', [wallets[4].address, '0x68656c6c6f']);
  w.note('the signature is the account\'s', signed === await wallets[4].signMessage('hello'));
  await typed(w, wallets[4]);
  await w.rpc.call('hardhat_impersonateAccount', [NOWHERE]);
  const accounts = await w.rpc.call('eth_accounts');
  w.note('accounts with an impersonated one', [accounts.length, accounts.at(-1)]);
  w.note('accounts on request', (await w.rpc.ask('eth_requestAccounts')).result?.length ?? 'refused');
  await w.rpc.call('hardhat_stopImpersonatingAccount', [NOWHERE]);
}

/** EIP-712, the data as wallets send it: as text, and as an object. */
async function typed(w, wallet) {
  const domain = { name: 'Probe', version: '1', chainId: 31337, verifyingContract: w.probe };
  const types = {
    Person: [{ name: 'name', type: 'string' }, { name: 'wallets', type: 'address[]' }],
    Mail: [{ name: 'from', type: 'Person' }, { name: 'amount', type: 'uint256' }, { name: 'tag', type: 'bytes32' }],
  };
  const message = { from: { name: 'Ann', wallets: [NOWHERE, w.probe] }, amount: '0xde0b6b3a7640000', tag: word(5) };
  const payload = TypedDataEncoder.getPayload(domain, types, message);
  const expected = await wallet.signTypedData(domain, types, message);
  const signed = await w.ask('typed data', 'eth_signTypedData_v4', [wallet.address, payload]);
  w.note('the typed signature is the account\'s', signed === expected);
  const { result } = await w.rpc.ask('eth_signTypedData_v4', [wallet.address, JSON.stringify(payload)]);
  w.note('typed data as text', result === undefined ? 'refused' : result === expected);
  const stranger = await w.rpc.ask('eth_signTypedData_v4', [w.probe, payload]);
  w.note('typed data of a stranger', stranger.error !== undefined);
  const broken = await w.rpc.ask('eth_signTypedData_v4', [wallet.address, { ...payload, primaryType: 'Nothing' }]);
  w.note('typed data without its type', broken.error !== undefined);
}

async function mining(w) {
  const height = async () => Number(await w.rpc.call('eth_blockNumber'));
  for (const prefix of ['hardhat', 'anvil']) {
    const before = await height();
    await w.ask(`${prefix}: mine`, `${prefix}_mine`, ['0x5']);
    w.note(`${prefix}: blocks mined`, (await height()) - before);
    await w.ask(`${prefix}: mine with an interval`, `${prefix}_mine`, ['0x3', '0x3c']);
    const at = async (n) => Number((await w.rpc.call('eth_getBlockByNumber', [hex(n), false])).timestamp);
    const head = await height();
    w.note(`${prefix}: interval`, (await at(head)) - (await at(head - 1)));
  }
}

async function reset(w) {
  await w.ask('reset', 'hardhat_reset');
  await w.ask('head after the reset', 'eth_blockNumber');
  await w.ask('nonce after the reset', 'eth_getTransactionCount', [wallets[0].address, 'latest']);
  await w.ask('code after the reset', 'eth_getCode', [w.probe, 'latest']);
}
