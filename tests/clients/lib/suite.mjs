// Runs a script against both nodes and fails on any difference that the table does not list.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DIFFERENCES } from '../differences/index.mjs';
import { differences, judge } from './compare.mjs';
import { REHEARSAL, startPair } from './servers.mjs';
import { World } from './world.mjs';

/** A test named `name`; its entries in the table are those of `DIFFERENCES[name]`. */
export function compare(name, script) {
  test(name, async () => {
    const pair = await startPair();
    try {
      const [anvil, ours] = await Promise.all([answers(script, pair.anvil), answers(script, pair.ours)]);
      const { unlisted, stale } = judge(differences(anvil, ours), DIFFERENCES[name] ?? []);
      assert.equal(report(unlisted), '', `${unlisted.length} differences are not listed`);
      if (REHEARSAL) return;
      assert.deepEqual(stale, [], 'listed differences no longer occur');
    } finally {
      await pair.stop();
    }
  });
}

async function answers(script, node) {
  const world = new World(node);
  try {
    await script(world);
  } catch (cause) {
    const last = [...world.recorder.steps.keys()].at(-1);
    throw new Error(`on ${node.name}, after "${last}": ${cause.message}`, { cause });
  }
  return world.recorder.leaves();
}

const report = (list) =>
  list.map(({ path, anvil, ours }) => `${path}\n    anvil ${short(anvil)}\n    ours  ${short(ours)}`).join('\n');

const short = (value) => {
  const text = JSON.stringify(value);
  return text.length > 300 ? `${text.slice(0, 300)}… (${text.length} characters)` : text;
};
