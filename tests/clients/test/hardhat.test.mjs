// A Hardhat project of OpenZeppelin contracts, its network pointed at our node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from '../lib/command.mjs';
import { startOurs } from '../lib/servers.mjs';

const project = fileURLToPath(new URL('../hardhat', import.meta.url));
const hardhat = fileURLToPath(new URL('../node_modules/hardhat/internal/cli/bootstrap.js', import.meta.url));

test('a Hardhat project deploys and tests OpenZeppelin contracts, with time travel and snapshots', async () => {
  const node = await startOurs();
  try {
    const env = { ...process.env, NODE_URL: node.url, HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true', CI: 'true' };
    const { code, stdout, stderr } = await run(process.execPath, [hardhat, 'test'], { cwd: project, env });
    assert.equal(code, 0, `${stdout}\n${stderr}`);
    const passed = Number(/(\d+) passing/.exec(stdout)?.[1]);
    assert.equal(passed, 11, stdout);
  } finally {
    await node.stop();
  }
});
