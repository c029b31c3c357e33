import { answered } from './common.mjs';

export default [
  { at: 'web3_clientVersion.result', anvil: /^anvil\//, ours: /^Canut\/v/, reason: 'two clients' },
  ...answered('net_peerCount', 'a method of geth that anvil lacks', '0x0'),
  ...answered('balance without a block', 'people at a prompt leave out "latest"', '0x21e19e0c9bab2400000'),
];
