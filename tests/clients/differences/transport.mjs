import { ABSENT } from '../lib/compare.mjs';

const strict = "anvil's envelope knows fewer numbers and no other fields; geth takes them";
const words = "geth's words";
const parse = 'JSON-RPC 2.0 and geth: text that is no JSON has its own code';
const single = 'geth answers each request of a batch by itself';

export default [
  { at: 'id 1.5.body.**', when: (anvil, ours) => [1.5, ABSENT, '0x7a69'].includes(ours), reason: strict },
  { at: 'a field too many.body.**', when: (anvil, ours) => [ABSENT, '0x7a69'].includes(ours), reason: strict },
  { at: ['no id: a notification.status', 'batch of notifications.status'], anvil: 204, ours: 200, reason: 'geth: an empty answer' },
  {
    at: [
      'id that is a list.body.error.message', 'id that is an object.body.error.message', 'no version.body.error.message',
      'an old version.body.error.message', 'no method.body.error.message', 'a method that is a number.body.error.message',
      'a number.body.error.message', 'text.body.error.message', 'null.body.error.message', 'an object without anything.body.error.message',
    ],
    anvil: 'Invalid request', ours: 'invalid request', reason: words,
  },
  { at: 'empty batch.body.error.message', ours: 'empty batch', reason: words },
  {
    at: ['batch with errors.body.**', 'batch in a batch.body.**'], when: (anvil, ours) => anvil === ABSENT || ours === ABSENT,
    reason: `${single}; anvil refuses all for one`,
  },
  ...['no JSON', 'half JSON', 'nothing', 'bytes that are no text'].flatMap((step) => [
    { at: `${step}.body.error.code`, anvil: -32600, ours: -32700, reason: parse },
    { at: `${step}.body.error.message`, anvil: 'Invalid request', ours: 'parse error', reason: parse },
  ]),
  { at: 'deep nesting.body.id', anvil: null, ours: 1, reason: 'its envelope is in order' },
  { at: 'deep nesting.body.error.code', anvil: -32600, ours: -32602, reason: 'its envelope is in order' },
  { at: 'deep nesting.body.error.message', ours: 'too many arguments, want at most 0', reason: words },
  {
    at: ['as plain text.**', 'without a type.**'], when: (anvil, ours) => [415, ABSENT].includes(ours) || /content type/.test(ours),
    reason: 'geth refuses it: a web page can post plain text to a local node without asking, JSON it cannot',
  },
  { at: ['a batch of 1001.status', 'a batch of 1001.first.*'], ours: ABSENT, reason: 'geth allows a thousand' },
  { at: 'a batch of 1001.error.code', ours: -32600, reason: 'geth allows a thousand' },
  { at: 'a batch of 1001.error.message', ours: 'batch too large', reason: 'geth allows a thousand' },
  { at: ['a batch of 1001.jsonrpc', 'a batch of 1001.id'], anvil: ABSENT, reason: 'geth allows a thousand' },
  { at: 'GET.status', anvil: 400, ours: 200, reason: 'geth: load balancers ask whether the node lives' },
  { at: 'OPTIONS.status', anvil: 200, ours: 204, reason: 'geth: a preflight has no body' },
];
