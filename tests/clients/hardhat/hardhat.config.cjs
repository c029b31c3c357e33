// An ordinary project of an ordinary Hardhat user; only the compiler comes from npm instead of a download.
const { subtask } = require('hardhat/config');
const { TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD } = require('hardhat/builtin-tasks/task-names');
const solc = require('solc/package.json');

subtask(TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD, async ({ solcVersion }) => {
  if (solcVersion !== solc.version) throw new Error(`solc ${solc.version} is installed, ${solcVersion} is wanted`);
  return { compilerPath: require.resolve('solc/soljson.js'), isSolcJs: true, version: solc.version, longVersion: solc.version };
});

module.exports = {
  solidity: { version: '0.8.37', settings: { evmVersion: 'cancun', optimizer: { enabled: true, runs: 200 } } },
  defaultNetwork: 'node',
  networks: { node: { url: process.env.NODE_URL, chainId: 31337 } },
  mocha: { timeout: 120_000 },
};
