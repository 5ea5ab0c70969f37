-- Requests that move no money, work that is answered later, and windows that
-- count one step of a job. What was there before are paid requests of one step.
-- The same text for both databases.

-- +goose Up
ALTER TABLE attempts ADD COLUMN free BOOLEAN NOT NULL DEFAULT FALSE; -- it moves no money, whatever becomes of it
ALTER TABLE attempts ADD COLUMN step TEXT NOT NULL DEFAULT '';       -- of the job's dialect
ALTER TABLE jobs ADD COLUMN paid BIGINT NOT NULL DEFAULT 0;          -- the last attempt that could move money; 0: the last one
ALTER TABLE jobs ADD COLUMN reference TEXT NOT NULL DEFAULT '';      -- under which the provider has taken it on
ALTER TABLE quota ADD COLUMN step TEXT NOT NULL DEFAULT '';          -- it counts this one alone; empty: all
