// Calls Pinata's own client. Usage: node call.mjs URL JWT OPERATION [JSON].
// Prints what it gave as {"value": …}, or the refusal that it raised as {"refused": …}.
import { PinataSDK, PinataError, pinnedFileCount, totalStorageUsage } from 'pinata';

const [url, pinataJwt, operation, json = '{}'] = process.argv.slice(2);
const wanted = JSON.parse(json);
const pinata = new PinataSDK({ pinataJwt, uploadUrl: `${url}/v3`, endpointUrl: `${url}/v3` });
const older = { pinataJwt, endpointUrl: url }; // its usage lives beside the newer API, not in it

const operations = {
  authenticate: () => pinata.testAuthentication(),
  uploadFile: ({ name, text, keyvalues }) => pinata.upload.public
    .file(new File([text], name, { type: 'text/plain' })).name(name).keyvalues(keyvalues),
  uploadJson: ({ name, document }) => pinata.upload.public.json(document).name(name),
  uploadCar: ({ base64 }) => pinata.upload.public
    .file(new File([Buffer.from(base64, 'base64')], 'archive.car')).car(),
  list: ({ cid, limit }) => pinata.files.public.list().cid(cid).limit(limit),
  listAll: async ({ pageSize }) => {
    const names = [];
    for await (const file of pinata.files.public.list().limit(pageSize)) names.push(file.name);
    return names;
  },
  get: ({ id }) => pinata.files.public.get(id),
  update: (changes) => pinata.files.public.update(changes),
  delete: ({ id }) => pinata.files.public.delete([id]),
  pinByCid: ({ cid, name }) => pinata.upload.public.cid(cid).name(name),
  queue: () => pinata.files.public.queue(),
  cancel: ({ id }) => pinata.files.public.deletePinRequest(id),
  usage: async () => ({
    files: await pinnedFileCount(older), bytes: await totalStorageUsage(older),
  }),
};

try {
  console.log(JSON.stringify({ value: await operations[operation](wanted) }));
} catch (error) {
  if (!(error instanceof PinataError)) throw error;
  const { name, statusCode } = error;
  console.log(JSON.stringify({ refused: { name, statusCode } }));
}
