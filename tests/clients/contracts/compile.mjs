// Compiles Probe.sol with the pinned solc-js into build/probe.json ({abi, bytecode} of each contract).
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const solc = createRequire(import.meta.url)('solc');
const here = new URL('.', import.meta.url);

const input = {
  language: 'Solidity',
  sources: { 'Probe.sol': { content: readFileSync(new URL('Probe.sol', here), 'utf8') } },
  settings: {
    evmVersion: 'cancun',
    optimizer: { enabled: true, runs: 200 },
    metadata: { bytecodeHash: 'none' },
    outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
  },
};
const output = JSON.parse(solc.compile(JSON.stringify(input)));
const errors = (output.errors ?? []).filter((e) => e.severity === 'error');
if (errors.length > 0) throw new Error(errors.map((e) => e.formattedMessage).join('\n'));

const contracts = Object.fromEntries(
  Object.entries(output.contracts['Probe.sol']).map(([name, c]) => [
    name,
    { abi: c.abi, bytecode: `0x${c.evm.bytecode.object}` },
  ]),
);
mkdirSync(new URL('../build/', here), { recursive: true });
writeFileSync(new URL('../build/probe.json', here), JSON.stringify(contracts));
