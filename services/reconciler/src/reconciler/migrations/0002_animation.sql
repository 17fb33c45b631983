-- The video beside the image of an NFT that has one.
ALTER TABLE mint_record ADD COLUMN animation_cid text;
