// Runs web3_py.py in the virtual environment that `run` makes, and notes what it prints.
import { fileURLToPath } from 'node:url';
import { run } from '../lib/command.mjs';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

export default async function web3py(w) {
  const args = [path('web3_py.py'), w.url, path('../build/probe.json')];
  const { code, stdout, stderr } = await run(path('../.venv/bin/python'), args);
  if (code !== 0) throw new Error(stderr);
  for (const [step, answer] of Object.entries(JSON.parse(stdout))) w.note(step, answer);
}
