// Mints one NFT. Usage: node mint.mjs RPC_URL NAME URI; prints its mint, authority and signature as JSON.
import {
  generateSigner, keypairIdentity, percentAmount, sol,
} from '@metaplex-foundation/umi';
import { base58 } from '@metaplex-foundation/umi/serializers';
import { createNft } from '@metaplex-foundation/mpl-token-metadata';
import { connect } from './endpoint.mjs';

const [rpcUrl, name, uri] = process.argv.slice(2);
const umi = connect(rpcUrl);
umi.use(keypairIdentity(generateSigner(umi)));
await umi.rpc.airdrop(umi.identity.publicKey, sol(1));

const mint = generateSigner(umi);
const { signature, result } = await createNft(umi, {
  mint, name, uri, symbol: 'UMI', sellerFeeBasisPoints: percentAmount(5.5),
}).sendAndConfirm(umi);
if (result.value.err) throw new Error(JSON.stringify(result.value.err));

console.log(JSON.stringify({
  mint: mint.publicKey,
  updateAuthority: umi.identity.publicKey,
  signature: base58.deserialize(signature)[0],
}));
