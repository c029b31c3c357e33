// debug_traceTransaction with the call tracer.
import { NOWHERE, PROBE, encode, wallets } from '../../lib/world.mjs';

export default async function traces(w) {
  const [, alice] = wallets;
  const deployment = await w.deploy();
  const each = {
    deployment,
    'a transfer': await w.send(alice, { to: NOWHERE, value: 3n }),
    'a store': await w.invoke(alice, 'store', [1, 2, 'three']),
    'a creation': await w.invoke(alice, 'make', [5], { value: 9n, gasLimit: 1_000_000n }),
    nesting: await w.invoke(alice, 'nest', [6], { gasLimit: 500_000n }),
    'a revert with a reason': await w.invoke(alice, 'failWithReason'),
    'a revert with an error': await w.invoke(alice, 'failWithError', [1]),
    'a panic': await w.invoke(alice, 'failAssertion', [false]),
    'an invalid opcode': await w.invoke(alice, 'burn'),
    'out of gas': await w.invoke(alice, 'spin', [], { gasLimit: 60_000n }),
    'logs': await w.invoke(alice, 'ticks', [2]),
    'a failed creation': await w.send(alice, { data: '0xfe', gasLimit: 100_000n }),
    'a precompile': await w.send(alice, { to: '0x0000000000000000000000000000000000000002', data: '0x01' }),
  };
  const trace = (step, hash, config) => w.ask(step, 'debug_traceTransaction', [hash, config]);
  for (const [what, { transactionHash: hash }] of Object.entries(each)) {
    await trace(`${what}: calls`, hash, { tracer: 'callTracer' });
    await trace(`${what}: top call`, hash, { tracer: 'callTracer', tracerConfig: { onlyTopCall: true } });
    await trace(`${what}: with logs`, hash, { tracer: 'callTracer', tracerConfig: { withLog: true } });
  }
  await trace('unknown transaction', `0x${'ab'.repeat(32)}`, { tracer: 'callTracer' });
  await trace('unknown tracer', deployment.transactionHash, { tracer: 'noSuchTracer' });
  const call = { from: alice.address, to: w.probe, data: encode('nest', [7]) };
  await w.ask('a call traced', 'debug_traceCall', [call, 'latest', { tracer: 'callTracer' }]);
  w.note('what was deployed', each.deployment.contractAddress === w.probe && PROBE.bytecode.length > 2);
}
