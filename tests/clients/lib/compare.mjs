// Compares what two nodes answered, leaf by leaf, after hiding what no two nodes share.

/** Stands for a field that one side does not have. */
export const ABSENT = '(absent)';

const TIMES = new Set(['timestamp', 'blockTimestamp']);
const EMPTY_TRIE = '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421';
/** PREVRANDAO, in each library's words. */
const RANDOM = new Set(['mixHash', 'prevRandao']);

/** Collects one node's answers in order. */
export class Recorder {
  steps = new Map();

  note(step, answer) {
    if (this.steps.has(step)) throw new Error(`step "${step}" is noted twice`);
    this.steps.set(step, plain(answer));
  }

  /** The leaves by path, with block hashes, state roots and times replaced by their meaning. */
  leaves() {
    const names = new Map();
    this.steps.forEach((answer) => harvest(answer, names));
    const out = new Map();
    this.steps.forEach((answer, step) => flatten(step, answer, names, out));
    return out;
  }
}

/** JSON as a library's answer would be printed: bigints as digits, bytes as hex, classes by their fields. */
function plain(value) {
  const text = JSON.stringify(value, (_, v) => {
    if (typeof v === 'bigint') return `${v}n`;
    if (v instanceof Uint8Array) return `0x${Buffer.from(v).toString('hex')}`;
    if (v instanceof Map) return [...v];
    return v;
  });
  return text === undefined ? '(undefined)' : JSON.parse(text);
}

const number = (value) => (typeof value === 'string' ? Number(value.replace(/n$/, '')) : value);
const isHash = (value) => typeof value === 'string' && /^0x[0-9a-f]{64}$/.test(value);
const isSet = (value) => value !== null && value !== undefined;

/** Learns which hashes are those of blocks and states; the same number may have had several. */
function harvest(value, names) {
  if (Array.isArray(value)) value.forEach((v) => harvest(v, names));
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return;
  if (isHash(value.parentHash) && isSet(value.number)) {
    const height = number(value.number);
    if (isHash(value.hash)) names.set(value.hash, `<block ${height}>`);
    if (height > 0) names.set(value.parentHash, `<block ${height - 1}>`);
    if (isHash(value.stateRoot) && value.stateRoot !== EMPTY_TRIE) names.set(value.stateRoot, `<state ${height}>`);
  }
  if (isHash(value.blockHash) && isSet(value.blockNumber)) {
    names.set(value.blockHash, `<block ${number(value.blockNumber)}>`);
  }
  Object.values(value).forEach((v) => harvest(v, names));
}

function flatten(path, value, names, out) {
  if (value === null || typeof value !== 'object') {
    out.set(path, hide(path.slice(path.lastIndexOf('.') + 1), value, names));
    return;
  }
  const entries = Object.entries(value);
  if (entries.length === 0) out.set(path, Array.isArray(value) ? '[]' : '{}');
  entries.forEach(([key, v]) => flatten(`${path}.${key.replaceAll('.', '·')}`, v, names, out));
}

function hide(key, value, names) {
  if (TIMES.has(key)) return time(value);
  if (typeof value !== 'string') return value;
  if (RANDOM.has(key) && isHash(value)) return '<random word>';
  return value.replace(/0x[0-9a-f]{64}(?![0-9a-f])/g, (hash) => names.get(hash) ?? hash);
}

/** Times differ, their form must not; and a time is this year's or later, not zero. */
function time(value) {
  if (!isSet(value)) return value;
  const seconds = number(value);
  if (!(seconds > 1_700_000_000 && seconds < 100_000_000_000)) return value;
  return `<time as ${typeof value === 'string' ? value.replace(/[0-9a-f]+/g, '#') : typeof value}>`;
}

/** Every path at which the two differ: `{path, anvil, ours}`. */
export function differences(anvil, ours) {
  const paths = new Set([...anvil.keys(), ...ours.keys()]);
  return [...paths]
    .map((path) => ({ path, anvil: at(anvil, path), ours: at(ours, path) }))
    .filter((d) => d.anvil !== d.ours);
}

const at = (leaves, path) => (leaves.has(path) ? leaves.get(path) : ABSENT);

/** Splits differences into those the table does not list, and entries of the table that no longer occur. */
export function judge(found, table) {
  const used = new Set();
  const unlisted = found.filter((d) => {
    const entries = table.filter((e) => matches(e, d));
    entries.forEach((e) => used.add(e));
    return entries.length === 0;
  });
  return { unlisted, stale: table.filter((e) => !used.has(e)) };
}

/** An entry pins both values, one of them, or (`when`) how they go together. */
function matches(entry, found) {
  if (![entry.at].flat().some((pattern) => glob(pattern).test(found.path))) return false;
  if (entry.when) return entry.when(found.anvil, found.ours);
  return same(entry.anvil, found.anvil) && same(entry.ours, found.ours);
}

const same = (expected, value) =>
  expected === undefined ||
  (expected instanceof RegExp ? expected.test(String(value)) : expected === value);

/** `*` stands for anything within one segment, `**` for anything. */
function glob(pattern) {
  const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replace(/\*\*|\*/g, (m) => (m === '*' ? '[^.]*' : '.*'))}$`);
}
