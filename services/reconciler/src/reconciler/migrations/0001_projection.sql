-- What the reconciler derives from the event store; all of it can be made again by a replay.

-- The folded state of each mint: an internal snapshot, so that no batch has to read old events.
CREATE TABLE mint_state (
    mint_id text PRIMARY KEY,
    state   text NOT NULL
);

CREATE TABLE mint_record (
    mint_id         text PRIMARY KEY,
    user_id         text NOT NULL,
    wallet          text NOT NULL,
    name            text NOT NULL,
    symbol          text NOT NULL,
    level           bigint NOT NULL,
    is_mutable      boolean NOT NULL,
    status          text NOT NULL,
    arrival         bigint,
    holds_user_back boolean NOT NULL,
    fencing_token   bigint UNIQUE,
    authority       text,
    mint_address    text UNIQUE,
    signature       text,
    slot            bigint,
    image_cid       text,
    metadata_cid    text,
    uri             text,
    detail          text,
    requested_at    timestamptz,
    completed_at    timestamptz,
    updated_at      timestamptz NOT NULL
);
CREATE INDEX mint_record_of_user ON mint_record (user_id, arrival);
CREATE INDEX mint_record_queue ON mint_record (user_id, arrival) WHERE holds_user_back;
CREATE INDEX mint_record_in_work ON mint_record (status)
    WHERE status NOT IN ('completed', 'rejected', 'failed');

-- The metadata JSON of each mint, byte for byte: the local copy that can be pinned again.
CREATE TABLE mint_document (
    mint_id       text PRIMARY KEY,
    metadata_json bytea NOT NULL
);

-- One mint in work per user: the primary key holds it.
CREATE TABLE user_lock (
    user_id       text PRIMARY KEY,
    mint_id       text NOT NULL UNIQUE REFERENCES mint_record,
    fencing_token bigint NOT NULL,
    acquired_at   timestamptz NOT NULL
);

CREATE TABLE consistency (
    mint_id  text NOT NULL,
    layer    text NOT NULL,
    expected text,
    seen     text,
    verdict  text NOT NULL,
    since    timestamptz NOT NULL,
    PRIMARY KEY (mint_id, layer)
);
CREATE INDEX consistency_trouble ON consistency (verdict)
    WHERE verdict IN ('inconsistent', 'unknown');

-- Which mints need which content: a CID, or the SHA-256 of an image that is not pinned yet.
CREATE TABLE ipfs_reference (
    reference text NOT NULL,
    mint_id   text NOT NULL,
    PRIMARY KEY (reference, mint_id)
);

CREATE TABLE user_record (
    user_id       text PRIMARY KEY,
    nft_count     bigint NOT NULL,
    highest_level bigint NOT NULL,
    updated_at    timestamptz NOT NULL
);

-- The offset that is expected next of each partition; written with what was read below it.
CREATE TABLE next_offset (
    topic     text NOT NULL,
    partition integer NOT NULL,
    expected  bigint NOT NULL,
    PRIMARY KEY (topic, partition)
);
