// Mints a collection and a verified member of it, then asks for them in the ways that clients do.
// Usage: node collection.mjs RPC_URL; prints what was found as JSON.
import {
  generateSigner, keypairIdentity, percentAmount, sol, unwrapOption,
} from '@metaplex-foundation/umi';
import {
  createNft, fetchAllDigitalAssetByUpdateAuthority, fetchAllDigitalAssetWithTokenByOwner,
  fetchDigitalAsset, findMetadataPda, verifyCollectionV1,
} from '@metaplex-foundation/mpl-token-metadata';
import { connect } from './endpoint.mjs';

const umi = connect(process.argv[2]);
umi.use(keypairIdentity(generateSigner(umi)));
await umi.rpc.airdrop(umi.identity.publicKey, sol(2));
const authority = umi.identity.publicKey;

const nft = (name, mint, more = {}) => createNft(umi, {
  mint, name, uri: `https://example.com/${name}`, sellerFeeBasisPoints: percentAmount(0), ...more,
});

const collection = generateSigner(umi);
await nft('Collection', collection, { isCollection: true }).sendAndConfirm(umi);
const member = generateSigner(umi);
const { signature } = await nft('Member', member, {
  collection: { key: collection.publicKey, verified: false },
}).sendAndConfirm(umi);
await verifyCollectionV1(umi, {
  metadata: findMetadataPda(umi, { mint: member.publicKey }),
  collectionMint: collection.publicKey,
  authority: umi.identity,
}).sendAndConfirm(umi);

const refusal = await nft('Again', member).sendAndConfirm(umi).catch((error) => error.name);
const signed = await nft('Simulated', generateSigner(umi)).buildAndSign(umi);
const simulated = await umi.rpc.simulateTransaction(signed, { verifySignatures: true });
const landed = await umi.rpc.getTransaction(signature);
const names = (assets) => assets.map(({ metadata }) => metadata.name).sort();

console.log(JSON.stringify({
  byUpdateAuthority: names(await fetchAllDigitalAssetByUpdateAuthority(umi, authority)),
  byOwner: names(await fetchAllDigitalAssetWithTokenByOwner(umi, authority)),
  memberOf: unwrapOption((await fetchDigitalAsset(umi, member.publicKey)).metadata.collection),
  collection: collection.publicKey,
  refusal,
  simulationError: simulated.err,
  feeOfTwoSigners: Number(landed.meta.fee.basisPoints),
}));
