// Compiles src/ (and mocks/, contracts for tests) to artifacts/: one JSON per contract with its ABI and bytecode.
// `--check` writes nothing and fails when the artifacts are not what the sources compile to.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

const root = dirname(fileURLToPath(import.meta.url));
const published = [
  "RLC", "AppRegistry", "App", "DatasetRegistry", "Dataset", "WorkerpoolRegistry", "Workerpool",
  "Hub", "Market", "Certificates", "Views", "Blob",
];
const piecesOfTheHub = ["Hub", "Market", "Certificates", "Views"];
const codeLimit = 24_576; // EIP-170

const settings = {
  evmVersion: "cancun",
  viaIR: true,
  optimizer: { enabled: true, runs: 10_000 },
  metadata: { bytecodeHash: "none", appendCBOR: false },
  outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
};

const read = (path) => ({ contents: readFileSync(path, "utf8") });
const sourcesIn = (folder) =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true })
        .filter((name) => name.endsWith(".sol"))
        .map((name) => `${folder}/${name}`)
        .sort()
    : [];

function compile(paths) {
  const sources = Object.fromEntries(paths.map((path) => [path, { content: read(join(root, path)).contents }]));
  const input = { language: "Solidity", sources, settings };
  const resolve = (path) => {
    const file = path.startsWith("@") ? join(root, "node_modules", path) : join(root, path);
    return existsSync(file) ? read(file) : { error: `${path} not found; run npm ci` };
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: resolve }));
  // 2394 reminds whoever uses transient storage to clear it. We do: see Blob.sol.
  const problems = (output.errors ?? []).filter(({ errorCode }) => errorCode !== "2394");
  for (const problem of problems) console.error(problem.formattedMessage);
  if (problems.length > 0) process.exit(1);
  return Object.entries(output.contracts).flatMap(([path, contracts]) =>
    Object.entries(contracts).map(([name, contract]) => ({ path, name, contract })),
  );
}

const json = (value) => JSON.stringify(value, null, 2) + "\n";
const artifact = (name, abi, bytecode) => json({ contractName: name, abi, bytecode: `0x${bytecode}` });
const hasCode = ({ contract }) => contract.evm.bytecode.object.length > 0;

/** The ABI of the hub's address: that of all its pieces, each item once. */
function hubAbi(contracts) {
  const items = new Map();
  for (const piece of piecesOfTheHub) {
    const { contract } = contracts.find(({ name }) => name === piece);
    for (const item of contract.abi) {
      if (item.type === "constructor" || item.type === "fallback" || item.type === "receive") continue;
      items.set(`${item.type} ${item.name} ${JSON.stringify(item.inputs)}`, item);
    }
  }
  return [...items.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
}

function artifacts() {
  const mocks = sourcesIn("mocks");
  const contracts = compile([...sourcesIn("src"), ...mocks]);
  const files = new Map();
  for (const name of published) {
    const { contract } = contracts.find((c) => c.name === name && c.path.startsWith("src/"));
    const size = contract.evm.deployedBytecode.object.length / 2;
    console.log(`${name.padEnd(20)} ${String(size).padStart(6)} bytes of code`);
    if (size > codeLimit) throw new Error(`${name} is over the limit of ${codeLimit} bytes (EIP-170)`);
    files.set(`${name}.json`, artifact(name, contract.abi, contract.evm.bytecode.object));
  }
  files.set("IHub.json", json({ contractName: "IHub", abi: hubAbi(contracts) }));
  for (const { name, contract } of contracts.filter((c) => c.path.startsWith("mocks/") && hasCode(c))) {
    files.set(`mocks/${name}.json`, artifact(name, contract.abi, contract.evm.bytecode.object));
  }
  return files;
}

const out = join(root, "artifacts");
const files = artifacts();
if (process.argv.includes("--check")) {
  const kept = existsSync(out) ? readdirSync(out, { recursive: true }).filter((n) => n.endsWith(".json")) : [];
  const stale = [...new Set([...files.keys(), ...kept])].filter(
    (name) => !files.has(name) || !kept.includes(name) || files.get(name) !== readFileSync(join(out, name), "utf8"),
  );
  if (stale.length > 0) {
    console.error(`not what the sources compile to: ${stale.join(", ")}; run \`npm run build\` in contracts/`);
    process.exit(1);
  }
  console.log(`${files.size} artifacts are what the sources compile to`);
} else {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(join(out, "mocks"), { recursive: true });
  for (const [name, text] of files) writeFileSync(join(out, name), text);
}
