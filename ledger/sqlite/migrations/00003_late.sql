-- Requests of several jobs, what a key's log is known to hold, and readings of
-- its account's credits. The same text for both databases, on purpose.

-- +goose Up
ALTER TABLE attempts ADD COLUMN batched BOOLEAN NOT NULL DEFAULT FALSE; -- left in one request together with others
ALTER TABLE keys ADD COLUMN batch_log TEXT NOT NULL DEFAULT '';         -- yes, no, or empty: nobody knows
ALTER TABLE keys ADD COLUMN batch_log_at BIGINT NOT NULL DEFAULT 0;

CREATE TABLE balances (
	key_id TEXT NOT NULL,
	at     BIGINT NOT NULL,
	total  BIGINT NOT NULL,
	PRIMARY KEY (key_id, at)
);
