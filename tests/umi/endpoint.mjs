// The client that both scripts use, just as Metaplex's documentation sets it up.
import { createUmi } from '@metaplex-foundation/umi-bundle-defaults';
import { mplTokenMetadata } from '@metaplex-foundation/mpl-token-metadata';

export const connect = (rpcUrl) =>
  createUmi(rpcUrl, { commitment: 'confirmed' }).use(mplTokenMetadata());
