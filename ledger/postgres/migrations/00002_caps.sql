-- Caps over all batches of a night, pauses, and switches for everything.

-- +goose Up
ALTER TABLE batches ADD COLUMN paused_by TEXT NOT NULL DEFAULT '';
ALTER TABLE batches ADD COLUMN paused_why TEXT NOT NULL DEFAULT '';
ALTER TABLE batches ADD COLUMN paused_at BIGINT NOT NULL DEFAULT 0; -- 0: not paused

CREATE TABLE purses (            -- running sums of a night's jobs and charges, by key
	night   TEXT NOT NULL,       -- of the batch ids
	key_id  TEXT NOT NULL,       -- empty: all keys
	held    BIGINT NOT NULL CHECK (held >= 0),
	charged BIGINT NOT NULL CHECK (charged >= 0),
	PRIMARY KEY (night, key_id)
);

CREATE TABLE halts (             -- nothing is sent with a key
	key_id    TEXT PRIMARY KEY,  -- empty: with any
	halted_by TEXT NOT NULL,
	why       TEXT NOT NULL,
	halted_at BIGINT NOT NULL    -- 0: released
);

-- What is there already. An id ends with its night, ten characters.
INSERT INTO purses (night, key_id, held, charged)
SELECT night, key_id, CAST(SUM(held) AS BIGINT), CAST(SUM(charged) AS BIGINT) FROM (
	SELECT substr(j.batch_id, length(j.batch_id) - 9) AS night, a.key_id AS key_id, j.ceiling AS held, 0 AS charged
	FROM jobs j JOIN attempts a ON a.ref = j.ref AND a.n = j.attempts
	WHERE j.state IN ('reserved', 'sending', 'unknown')
	UNION ALL
	SELECT substr(c.batch_id, length(c.batch_id) - 9), a.key_id, 0, c.total
	FROM charges c JOIN batches b ON b.id = c.batch_id JOIN attempts a ON a.ref = b.no * 4294967296 + c.seq AND a.n = c.attempt
) AS spent GROUP BY night, key_id;
INSERT INTO purses (night, key_id, held, charged)
SELECT night, '', CAST(SUM(held) AS BIGINT), CAST(SUM(charged) AS BIGINT) FROM purses GROUP BY night;
