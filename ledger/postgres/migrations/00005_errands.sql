-- Requests that a door does once: who does them, and what was answered. The
-- same text for both databases, but for the type of bytes.

-- +goose Up
CREATE TABLE errands (
	key_hash TEXT PRIMARY KEY,   -- of what the asker named it, and of who asked
	digest   TEXT NOT NULL,      -- of what was asked
	owner    TEXT NOT NULL,
	at       BIGINT NOT NULL,
	until    BIGINT NOT NULL,    -- 0: ended
	done     BOOLEAN NOT NULL,
	answer   BYTEA NOT NULL
);
CREATE INDEX errands_at ON errands (at);
