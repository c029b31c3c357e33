// Tests as a project would write them, with Hardhat's network and ethers; `node:assert` instead of a plugin's matchers.
const assert = require('node:assert/strict');
const { ethers } = require('ethers');
const hre = require('hardhat');

const rpc = (method, ...params) => hre.network.provider.send(method, params);
const provider = new ethers.BrowserProvider(hre.network.provider, undefined, { cacheTimeout: -1 });
provider.pollingInterval = 20;
const DAY = 86_400;
let owner, alice, bob, snapshot;

async function deploy(name, ...args) {
  const { abi, bytecode } = await hre.artifacts.readArtifact(name);
  const contract = await new ethers.ContractFactory(abi, bytecode, owner).deploy(...args);
  return contract.waitForDeployment();
}

const mined = async (promise) => (await promise).wait();
const now = async () => Number((await rpc('eth_getBlockByNumber', 'latest', false)).timestamp);

/** The custom error by which `promise` fails; a node says it in the data of the error. */
async function refusal(contract, promise) {
  const error = await promise.then(() => assert.fail('it did not fail'), (e) => e);
  const data = error.data ?? error.info?.error?.data?.data ?? error.info?.error?.data;
  assert.equal(typeof data, 'string', error.message);
  return contract.interface.parseError(data).name;
}

before(async () => {
  await hre.run('compile', { quiet: true });
  [owner, alice, bob] = await Promise.all([0, 1, 2].map((i) => provider.getSigner(i)));
});
beforeEach(async () => (snapshot = await rpc('evm_snapshot')));
afterEach(async () => assert.equal(await rpc('evm_revert', snapshot), true));

describe('ERC20 with roles and permits', () => {
  let token;
  beforeEach(async () => {
    token = await deploy('Token', owner.address);
    await mined(token.grantRole(await token.MINTER(), owner.address));
    await mined(token.mint(owner.address, 1000));
  });

  it('moves money and tells of it', async () => {
    const receipt = await mined(token.transfer(alice.address, 30));
    const [transfer] = receipt.logs.map((log) => token.interface.parseLog(log));
    assert.deepEqual([...transfer.args], [owner.address, alice.address, 30n]);
    assert.equal(await token.balanceOf(alice.address), 30n);
    assert.equal(await token.totalSupply(), 1000n);
  });

  it('refuses whoever has too little or no right', async () => {
    assert.equal(await refusal(token, token.connect(alice).transfer.staticCall(bob.address, 1)), 'ERC20InsufficientBalance');
    assert.equal(await refusal(token, token.connect(alice).mint.staticCall(bob.address, 1)), 'AccessControlUnauthorizedAccount');
    assert.equal(await refusal(token, token.connect(bob).transferFrom(owner.address, bob.address, 1)), 'ERC20InsufficientAllowance');
  });

  it('lets roles be granted, used and revoked', async () => {
    const role = await token.MINTER();
    await mined(token.grantRole(role, alice.address));
    await mined(token.connect(alice).mint(bob.address, 5));
    await mined(token.revokeRole(role, alice.address));
    assert.equal(await token.hasRole(role, alice.address), false);
    assert.equal(await token.balanceOf(bob.address), 5n);
  });

  it('takes a permit that the node signs', async () => {
    const { name, version, chainId, verifyingContract } = await token.eip712Domain();
    const fields = ['owner', 'spender', 'value', 'nonce', 'deadline'];
    const types = { Permit: fields.map((f, i) => ({ name: f, type: i < 2 ? 'address' : 'uint256' })) };
    const values = { owner: alice.address, spender: bob.address, value: 7, nonce: 0, deadline: 2n ** 40n };
    const signed = await alice.signTypedData({ name, version, chainId, verifyingContract }, types, values);
    const { v, r, s } = ethers.Signature.from(signed);
    await mined(token.permit(values.owner, values.spender, values.value, values.deadline, v, r, s));
    assert.equal(await token.allowance(alice.address, bob.address), 7n);
  });
});

describe('ERC721', () => {
  it('is claimed once, and passes on', async () => {
    const deed = await deploy('Deed');
    await mined(deed.connect(alice).claim(7));
    assert.equal(await refusal(deed, deed.connect(bob).claim.staticCall(7)), 'ERC721InvalidSender');
    await mined(deed.connect(alice)['safeTransferFrom(address,address,uint256)'](alice.address, bob.address, 7));
    assert.equal(await deed.ownerOf(7), bob.address);
    assert.equal(await refusal(deed, deed.ownerOf.staticCall(8)), 'ERC721NonexistentToken');
  });
});

describe('TimelockController', () => {
  it('keeps an operation back for its delay, and not longer', async () => {
    const token = await deploy('Token', owner.address);
    const lock = await deploy('Timelock', DAY, [owner.address]);
    await mined(token.grantRole(await token.MINTER(), await lock.getAddress()));
    const call = token.interface.encodeFunctionData('mint', [bob.address, 99]);
    const operation = [await token.getAddress(), 0, call, ethers.ZeroHash, ethers.id('salt')];
    await mined(lock.schedule(...operation, DAY));
    assert.equal(await refusal(lock, lock.execute.staticCall(...operation)), 'TimelockUnexpectedOperationState');
    await rpc('evm_increaseTime', DAY);
    await rpc('evm_mine');
    await mined(lock.execute(...operation));
    assert.equal(await token.balanceOf(bob.address), 99n);
  });
});

describe('VestingWallet', () => {
  it('pays by the clock: half at half time, all at the end', async () => {
    const start = (await now()) + DAY;
    const wallet = await deploy('Vesting', bob.address, start, 1000);
    const address = await wallet.getAddress();
    await rpc('hardhat_setBalance', address, '0x3e8');
    const releasable = wallet.getFunction('releasable()');
    assert.equal(await releasable(), 0n);
    await rpc('evm_setNextBlockTimestamp', start + 500);
    await rpc('evm_mine');
    assert.equal(await wallet.getFunction('vestedAmount(uint64)')(start + 500), 500n);
    await rpc('evm_setNextBlockTimestamp', start + 600);
    const before = await provider.getBalance(bob.address);
    await mined(wallet.getFunction('release()')());
    assert.equal((await provider.getBalance(bob.address)) - before, 600n);
    assert.equal(await now(), start + 600);
    await rpc('evm_setNextBlockTimestamp', start + 5000);
    await rpc('evm_mine');
    assert.equal(await releasable(), 400n);
  });
});

describe('The developer methods', () => {
  it('snapshots nest, and what came after one is forgotten', async () => {
    const token = await deploy('Token', owner.address);
    await mined(token.grantRole(await token.MINTER(), owner.address));
    const [head, inner] = [await rpc('eth_blockNumber'), await rpc('evm_snapshot')];
    await mined(token.mint(alice.address, 1));
    const innermost = await rpc('evm_snapshot');
    await mined(token.mint(alice.address, 1));
    assert.equal(await rpc('evm_revert', inner), true);
    assert.equal(await token.balanceOf(alice.address), 0n);
    assert.equal(await rpc('eth_blockNumber'), head);
    assert.equal(await rpc('evm_revert', innermost).catch(() => false), false);
    await mined(token.mint(alice.address, 3));
    assert.equal(await token.balanceOf(alice.address), 3n);
  });

  it('acts as a contract, with the balance and the code it is given', async () => {
    const token = await deploy('Token', owner.address);
    const address = await token.getAddress();
    await mined(token.grantRole(ethers.ZeroHash, address));
    await rpc('hardhat_setBalance', address, ethers.toQuantity(ethers.parseEther('1')));
    await rpc('hardhat_impersonateAccount', address);
    const self = await provider.getSigner(address);
    await mined(token.connect(self).grantRole(await token.MINTER(), alice.address));
    await rpc('hardhat_stopImpersonatingAccount', address);
    assert.equal(await token.hasRole(await token.MINTER(), alice.address), true);
    await assert.rejects(token.connect(self).grantRole(await token.MINTER(), bob.address));
    await rpc('hardhat_setCode', bob.address, await provider.getCode(address));
    assert.equal(await token.attach(bob.address).MINTER(), await token.MINTER());
    await rpc('hardhat_setNonce', bob.address, '0x2a');
    assert.equal(await provider.getTransactionCount(bob.address), 42);
  });

  it('reads and writes storage', async () => {
    const token = await deploy('Token', owner.address);
    const key = ethers.keccak256(ethers.AbiCoder.defaultAbiCoder().encode(['address', 'uint256'], [bob.address, 0]));
    await rpc('hardhat_setStorageAt', await token.getAddress(), key, ethers.toBeHex(77, 32));
    assert.equal(await token.balanceOf(bob.address), 77n);
  });

  it('mines many blocks at once', async () => {
    const [head, time] = [Number(await rpc('eth_blockNumber')), await now()];
    await rpc('hardhat_mine', '0x64', '0x3c');
    assert.equal(Number(await rpc('eth_blockNumber')), head + 100);
    assert.ok((await now()) >= time + 99 * 60);
  });
});
