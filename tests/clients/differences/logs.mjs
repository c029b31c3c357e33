import { ABSENT } from '../lib/compare.mjs';
import { answered, inGethsWords, refused } from './common.mjs';

const argument = (step) => inGethsWords(`logs: ${step}`, /^invalid argument 0: (?!.* at line )/);

export default [
  ...refused('logs: a range backwards', -32602, 'invalid block range params', 'geth refuses it'),
  ...answered('logs: a range of the future', 'geth finds nothing there', '[]'),
  ...['a hash and a range', 'five topics', 'a short topic', 'a short address', 'a topic that is a number', 'a block that is no number']
    .flatMap(argument),
  ...inGethsWords('logs: no query', 'missing value for required argument 0'),
  {
    at: ['changes of a bounded filter.result', 'changes of a bounded filter.result.**'],
    when: (anvil, ours) => ours === ABSENT || (anvil === ABSENT && ours === '[]'),
    reason: 'changes are what came since the filter was made; eth_getFilterLogs has the past',
  },
];
