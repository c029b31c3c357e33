// eth_getProof: the answers are compared here; test/blocks.test.mjs verifies them against the state root.
import { NOWHERE, wallets, word } from '../../lib/world.mjs';

export default async function proofs(w) {
  await w.deploy();
  await w.invoke(wallets[1], 'fill', [0, 40], { gasLimit: 3_000_000n });
  const ask = (step, ...params) => w.rpc.ask('eth_getProof', params).then((answer) => w.note(step, summary(answer)));
  await ask('an account', wallets[0].address, [], 'latest');
  await ask('a contract', w.probe, [], 'latest');
  await ask('a slot', w.probe, ['0x1'], 'latest');
  await ask('a slot, padded', w.probe, [word(1)], 'latest');
  await ask('many slots', w.probe, ['0x0', '0x1', '0x2', '0xffff'], 'latest');
  await ask('nobody', NOWHERE, ['0x0'], 'latest');
  await ask('the past', w.probe, ['0x1'], '0x1');
  await ask('before the contract', w.probe, ['0x1'], '0x0');
  await ask('the future', w.probe, ['0x1'], '0xffff');
  await ask('a key too long', w.probe, [`${word(1)}00`], 'latest');
  await ask('no keys', w.probe);
}

/** Account proofs hold the whole state's hashes, which differ: only their presence is compared. Storage proofs do not. */
function summary({ result, error }) {
  if (error) return { error };
  const { accountProof, ...rest } = result;
  return { result: { ...rest, accountProof: accountProof.length > 0 } };
}
