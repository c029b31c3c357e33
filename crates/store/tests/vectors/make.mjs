// Writes the sample files below DIR and the CIDs that the JavaScript importer gives them to importer.json.
//   npm i ipfs-unixfs-importer blockstore-core && node make.mjs DIR
// The content of a file is `content(seed, size)`; `tests/suite/vectors.rs` generates the same bytes.
import { importer } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced } from 'ipfs-unixfs-importer/layout'
import { BlackHoleBlockstore } from 'blockstore-core/black-hole'
import fs from 'node:fs'
import path from 'node:path'

export function content (seed, size) {
  const out = new Uint8Array(size)
  let x = seed >>> 0
  for (let i = 0; i < size; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0
    out[i] = x >>> 24
  }
  return out
}

const sizes = [0, 1, 262144, 262145, 600000, 45 * 1024 * 1024 + 7]
const trees = {}
for (const size of sizes) trees[`file-${size}`] = [{ path: `file-${size}`, seed: size, size }]
trees.nested = [
  { path: 'nested/a.txt', seed: 1, size: 5 },
  { path: 'nested/sub/b.bin', seed: 2, size: 300000 },
  { path: 'nested/sub/deep/c', seed: 3, size: 0 },
  { path: 'nested/été ☀.txt', seed: 4, size: 9 }
]
// Above Kubo's threshold of 256 KiB of names and CIDs: a sharded directory.
trees.sharded = Array.from({ length: 7000 }, (_, i) => ({ path: `sharded/entry-${i}`, seed: i % 50, size: 3 }))
// Just below it: a flat one.
trees.flat = Array.from({ length: 2048 }, (_, i) => ({ path: `flat/${i}`, seed: i % 50, size: 3 }))

const layouts = {
  v0: { cidVersion: 0, rawLeaves: false },
  v0raw: { cidVersion: 0, rawLeaves: true },
  v1: { cidVersion: 1, rawLeaves: true },
  v1wrapped: { cidVersion: 1, rawLeaves: false }
}

const dir = process.argv[2]
const vectors = {}
for (const [name, files] of Object.entries(trees)) {
  for (const file of files) {
    const at = path.join(dir, file.path)
    fs.mkdirSync(path.dirname(at), { recursive: true })
    fs.writeFileSync(at, content(file.seed, file.size))
  }
  vectors[name] = {}
  for (const [layout, options] of Object.entries(layouts)) {
    const source = files.map(f => ({ path: f.path, content: content(f.seed, f.size) }))
    let root
    for await (const entry of importer(source, new BlackHoleBlockstore(), {
      ...options,
      chunker: fixedSize({ chunkSize: 262144 }),
      layout: balanced({ maxChildrenPerNode: 174 }),
      leafType: 'file'
    })) root = entry
    vectors[name][layout] = root.cid.toString()
  }
}
fs.writeFileSync('importer.json', JSON.stringify(vectors, null, 2) + '\n')
