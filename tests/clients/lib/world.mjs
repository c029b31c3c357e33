// What a script works with: a node, its developer accounts, the probe contract, and a place for the answers.
import { readFileSync } from 'node:fs';
import { HDNodeWallet, Interface, Mnemonic, Wallet, getCreateAddress } from 'ethers';
import { Recorder } from './compare.mjs';
import { Socket, until } from './rpc.mjs';

export const MNEMONIC = 'test test test test test test test test test test test junk';
export const CHAIN_ID = 31337;
export const GWEI = 10n ** 9n;
export const ETHER = 10n ** 18n;

const artifacts = JSON.parse(readFileSync(new URL('../build/probe.json', import.meta.url)));
export const PROBE = { ...artifacts.Probe, interface: new Interface(artifacts.Probe.abi) };

const phrase = Mnemonic.fromPhrase(MNEMONIC);
/** The ten funded accounts. */
export const wallets = Array.from(
  { length: 10 },
  (_, i) => new Wallet(HDNodeWallet.fromMnemonic(phrase, `m/44'/60'/0'/0/${i}`).privateKey),
);
/** An account without a wei. */
export const pauper = new Wallet(`0x${'11'.repeat(32)}`);
/** An address nobody uses. */
export const NOWHERE = '0x00000000000000000000000000000000dead0001';

export const hex = (value) => `0x${BigInt(value).toString(16)}`;
/** A number as a 32-byte word. */
export const word = (value) => `0x${BigInt(value).toString(16).padStart(64, '0')}`;
export const encode = (name, args = []) => PROBE.interface.encodeFunctionData(name, args);

export class World {
  constructor(node) {
    this.node = node;
    this.url = node.url;
    this.rpc = node.rpc;
    this.recorder = new Recorder();
  }

  note(step, answer) {
    this.recorder.note(step, answer);
  }

  /** Asks and notes the whole answer, error included. */
  async ask(step, method, params = []) {
    const answer = await this.rpc.ask(method, params);
    this.note(step, answer);
    return answer.result;
  }

  socket() {
    return Socket.open(this.node.ws);
  }

  nonce(wallet) {
    return this.rpc.call('eth_getTransactionCount', [wallet.address, 'pending']);
  }

  /** A signed transaction; what `fields` leaves out is the same on every node. */
  async sign(wallet, fields) {
    const type = fields.type ?? 2;
    const fees = type >= 2 ? { maxFeePerGas: 10n * GWEI, maxPriorityFeePerGas: GWEI } : { gasPrice: 10n * GWEI };
    const nonce = fields.nonce ?? Number(await this.nonce(wallet));
    return wallet.signTransaction({ chainId: CHAIN_ID, gasLimit: 200_000n, ...fees, ...fields, type, nonce });
  }

  /** Signs, sends, waits: the receipt. */
  async send(wallet, fields) {
    return this.rpc.send(await this.sign(wallet, fields));
  }

  /** Sends and notes nothing but the answer to the sending itself. */
  async submit(step, wallet, fields) {
    return this.ask(step, 'eth_sendRawTransaction', [await this.sign(wallet, fields)]);
  }

  /** Deploys a probe and keeps its address as `this.probe`. */
  async deploy(wallet = wallets[0], fields = {}) {
    const data = PROBE.bytecode + PROBE.interface.encodeDeploy([42]).slice(2);
    const receipt = await this.send(wallet, { data, gasLimit: 3_000_000n, ...fields });
    this.probe = receipt.contractAddress;
    return receipt;
  }

  /** Calls a function of the probe in a transaction: its receipt. */
  invoke(wallet, name, args = [], fields = {}) {
    return this.send(wallet, { to: this.probe, data: encode(name, args), ...fields });
  }

  /** The call object for a function of the probe. */
  probing(name, args = [], fields = {}) {
    return { from: wallets[0].address, to: this.probe, data: encode(name, args), ...fields };
  }

  receipt(hash) {
    return until(`the receipt of ${hash}`, () => this.rpc.call('eth_getTransactionReceipt', [hash]));
  }
}

export { getCreateAddress };
