// The bytes themselves: JSON-RPC by hand against both nodes.
import { compare } from '../lib/suite.mjs';

const SCRIPTS = [
  'identity', 'transactions', 'calls', 'logs', 'blocks', 'proofs', 'traces', 'pool', 'errors', 'transport', 'socket',
  'developer',
];
for (const name of SCRIPTS) {
  const { default: script } = await import(`../scripts/raw/${name}.mjs`);
  compare(`raw ${name}`, script);
}
