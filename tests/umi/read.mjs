// Reads an NFT. Usage: node read.mjs RPC_URL MINT_ADDRESS; prints what Metaplex sees as JSON.
import { publicKey, unwrapOption } from '@metaplex-foundation/umi';
import { fetchDigitalAsset } from '@metaplex-foundation/mpl-token-metadata';
import { connect } from './endpoint.mjs';

const [rpcUrl, mintAddress] = process.argv.slice(2);
const { metadata, mint, edition } = await fetchDigitalAsset(
  connect(rpcUrl), publicKey(mintAddress),
);

console.log(JSON.stringify({
  name: metadata.name,
  symbol: metadata.symbol,
  uri: metadata.uri,
  sellerFeeBasisPoints: metadata.sellerFeeBasisPoints,
  updateAuthority: metadata.updateAuthority,
  isMutable: metadata.isMutable,
  supply: Number(mint.supply),
  decimals: mint.decimals,
  hasEdition: edition !== undefined,
  collection: unwrapOption(metadata.collection),
}));
