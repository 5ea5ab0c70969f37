-- Indices that cost a night less. What isn't counted (in flight, or never ran)
-- isn't looked for by when it was counted. And charges are found by job: by
-- request id, which is random, each charge was written to a page of its own.
-- The same text for both databases, on purpose.

-- +goose Up
DROP INDEX attempts_counted;
CREATE INDEX attempts_counted ON attempts (key_id, counted_at) WHERE counted_at > 0;
DROP INDEX charges_attempt;
CREATE UNIQUE INDEX charges_attempt ON charges (batch_id, seq, attempt);
