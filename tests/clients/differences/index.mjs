// Where our answers differ from anvil's, and why: by the name of the test. Ours follow geth where geth documents or shows
// what it does. `at` is a path of the compared answers (`*` within a segment, `**` across); `anvil` and `ours` pin the values.
import blocks from './blocks.mjs';
import calls from './calls.mjs';
import developer from './developer.mjs';
import errors from './errors.mjs';
import identity from './identity.mjs';
import { cast, ethers, viem, web3 } from './libraries.mjs';
import logs from './logs.mjs';
import pool from './pool.mjs';
import proofs from './proofs.mjs';
import socket from './socket.mjs';
import traces from './traces.mjs';
import transactions from './transactions.mjs';
import transport from './transport.mjs';

export const DIFFERENCES = {
  'raw identity': identity,
  'raw transactions': transactions,
  'raw calls': calls,
  'raw logs': logs,
  'raw blocks': blocks,
  'raw proofs': proofs,
  'raw traces': traces,
  'raw pool': pool,
  'raw errors': errors,
  'raw transport': transport,
  'raw socket': socket,
  'raw developer': developer,
  ethers,
  viem,
  'web3.py': web3,
  cast,
};
