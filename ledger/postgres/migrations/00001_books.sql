-- The books. Times are microseconds since 1970-01-01 UTC, 0 for none; money is
-- whole micro-dollars; ids and texts are UTF-8.

-- +goose Up
CREATE TABLE head (              -- one row: the end of the chain of charges
	id   BIGINT PRIMARY KEY CHECK (id = 1),
	n    BIGINT NOT NULL,
	hash TEXT NOT NULL
);
INSERT INTO head (id, n, hash) VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE TABLE batches (
	id          TEXT PRIMARY KEY, -- name/night
	no          BIGINT NOT NULL UNIQUE, -- from 1; part of its jobs' ref
	provider    TEXT NOT NULL,
	key_id      TEXT NOT NULL,    -- a hash's first digits, never the key
	workflow_id TEXT NOT NULL,
	run_id      TEXT NOT NULL,
	digest      TEXT NOT NULL,
	span        TEXT NOT NULL,    -- JSON, as are card, budget and policy
	card        TEXT NOT NULL,
	budget      TEXT NOT NULL,
	policy      TEXT NOT NULL,
	jobs        BIGINT NOT NULL,
	estimate    BIGINT NOT NULL,
	ceiling     BIGINT NOT NULL,
	sealed      BOOLEAN NOT NULL,
	stopped     TEXT NOT NULL,
	planned_at  BIGINT NOT NULL
);
CREATE INDEX batches_newest ON batches (planned_at, id);

CREATE TABLE results (
	batch_id TEXT PRIMARY KEY,
	result   BYTEA NOT NULL
);

CREATE TABLE tallies (           -- running sums of a batch's jobs and charges
	batch_id  TEXT PRIMARY KEY,
	total     BIGINT NOT NULL,
	planned   BIGINT NOT NULL,
	reserved  BIGINT NOT NULL,
	sending   BIGINT NOT NULL,
	succeeded BIGINT NOT NULL,
	rejected  BIGINT NOT NULL,
	unknown   BIGINT NOT NULL,
	parked    BIGINT NOT NULL,
	skipped   BIGINT NOT NULL,
	cancelled BIGINT NOT NULL,
	held      BIGINT NOT NULL CHECK (held >= 0),
	charged   BIGINT NOT NULL CHECK (charged >= 0),
	day_price BIGINT NOT NULL,
	raised    BIGINT NOT NULL,
	charges   BIGINT NOT NULL
);

CREATE TABLE jobs (
	ref        BIGINT PRIMARY KEY, -- the batch's no x 2^32 + seq
	batch_id   TEXT NOT NULL,
	seq        BIGINT NOT NULL,
	name       TEXT NOT NULL,
	request_id TEXT NOT NULL,
	digest     TEXT NOT NULL,    -- SHA-256 of the request
	type       TEXT NOT NULL,
	models     TEXT NOT NULL,    -- JSON
	agents     BIGINT NOT NULL,
	ceiling    BIGINT NOT NULL CHECK (ceiling >= 0),
	estimate   BIGINT NOT NULL,
	priority   BIGINT NOT NULL,
	state      TEXT NOT NULL CHECK (state IN ('planned', 'reserved', 'sending', 'succeeded', 'rejected', 'unknown', 'parked', 'skipped', 'cancelled')),
	why        TEXT NOT NULL,
	attempts   BIGINT NOT NULL,
	tries      BIGINT NOT NULL,
	limited    BIGINT NOT NULL,
	not_before BIGINT NOT NULL,
	doubt      TEXT NOT NULL,    -- JSON while unknown, else empty
	output     TEXT NOT NULL,
	raised     BOOLEAN NOT NULL, -- its ceiling was at risk at least once
	updated_at BIGINT NOT NULL
) WITH (fillfactor = 70);       -- room to change a row where it is
CREATE UNIQUE INDEX jobs_name ON jobs (name, batch_id);
CREATE UNIQUE INDEX jobs_request_id ON jobs (request_id);

CREATE TABLE requests (          -- what is sent for a job; never changes
	ref     BIGINT PRIMARY KEY,
	request BYTEA NOT NULL
);

CREATE TABLE attempts (
	ref        BIGINT NOT NULL,  -- the job's
	n          BIGINT NOT NULL,
	batch_id   TEXT NOT NULL,
	seq        BIGINT NOT NULL,
	request_id TEXT NOT NULL,
	key_id     TEXT NOT NULL,
	sent_at    BIGINT NOT NULL,
	until      BIGINT NOT NULL,  -- it can't be under way after
	ended_at   BIGINT NOT NULL,
	status     BIGINT NOT NULL,
	outcome    TEXT NOT NULL,
	ending     TEXT NOT NULL,    -- empty while in flight
	counted_at BIGINT NOT NULL,  -- fills a quota window until counted_at + its span; 0 when it doesn't
	receipt    BYTEA NOT NULL,
	PRIMARY KEY (ref, n)
);
CREATE INDEX attempts_in_flight ON attempts (key_id, sent_at) WHERE ending = '';
CREATE INDEX attempts_overdue ON attempts (key_id, until) WHERE ending = '';
CREATE INDEX attempts_counted ON attempts (key_id, counted_at);

CREATE TABLE charges (           -- append-only, each with the hash of the one before
	n                   BIGINT PRIMARY KEY,
	batch_id            TEXT NOT NULL,
	seq                 BIGINT NOT NULL,
	name                TEXT NOT NULL,
	request_id          TEXT NOT NULL,
	attempt             BIGINT NOT NULL,
	job_id              TEXT NOT NULL,
	source              TEXT NOT NULL,
	total               BIGINT NOT NULL CHECK (total >= 0),
	input               BIGINT NOT NULL,
	output              BIGINT NOT NULL,
	agent               BIGINT NOT NULL,
	total_text          TEXT NOT NULL,
	has_parts           BOOLEAN NOT NULL,
	input_tokens        BIGINT NOT NULL,
	output_tokens       BIGINT NOT NULL,
	has_tokens          BOOLEAN NOT NULL,
	agents              BIGINT NOT NULL,
	day_price           BIGINT NOT NULL,
	night_price         BIGINT NOT NULL,
	night_applied       BOOLEAN,
	discount_active     BOOLEAN,
	discount_type       TEXT NOT NULL,
	discount_percentage TEXT NOT NULL,
	sent_at             BIGINT NOT NULL,
	ended_at            BIGINT NOT NULL,
	at                  BIGINT NOT NULL,
	prev                TEXT NOT NULL,
	hash                TEXT NOT NULL
);
CREATE INDEX charges_batch ON charges (batch_id, n);
CREATE UNIQUE INDEX charges_attempt ON charges (request_id, attempt);

CREATE TABLE keys (
	id        TEXT PRIMARY KEY,
	closed    TEXT NOT NULL,
	closed_at BIGINT NOT NULL,
	hold      TEXT NOT NULL,
	hold_at   BIGINT NOT NULL,
	proven    BIGINT NOT NULL,
	floor     BIGINT NOT NULL,
	floor_why TEXT NOT NULL,
	in_flight BIGINT NOT NULL CHECK (in_flight >= 0),
	last_sent BIGINT NOT NULL,
	tick      BIGINT NOT NULL    -- the latest time written under this key
);

CREATE TABLE quota (             -- the windows of a key
	key_id    TEXT NOT NULL,
	name      TEXT NOT NULL,
	span      BIGINT NOT NULL,   -- microseconds
	most      BIGINT NOT NULL,   -- the limit; 0 for none
	ended     BIGINT NOT NULL CHECK (ended >= 0),
	tail      BIGINT NOT NULL,
	oldest    BIGINT NOT NULL,
	remaining BIGINT NOT NULL,
	reset_at  BIGINT NOT NULL,
	told_at   BIGINT NOT NULL,
	PRIMARY KEY (key_id, name)
);

-- +goose StatementBegin
CREATE FUNCTION charges_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'charges are append-only';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER charges_are_not_changed BEFORE UPDATE OR DELETE ON charges
	FOR EACH ROW EXECUTE FUNCTION charges_are_append_only();
CREATE TRIGGER charges_are_not_truncated BEFORE TRUNCATE ON charges
	FOR EACH STATEMENT EXECUTE FUNCTION charges_are_append_only();
