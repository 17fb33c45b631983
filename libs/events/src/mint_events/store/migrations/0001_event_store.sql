-- The event store: every event of every topic once, append-only, each row chained to the one before
-- it in its shard by a hash (docs/decisions/event-store-shards.md).

-- The newest row of each shard. Whoever appends holds the heads of his shards locked, so that
-- sequences have no gaps and are committed in their order.
CREATE TABLE event_shard (
    shard    smallint PRIMARY KEY,
    sequence bigint NOT NULL,
    hash     bytea  NOT NULL
);
INSERT INTO event_shard SELECT shard, 0, decode(repeat('00', 32), 'hex') FROM generate_series(0, 15) shard;

CREATE SEQUENCE event_position;

CREATE TABLE event_store (
    position       bigint      PRIMARY KEY,
    shard          smallint    NOT NULL,
    sequence       bigint      NOT NULL,
    event_id       uuid        NOT NULL UNIQUE,
    mint_id        text        NOT NULL,
    type           text        NOT NULL,
    source         text        NOT NULL,
    correlation_id text        NOT NULL,
    causation_id   uuid,
    occurred_at    timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL,
    received       boolean     NOT NULL,  -- came from Kafka; false: our own, to be published
    topic          text        NOT NULL,
    partition      integer,               -- of our own events unknown until they are published
    record_offset  bigint,
    key            bytea,
    headers        jsonb       NOT NULL,
    value          bytea       NOT NULL,  -- the record's value, byte for byte
    decoded        jsonb       NOT NULL,
    hash           bytea       NOT NULL,  -- over the hash before it and all columns but the place
    place_hash     bytea,                 -- over the hash and the place
    UNIQUE (shard, sequence),
    CONSTRAINT place_is_whole CHECK (num_nulls(partition, record_offset, place_hash) IN (0, 3)),
    CONSTRAINT received_has_place CHECK (NOT received OR partition IS NOT NULL)
);
CREATE UNIQUE INDEX event_store_place ON event_store (topic, partition, record_offset)
    WHERE partition IS NOT NULL;
CREATE INDEX event_store_mint ON event_store (mint_id, sequence);
CREATE INDEX event_store_unpublished ON event_store (position) WHERE partition IS NULL;

CREATE FUNCTION event_store_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of %: the event store is append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

-- The one change that is allowed: the place of an event that was published, once.
CREATE FUNCTION event_store_allow_place() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    placed event_store := OLD;
BEGIN
    placed.partition := NEW.partition;
    placed.record_offset := NEW.record_offset;
    placed.place_hash := NEW.place_hash;
    IF OLD.partition IS NOT NULL OR placed IS DISTINCT FROM NEW THEN
        RAISE EXCEPTION 'UPDATE of event %: the event store is append-only', OLD.event_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION event_shard_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.shard <> OLD.shard OR NEW.sequence <= OLD.sequence THEN
        RAISE EXCEPTION 'UPDATE of shard %: a head only moves on', OLD.shard
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON event_store
    FOR EACH STATEMENT EXECUTE FUNCTION event_store_refuse();
CREATE TRIGGER place_only BEFORE UPDATE ON event_store
    FOR EACH ROW EXECUTE FUNCTION event_store_allow_place();
CREATE TRIGGER heads_stay BEFORE DELETE OR TRUNCATE ON event_shard
    FOR EACH STATEMENT EXECUTE FUNCTION event_store_refuse();
CREATE TRIGGER heads_move_on BEFORE UPDATE ON event_shard
    FOR EACH ROW EXECUTE FUNCTION event_shard_forward();

-- Also in a session that replays another server's changes.
ALTER TABLE event_store ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE event_store ENABLE ALWAYS TRIGGER place_only;
ALTER TABLE event_shard ENABLE ALWAYS TRIGGER heads_stay;
ALTER TABLE event_shard ENABLE ALWAYS TRIGGER heads_move_on;
