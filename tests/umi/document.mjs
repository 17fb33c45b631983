// Reads an NFT's metadata document and its animation, as a wallet does.
// Usage: node document.mjs RPC_URL MINT_ADDRESS GATEWAY_URL; prints both as JSON.
import { publicKey } from '@metaplex-foundation/umi';
import { fetchDigitalAsset, fetchJsonMetadata } from '@metaplex-foundation/mpl-token-metadata';
import { connect } from './endpoint.mjs';

const [rpcUrl, mintAddress, gatewayUrl] = process.argv.slice(2);
const umi = connect(rpcUrl);
const throughGateway = (uri) => uri.replace('ipfs://', `${gatewayUrl}/ipfs/`);

const { metadata } = await fetchDigitalAsset(umi, publicKey(mintAddress));
const fetched = await fetchJsonMetadata(umi, throughGateway(metadata.uri));
// A gateway knows no media type of a CID's content, so the client may hand its text through.
const document = typeof fetched === 'string' ? JSON.parse(fetched) : fetched;
const [animation] = await umi.downloader.download([throughGateway(document.animation_url)]);

console.log(JSON.stringify({
  document, animation: Buffer.from(animation.buffer).toString('hex'),
}));
