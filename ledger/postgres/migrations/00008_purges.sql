-- What was deleted on purpose, and views over the books for whoever counts
-- money: the warehouse. No view shows a prompt, an answer or a receipt.

-- +goose Up
CREATE TABLE purges (
	batch_id TEXT NOT NULL,    -- empty for what is no batch's
	what     TEXT NOT NULL,    -- "prompts", "answers", "receipts", "logs", "uploads"
	rule     TEXT NOT NULL,    -- why
	begun_at BIGINT NOT NULL,  -- from here on some of it may be gone
	done_at  BIGINT NOT NULL,  -- 0: not all of it is
	items    BIGINT NOT NULL,
	bytes    BIGINT NOT NULL,
	files    BIGINT NOT NULL,  -- of answers: results.jsonl, by the highest revision
	PRIMARY KEY (batch_id, what)
);

-- One row a run that was billed.
CREATE VIEW warehouse_charges AS SELECT
	c.request_id,
	c.n AS charge,
	c.batch_id AS batch,
	left(c.batch_id, -11) AS batch_name,
	CAST(right(c.batch_id, 10) AS DATE) AS night,
	c.seq,
	c.name AS job,
	j.type AS swarm_type,
	COALESCE((SELECT string_agg(m.name, ', ' ORDER BY m.no) FROM jsonb_array_elements_text(CASE WHEN j.models LIKE '[%' THEN CAST(j.models AS JSONB) ELSE '[]' END) WITH ORDINALITY AS m(name, no)), '') AS models,
	b.provider,
	COALESCE(a.key_id, b.key_id) AS key_id,
	c.attempt,
	c.job_id AS provider_job_id,
	c.source,
	CAST((c.total) / 1000000.0 AS NUMERIC(18, 6)) AS billed,
	CAST((c.day_price) / 1000000.0 AS NUMERIC(18, 6)) AS day_price,
	CAST((c.night_price) / 1000000.0 AS NUMERIC(18, 6)) AS night_price,
	CAST((c.day_price - c.total) / 1000000.0 AS NUMERIC(18, 6)) AS saved,
	ROUND(1 - CAST(c.total AS NUMERIC) / NULLIF(c.day_price, 0), 4) AS discount,
	c.total AS billed_micros,
	c.day_price AS day_price_micros,
	c.night_price AS night_price_micros,
	c.day_price - c.total AS saved_micros,
	c.night_applied,
	c.discount_type,
	c.discount_percentage,
	CASE WHEN c.has_tokens THEN c.input_tokens END AS input_tokens,
	CASE WHEN c.has_tokens THEN c.output_tokens END AS output_tokens,
	c.agents,
	CASE WHEN c.sent_at > 0 THEN TIMESTAMPTZ 'epoch' + c.sent_at * INTERVAL '1 microsecond' END AS sent_at,
	CASE WHEN c.ended_at > 0 THEN TIMESTAMPTZ 'epoch' + c.ended_at * INTERVAL '1 microsecond' END AS ended_at,
	CASE WHEN c.at > 0 THEN TIMESTAMPTZ 'epoch' + c.at * INTERVAL '1 microsecond' END AS booked_at,
	CAST((TIMESTAMPTZ 'epoch' + c.ended_at * INTERVAL '1 microsecond') AT TIME ZONE 'America/Los_Angeles' AS DATE) AS pacific_day
FROM charges c JOIN batches b ON b.id = c.batch_id JOIN jobs j ON j.ref = b.no * 4294967296 + c.seq
LEFT JOIN attempts a ON a.ref = j.ref AND a.n = c.attempt;

-- One row a job, sent or not.
CREATE VIEW warehouse_jobs AS SELECT
	j.request_id,
	j.batch_id AS batch,
	left(j.batch_id, -11) AS batch_name,
	CAST(right(j.batch_id, 10) AS DATE) AS night,
	j.seq,
	j.name AS job,
	j.type AS swarm_type,
	COALESCE((SELECT string_agg(m.name, ', ' ORDER BY m.no) FROM jsonb_array_elements_text(CASE WHEN j.models LIKE '[%' THEN CAST(j.models AS JSONB) ELSE '[]' END) WITH ORDINALITY AS m(name, no)), '') AS models,
	j.agents,
	j.digest AS request_sha256,
	j.state,
	j.attempts,
	j.tries,
	CAST((j.estimate) / 1000000.0 AS NUMERIC(18, 6)) AS estimate,
	CAST((j.ceiling) / 1000000.0 AS NUMERIC(18, 6)) AS ceiling,
	COALESCE(s.n, 0) AS charges,
	CAST((COALESCE(s.total, 0)) / 1000000.0 AS NUMERIC(18, 6)) AS billed,
	CAST((COALESCE(s.day_price, 0)) / 1000000.0 AS NUMERIC(18, 6)) AS day_price,
	CAST((COALESCE(s.day_price, 0) - COALESCE(s.total, 0)) / 1000000.0 AS NUMERIC(18, 6)) AS saved,
	COALESCE(s.total, 0) AS billed_micros,
	COALESCE(s.day_price, 0) AS day_price_micros,
	CASE WHEN j.updated_at > 0 THEN TIMESTAMPTZ 'epoch' + j.updated_at * INTERVAL '1 microsecond' END AS updated_at
FROM jobs j LEFT JOIN (SELECT batch_id, seq, COUNT(*) AS n, CAST(SUM(total) AS BIGINT) AS total, CAST(SUM(day_price) AS BIGINT) AS day_price FROM charges GROUP BY batch_id, seq) s ON s.batch_id = j.batch_id AND s.seq = j.seq;

-- One row an HTTP request.
CREATE VIEW warehouse_attempts AS SELECT
	a.request_id,
	a.batch_id AS batch,
	left(a.batch_id, -11) AS batch_name,
	CAST(right(a.batch_id, 10) AS DATE) AS night,
	a.seq,
	j.name AS job,
	j.type AS swarm_type,
	COALESCE((SELECT string_agg(m.name, ', ' ORDER BY m.no) FROM jsonb_array_elements_text(CASE WHEN j.models LIKE '[%' THEN CAST(j.models AS JSONB) ELSE '[]' END) WITH ORDINALITY AS m(name, no)), '') AS models,
	a.n AS attempt,
	a.key_id,
	a.batched,
	CASE WHEN a.sent_at > 0 THEN TIMESTAMPTZ 'epoch' + a.sent_at * INTERVAL '1 microsecond' END AS sent_at,
	CASE WHEN a.ended_at > 0 THEN TIMESTAMPTZ 'epoch' + a.ended_at * INTERVAL '1 microsecond' END AS ended_at,
	CASE WHEN a.ended_at > 0 THEN CAST((a.ended_at - a.sent_at) / 1000000.0 AS NUMERIC(12, 3)) END AS seconds,
	a.status,
	a.ending,
	a.outcome,
	c.n AS charge,
	CAST((COALESCE(c.total, 0)) / 1000000.0 AS NUMERIC(18, 6)) AS billed,
	COALESCE(c.total, 0) AS billed_micros
FROM attempts a JOIN jobs j ON j.ref = a.ref LEFT JOIN charges c ON c.batch_id = a.batch_id AND c.seq = a.seq AND c.attempt = a.n;

-- One row a batch on its night.
CREATE VIEW warehouse_nights AS SELECT
	b.id AS batch,
	left(b.id, -11) AS batch_name,
	CAST(right(b.id, 10) AS DATE) AS night,
	b.provider,
	b.key_id,
	CAST(CAST(b.span AS JSONB) ->> 'opens' AS TIMESTAMPTZ) AS opens,
	CAST(CAST(b.span AS JSONB) ->> 'closes' AS TIMESTAMPTZ) AS closes,
	CAST(b.span AS JSONB) ->> 'zone' AS zone,
	t.total AS jobs,
	t.succeeded,
	t.rejected,
	t.unknown,
	t.parked,
	t.skipped,
	t.cancelled,
	t.charges,
	CAST((b.estimate) / 1000000.0 AS NUMERIC(18, 6)) AS estimate,
	CAST((t.raised) / 1000000.0 AS NUMERIC(18, 6)) AS ceiling,
	CAST((t.held) / 1000000.0 AS NUMERIC(18, 6)) AS held,
	CAST((t.charged) / 1000000.0 AS NUMERIC(18, 6)) AS billed,
	CAST((t.day_price) / 1000000.0 AS NUMERIC(18, 6)) AS day_price,
	CAST((t.day_price - t.charged) / 1000000.0 AS NUMERIC(18, 6)) AS saved,
	ROUND(1 - CAST(t.charged AS NUMERIC) / NULLIF(t.day_price, 0), 4) AS discount,
	t.charged AS billed_micros,
	t.day_price AS day_price_micros,
	t.day_price - t.charged AS saved_micros,
	CAST(convert_from(r.result, 'UTF8') AS JSONB) ->> 'state' AS state,
	CAST(CAST(convert_from(r.result, 'UTF8') AS JSONB) -> 'audit' ->> 'passed' AS BOOLEAN) AS audit_passed,
	CAST(CAST(convert_from(r.result, 'UTF8') AS JSONB) -> 'discount' ->> 'landed' AS BIGINT) AS landed,
	CAST(CAST(convert_from(r.result, 'UTF8') AS JSONB) -> 'discount' ->> 'missed' AS BIGINT) AS missed,
	b.stopped,
	CASE WHEN b.planned_at > 0 THEN TIMESTAMPTZ 'epoch' + b.planned_at * INTERVAL '1 microsecond' END AS planned_at
FROM batches b JOIN tallies t ON t.batch_id = b.id LEFT JOIN results r ON r.batch_id = b.id;

-- One row a key and day, by the calendar of the provider's price window.
CREATE VIEW warehouse_keys AS SELECT
	d.key_id,
	d.pacific_day,
	d.provider,
	d.runs,
	CAST((d.total) / 1000000.0 AS NUMERIC(18, 6)) AS billed,
	CAST((d.day_price) / 1000000.0 AS NUMERIC(18, 6)) AS day_price,
	CAST((d.day_price - d.total) / 1000000.0 AS NUMERIC(18, 6)) AS saved,
	d.total AS billed_micros,
	d.day_price AS day_price_micros,
	d.input_tokens,
	d.output_tokens
FROM (SELECT key_id, pacific_day, provider, COUNT(*) AS runs, CAST(SUM(billed_micros) AS BIGINT) AS total, CAST(SUM(day_price_micros) AS BIGINT) AS day_price,
	CAST(SUM(input_tokens) AS BIGINT) AS input_tokens, CAST(SUM(output_tokens) AS BIGINT) AS output_tokens FROM warehouse_charges GROUP BY key_id, pacific_day, provider) d;

-- One row for what was deleted of a batch.
CREATE VIEW warehouse_purges AS SELECT
	batch_id AS batch,
	what,
	rule,
	CASE WHEN begun_at > 0 THEN TIMESTAMPTZ 'epoch' + begun_at * INTERVAL '1 microsecond' END AS begun_at,
	CASE WHEN done_at > 0 THEN TIMESTAMPTZ 'epoch' + done_at * INTERVAL '1 microsecond' END AS done_at,
	items,
	bytes
FROM purges;
