// A comparison that cannot fail would prove nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ABSENT, Recorder, differences, judge } from '../lib/compare.mjs';

const leaves = (answer) => {
  const recorder = new Recorder();
  recorder.note('step', answer);
  return recorder.leaves();
};
const between = (anvil, ours) => differences(leaves(anvil), leaves(ours));
const hash = (digit) => `0x${digit.repeat(64)}`;

test('values, missing fields, types and lengths count', () => {
  assert.deepEqual(between({ a: [1, { b: null }] }, { a: [1, { b: null }] }), []);
  assert.deepEqual(between({ a: 1 }, { a: 2 }), [{ path: 'step.a', anvil: 1, ours: 2 }]);
  assert.deepEqual(between({ a: '0x1' }, { a: 1 }).length, 1);
  assert.deepEqual(between({ a: 1n }, { a: 1 }).length, 1);
  assert.deepEqual(between({ a: null }, {}), [
    { path: 'step.a', anvil: null, ours: ABSENT },
    { path: 'step', anvil: ABSENT, ours: '{}' },
  ]);
  assert.deepEqual(between([1], [1, 2]), [{ path: 'step.1', anvil: ABSENT, ours: 2 }]);
});

test('block hashes are told by their block, and a wrong one is seen', () => {
  const chain = (own, parent, seen) => [{ hash: own, number: '0x2', parentHash: parent }, { blockHash: seen }];
  assert.deepEqual(between(chain(hash('a'), hash('b'), hash('a')), chain(hash('c'), hash('d'), hash('c'))), []);
  const found = between(chain(hash('a'), hash('b'), hash('a')), chain(hash('c'), hash('d'), hash('d')));
  assert.deepEqual(found, [{ path: 'step.1.blockHash', anvil: '<block 2>', ours: '<block 1>' }]);
});

test('times may differ, their form and sense may not', () => {
  assert.deepEqual(between({ timestamp: '0x6ab00001' }, { timestamp: '0x6ab00002' }), []);
  assert.equal(between({ timestamp: '0x6ab00001' }, { timestamp: 0x6ab00001 }).length, 1);
  assert.equal(between({ timestamp: '0x6ab00001' }, { timestamp: '0x1' }).length, 1);
});

test('the table forgives what it lists, exactly, and nothing stale', () => {
  const found = [{ path: 'step.error.code', anvil: -1, ours: -2 }];
  const judged = (entry) => {
    const { unlisted, stale } = judge(found, [{ reason: '', ...entry }]);
    return [unlisted.length, stale.length];
  };
  assert.deepEqual(judged({ at: 'step.error.code', anvil: -1, ours: -2 }), [0, 0]);
  assert.deepEqual(judged({ at: '*.error.code', anvil: -1, ours: -2 }), [0, 0]);
  assert.deepEqual(judged({ at: 'step.error.code', anvil: -1, ours: -3 }), [1, 1]);
  assert.deepEqual(judged({ at: 'step.*', anvil: -1, ours: -2 }), [1, 1]);
  assert.deepEqual(judged({ at: 'step.**', anvil: -1, ours: -2 }), [0, 0]);
  assert.deepEqual(judged({ at: 'step.**', ours: -2 }), [0, 0]);
  assert.deepEqual(judged({ at: 'step.**', when: (anvil, ours) => anvil === ours + 1 }), [0, 0]);
  assert.deepEqual(judged({ at: 'step.**', when: (anvil, ours) => anvil < ours }), [1, 1]);
});
