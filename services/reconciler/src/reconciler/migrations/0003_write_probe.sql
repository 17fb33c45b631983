-- What is written, and deleted in the same transaction, to see whether the database takes writes.
CREATE TABLE write_probe (
    id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tried_at timestamptz NOT NULL DEFAULT now()
);
