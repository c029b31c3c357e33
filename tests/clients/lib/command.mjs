// Runs a program to its end, with a limit on time and output.
import { execFile } from 'node:child_process';

/** What it printed and how it ended; ending badly is an answer too. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: 300_000, maxBuffer: 64 << 20, ...options }, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error);
      else resolve({ code: error ? error.code : 0, stdout, stderr });
    });
  });
}
