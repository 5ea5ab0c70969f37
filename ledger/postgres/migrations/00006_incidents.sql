-- Alerts: what is, or was, wrong (incidents), and every telling of it to a sink
-- (deliveries). The same text for both databases, but for the type of bytes.

-- +goose Up
CREATE TABLE incidents (
	name           TEXT PRIMARY KEY,  -- the key that its alerts have in common
	kind           TEXT NOT NULL,
	severity       TEXT NOT NULL,
	title          TEXT NOT NULL,
	alert          BYTEA NOT NULL,     -- as it was last seen, JSON
	opened_at      BIGINT NOT NULL,
	seen_at        BIGINT NOT NULL,
	seen           BIGINT NOT NULL,   -- how often since it opened
	over_at        BIGINT NOT NULL,   -- 0: it is open
	told           TEXT NOT NULL,     -- the last occasion
	told_at        BIGINT NOT NULL,
	told_severity  TEXT NOT NULL,     -- the gravest since it opened
	tellings       BIGINT NOT NULL,
	first_telling  BIGINT NOT NULL,   -- since it opened
	silenced_until BIGINT NOT NULL,
	silenced_by    TEXT NOT NULL,
	silenced_why   TEXT NOT NULL,
	raised_by      TEXT NOT NULL      -- the announcement that touched it last
);
CREATE INDEX incidents_seen ON incidents (over_at, seen_at);

CREATE TABLE deliveries (
	id        TEXT PRIMARY KEY,
	incident  TEXT NOT NULL,
	telling   BIGINT NOT NULL,
	occasion  TEXT NOT NULL,
	sink      TEXT NOT NULL,          -- a hash of its address, which isn't kept
	place     TEXT NOT NULL,
	state     TEXT NOT NULL,
	attempts  BIGINT NOT NULL,
	error     TEXT NOT NULL,
	at        BIGINT NOT NULL,
	ended_at  BIGINT NOT NULL,
	raised_by TEXT NOT NULL,
	alert     BYTEA NOT NULL
);
CREATE INDEX deliveries_incident ON deliveries (incident, telling);
