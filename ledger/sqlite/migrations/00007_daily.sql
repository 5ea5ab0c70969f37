-- What the daily work ended with: a row a kind and day, the last result of that
-- day. The index serves sums over calendar days, which cut across batches. The
-- same text for both databases, but for the type of bytes.

-- +goose Up
CREATE TABLE dailies (
	kind   TEXT NOT NULL,    -- "watch", "export", "purge"
	day    TEXT NOT NULL,    -- 2026-11-21: what it was about
	at     BIGINT NOT NULL,
	result BLOB NOT NULL,  -- JSON
	PRIMARY KEY (kind, day)
);
CREATE INDEX charges_ended ON charges (ended_at);
