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
) WITHOUT ROWID;

-- One row a run that was billed.
CREATE VIEW warehouse_charges AS SELECT
	c.request_id,
	c.n AS charge,
	c.batch_id AS batch,
	substr(c.batch_id, 1, length(c.batch_id) - 11) AS batch_name,
	substr(c.batch_id, -10) AS night,
	c.seq,
	c.name AS job,
	j.type AS swarm_type,
	COALESCE((SELECT group_concat(m.value, ', ') FROM json_each(j.models) m), '') AS models,
	b.provider,
	COALESCE(a.key_id, b.key_id) AS key_id,
	c.attempt,
	c.job_id AS provider_job_id,
	c.source,
	printf('%s%d.%06d', iif((c.total) < 0, '-', ''), abs(c.total) / 1000000, abs(c.total) % 1000000) AS billed,
	printf('%s%d.%06d', iif((c.day_price) < 0, '-', ''), abs(c.day_price) / 1000000, abs(c.day_price) % 1000000) AS day_price,
	printf('%s%d.%06d', iif((c.night_price) < 0, '-', ''), abs(c.night_price) / 1000000, abs(c.night_price) % 1000000) AS night_price,
	printf('%s%d.%06d', iif((c.day_price - c.total) < 0, '-', ''), abs(c.day_price - c.total) / 1000000, abs(c.day_price - c.total) % 1000000) AS saved,
	round(1 - CAST(c.total AS REAL) / nullif(c.day_price, 0), 4) AS discount,
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
	iif(c.sent_at > 0, strftime('%Y-%m-%dT%H:%M:%S', c.sent_at / 1000000, 'unixepoch') || printf('.%06dZ', c.sent_at % 1000000), NULL) AS sent_at,
	iif(c.ended_at > 0, strftime('%Y-%m-%dT%H:%M:%S', c.ended_at / 1000000, 'unixepoch') || printf('.%06dZ', c.ended_at % 1000000), NULL) AS ended_at,
	iif(c.at > 0, strftime('%Y-%m-%dT%H:%M:%S', c.at / 1000000, 'unixepoch') || printf('.%06dZ', c.at % 1000000), NULL) AS booked_at,
	date(c.ended_at / 1000000, 'unixepoch', iif(c.ended_at / 1000000 >= CAST(strftime('%s', strftime('%Y', c.ended_at / 1000000, 'unixepoch') || '-03-08 10:00:00', 'weekday 0') AS INTEGER)
		AND c.ended_at / 1000000 < CAST(strftime('%s', strftime('%Y', c.ended_at / 1000000, 'unixepoch') || '-11-01 09:00:00', 'weekday 0') AS INTEGER), '-7 hours', '-8 hours')) AS pacific_day
FROM charges c JOIN batches b ON b.id = c.batch_id JOIN jobs j ON j.ref = b.no * 4294967296 + c.seq
LEFT JOIN attempts a ON a.ref = j.ref AND a.n = c.attempt;

-- One row a job, sent or not.
CREATE VIEW warehouse_jobs AS SELECT
	j.request_id,
	j.batch_id AS batch,
	substr(j.batch_id, 1, length(j.batch_id) - 11) AS batch_name,
	substr(j.batch_id, -10) AS night,
	j.seq,
	j.name AS job,
	j.type AS swarm_type,
	COALESCE((SELECT group_concat(m.value, ', ') FROM json_each(j.models) m), '') AS models,
	j.agents,
	j.digest AS request_sha256,
	j.state,
	j.attempts,
	j.tries,
	printf('%s%d.%06d', iif((j.estimate) < 0, '-', ''), abs(j.estimate) / 1000000, abs(j.estimate) % 1000000) AS estimate,
	printf('%s%d.%06d', iif((j.ceiling) < 0, '-', ''), abs(j.ceiling) / 1000000, abs(j.ceiling) % 1000000) AS ceiling,
	COALESCE(s.n, 0) AS charges,
	printf('%s%d.%06d', iif((COALESCE(s.total, 0)) < 0, '-', ''), abs(COALESCE(s.total, 0)) / 1000000, abs(COALESCE(s.total, 0)) % 1000000) AS billed,
	printf('%s%d.%06d', iif((COALESCE(s.day_price, 0)) < 0, '-', ''), abs(COALESCE(s.day_price, 0)) / 1000000, abs(COALESCE(s.day_price, 0)) % 1000000) AS day_price,
	printf('%s%d.%06d', iif((COALESCE(s.day_price, 0) - COALESCE(s.total, 0)) < 0, '-', ''), abs(COALESCE(s.day_price, 0) - COALESCE(s.total, 0)) / 1000000, abs(COALESCE(s.day_price, 0) - COALESCE(s.total, 0)) % 1000000) AS saved,
	COALESCE(s.total, 0) AS billed_micros,
	COALESCE(s.day_price, 0) AS day_price_micros,
	iif(j.updated_at > 0, strftime('%Y-%m-%dT%H:%M:%S', j.updated_at / 1000000, 'unixepoch') || printf('.%06dZ', j.updated_at % 1000000), NULL) AS updated_at
FROM jobs j LEFT JOIN (SELECT batch_id, seq, COUNT(*) AS n, SUM(total) AS total, SUM(day_price) AS day_price FROM charges GROUP BY batch_id, seq) s ON s.batch_id = j.batch_id AND s.seq = j.seq;

-- One row an HTTP request.
CREATE VIEW warehouse_attempts AS SELECT
	a.request_id,
	a.batch_id AS batch,
	substr(a.batch_id, 1, length(a.batch_id) - 11) AS batch_name,
	substr(a.batch_id, -10) AS night,
	a.seq,
	j.name AS job,
	j.type AS swarm_type,
	COALESCE((SELECT group_concat(m.value, ', ') FROM json_each(j.models) m), '') AS models,
	a.n AS attempt,
	a.key_id,
	a.batched,
	iif(a.sent_at > 0, strftime('%Y-%m-%dT%H:%M:%S', a.sent_at / 1000000, 'unixepoch') || printf('.%06dZ', a.sent_at % 1000000), NULL) AS sent_at,
	iif(a.ended_at > 0, strftime('%Y-%m-%dT%H:%M:%S', a.ended_at / 1000000, 'unixepoch') || printf('.%06dZ', a.ended_at % 1000000), NULL) AS ended_at,
	iif(a.ended_at > 0, printf('%.3f', (a.ended_at - a.sent_at) / 1000000.0), NULL) AS seconds,
	a.status,
	a.ending,
	a.outcome,
	c.n AS charge,
	printf('%s%d.%06d', iif((COALESCE(c.total, 0)) < 0, '-', ''), abs(COALESCE(c.total, 0)) / 1000000, abs(COALESCE(c.total, 0)) % 1000000) AS billed,
	COALESCE(c.total, 0) AS billed_micros
FROM attempts a JOIN jobs j ON j.ref = a.ref LEFT JOIN charges c ON c.batch_id = a.batch_id AND c.seq = a.seq AND c.attempt = a.n;

-- One row a batch on its night.
CREATE VIEW warehouse_nights AS SELECT
	b.id AS batch,
	substr(b.id, 1, length(b.id) - 11) AS batch_name,
	substr(b.id, -10) AS night,
	b.provider,
	b.key_id,
	json_extract(b.span, '$.opens') AS opens,
	json_extract(b.span, '$.closes') AS closes,
	json_extract(b.span, '$.zone') AS zone,
	t.total AS jobs,
	t.succeeded,
	t.rejected,
	t.unknown,
	t.parked,
	t.skipped,
	t.cancelled,
	t.charges,
	printf('%s%d.%06d', iif((b.estimate) < 0, '-', ''), abs(b.estimate) / 1000000, abs(b.estimate) % 1000000) AS estimate,
	printf('%s%d.%06d', iif((t.raised) < 0, '-', ''), abs(t.raised) / 1000000, abs(t.raised) % 1000000) AS ceiling,
	printf('%s%d.%06d', iif((t.held) < 0, '-', ''), abs(t.held) / 1000000, abs(t.held) % 1000000) AS held,
	printf('%s%d.%06d', iif((t.charged) < 0, '-', ''), abs(t.charged) / 1000000, abs(t.charged) % 1000000) AS billed,
	printf('%s%d.%06d', iif((t.day_price) < 0, '-', ''), abs(t.day_price) / 1000000, abs(t.day_price) % 1000000) AS day_price,
	printf('%s%d.%06d', iif((t.day_price - t.charged) < 0, '-', ''), abs(t.day_price - t.charged) / 1000000, abs(t.day_price - t.charged) % 1000000) AS saved,
	round(1 - CAST(t.charged AS REAL) / nullif(t.day_price, 0), 4) AS discount,
	t.charged AS billed_micros,
	t.day_price AS day_price_micros,
	t.day_price - t.charged AS saved_micros,
	json_extract(CAST(r.result AS TEXT), '$.state') AS state,
	json_extract(CAST(r.result AS TEXT), '$.audit.passed') AS audit_passed,
	json_extract(CAST(r.result AS TEXT), '$.discount.landed') AS landed,
	json_extract(CAST(r.result AS TEXT), '$.discount.missed') AS missed,
	b.stopped,
	iif(b.planned_at > 0, strftime('%Y-%m-%dT%H:%M:%S', b.planned_at / 1000000, 'unixepoch') || printf('.%06dZ', b.planned_at % 1000000), NULL) AS planned_at
FROM batches b JOIN tallies t ON t.batch_id = b.id LEFT JOIN results r ON r.batch_id = b.id;

-- One row a key and day, by the calendar of the provider's price window.
CREATE VIEW warehouse_keys AS SELECT
	d.key_id,
	d.pacific_day,
	d.provider,
	d.runs,
	printf('%s%d.%06d', iif((d.total) < 0, '-', ''), abs(d.total) / 1000000, abs(d.total) % 1000000) AS billed,
	printf('%s%d.%06d', iif((d.day_price) < 0, '-', ''), abs(d.day_price) / 1000000, abs(d.day_price) % 1000000) AS day_price,
	printf('%s%d.%06d', iif((d.day_price - d.total) < 0, '-', ''), abs(d.day_price - d.total) / 1000000, abs(d.day_price - d.total) % 1000000) AS saved,
	d.total AS billed_micros,
	d.day_price AS day_price_micros,
	d.input_tokens,
	d.output_tokens
FROM (SELECT key_id, pacific_day, provider, COUNT(*) AS runs, SUM(billed_micros) AS total, SUM(day_price_micros) AS day_price,
	SUM(input_tokens) AS input_tokens, SUM(output_tokens) AS output_tokens FROM warehouse_charges GROUP BY key_id, pacific_day, provider) d;

-- One row for what was deleted of a batch.
CREATE VIEW warehouse_purges AS SELECT
	batch_id AS batch,
	what,
	rule,
	iif(begun_at > 0, strftime('%Y-%m-%dT%H:%M:%S', begun_at / 1000000, 'unixepoch') || printf('.%06dZ', begun_at % 1000000), NULL) AS begun_at,
	iif(done_at > 0, strftime('%Y-%m-%dT%H:%M:%S', done_at / 1000000, 'unixepoch') || printf('.%06dZ', done_at % 1000000), NULL) AS done_at,
	items,
	bytes
FROM purges;
