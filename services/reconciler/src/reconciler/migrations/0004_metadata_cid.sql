-- The uploader looks a document's copy up by its CID when no gateway serves it.

CREATE INDEX mint_record_of_metadata ON mint_record (metadata_cid);
