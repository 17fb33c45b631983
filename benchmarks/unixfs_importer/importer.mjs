// Names files as Kubo does. Usage: node importer.mjs BYTES SECONDS.
// The n-th file is BYTES bytes long and ends in n as 8 bytes, big-endian; the rest are zeros.
// Prints the CIDs of files 0 and 1, and how often a second the first was named, as JSON.
import { importBytes } from 'ipfs-unixfs-importer';
import { fixedSize } from 'ipfs-unixfs-importer/chunker';
import { balanced } from 'ipfs-unixfs-importer/layout';

const [bytes, seconds] = process.argv.slice(2).map(Number);
const nowhere = { put: async (cid) => cid };
const options = {
  cidVersion: 1,
  rawLeaves: true,
  chunker: fixedSize({ chunkSize: 262144 }),
  layout: balanced({ maxChildrenPerNode: 174 }),
};

const file = new Uint8Array(bytes);

async function name(n) {
  new DataView(file.buffer).setBigUint64(bytes - 8, BigInt(n));
  return (await importBytes(file, nowhere, options)).cid.toString();
}

const cids = [await name(0), await name(1)];
const cpuSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const start = cpuSeconds();
let named = 0;
for (; cpuSeconds() - start < seconds; named++) await name(0);
console.log(JSON.stringify({ cids, perSecond: named / (cpuSeconds() - start) }));
