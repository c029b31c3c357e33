// A folder in which somebody uses the iexec command.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../node_modules/iexec/dist/esm/cli/cmd/iexec.js', import.meta.url));
const PATIENCE_MS = 180_000;
/** Commands that look for a wallet do so here. */
const WALLET = ['--keystoredir', 'local'];
/** The others refuse to be told where it is. */
const WALLETLESS = /^(init|info|orderbook|category (init|show|count)|order show|(app|dataset) check-secret|dataset encrypt|result decrypt)\b/;

export class Project {
  constructor(market, name) {
    this.market = market;
    this.folder = join(market.folder, name);
  }

  /** A project without a wallet. */
  static async empty(market, name) {
    const project = new Project(market, name);
    await mkdir(project.folder);
    const files = { configFile: 'iexec.json', chainConfigFile: 'chain.json' };
    assert.deepEqual(await project.iexec('init', '--skip-wallet', '--force'), files);
    await market.canut('sdk-config', '--dir', project.folder);
    return project;
  }

  /** A project whose wallet is that of one of the market's accounts. */
  static async open(market, name, account) {
    const project = await Project.empty(market, name);
    const { address, private_key: key } = market.accounts[account];
    const imported = await project.iexec('wallet', 'import', key, '--unencrypted');
    assert.equal(imported.address.toLowerCase(), address);
    project.address = imported.address;
    // `order fill` insists on it, though all its orders come from the market.
    await writeFile(project.path('orders.json'), JSON.stringify({ [market.chain_id]: {} }));
    return project;
  }

  /** What the command answers; that it fails is a failure of the test. */
  async iexec(...args) {
    const { ok, ...answer } = await this.run(args);
    assert.equal(ok, true, `iexec ${args.join(' ')}: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** With which words the command fails; that it does not is a failure of the test. */
  async refused(...args) {
    const { ok, error, fail } = await this.run(args);
    assert.equal(ok, false, `iexec ${args.join(' ')} should fail`);
    return fail ? fail.join('\n') : error.message;
  }

  run(args) {
    const wallet = WALLETLESS.test(args.join(' ')) ? [] : WALLET;
    const line = [PROGRAM, ...args, ...wallet, '--raw'];
    const options = { cwd: this.folder, env: this.market.env, timeout: PATIENCE_MS, maxBuffer: 16 << 20 };
    return new Promise((resolve, reject) => {
      execFile(process.execPath, line, options, (error, stdout, stderr) => {
        if (!(stdout || stderr).startsWith('{')) reject(new Error(`iexec ${args.join(' ')}: ${error?.message}\n${stderr}`));
        else resolve(JSON.parse(stdout || stderr));
      });
    });
  }

  path(...names) {
    return join(this.folder, ...names);
  }

  async read(name) {
    return JSON.parse(await readFile(this.path(name), 'utf8'));
  }

  /** Edits iexec.json, as a person would with an editor. */
  async edit(change) {
    const settings = await this.read('iexec.json');
    change(settings);
    await writeFile(this.path('iexec.json'), JSON.stringify(settings, null, 2));
  }
}
