package manifest

import "testing"

func TestBadFields(t *testing.T) {
	checkBad(t, []bad{
		{
			"nothing but a field", "x: 1\n",
			[]string{
				`1:1: x: is not a field of a manifest (known are name, provider, dialect, defaults, window, budget, policy, jobs, jobs_from)`,
				`1:1: name: is missing (name the batch, such as market-digest)`,
				`1:1: has neither jobs nor jobs_from (list the jobs under jobs, or name a file of them in jobs_from)`,
			},
		},
		{
			"near miss", valid + "windw: {}\n",
			[]string{`3:1: windw: is not a field of a manifest (did you mean window?)`},
		},
		{
			"far miss", valid + "colour: red\n",
			[]string{`3:1: colour: is not a field of a manifest (known are name, provider, dialect, defaults, window, budget, policy, jobs, jobs_from)`},
		},
		{
			"job field at the top", valid + "task: t\n",
			[]string{`3:1: task: is not a field of a manifest (it belongs to a job, or under defaults)`},
		},
		{
			"key at the top", valid + "swarms_api_key: sk-123\n",
			[]string{`3:1: swarms_api_key: is not a field of a manifest (a manifest holds no keys: set SWARMS_API_KEY for the worker)`},
		},
		{
			"no jobs", "name: a\n",
			[]string{`1:1: has neither jobs nor jobs_from (list the jobs under jobs, or name a file of them in jobs_from)`},
		},
		{
			"empty jobs", "name: a\njobs: []\n",
			[]string{`2:7: jobs: is an empty list (list at least one job, or remove the key and use jobs_from)`},
		},
		{
			"blank jobs", "name: a\njobs:\n",
			[]string{`2:6: jobs: has no value (give it one or remove the key)`},
		},
		{
			"jobs as text", "name: a\njobs: x\n",
			[]string{`2:7: jobs: want a list of jobs, got text`},
		},
		{
			"job as text", "name: a\njobs: [x]\n",
			[]string{`2:8: jobs[0]: want an object, got text`},
		},
		{
			"no name", "jobs_from: f\n",
			[]string{`1:1: name: is missing (name the batch, such as market-digest)`},
		},
		{
			"bad name", "name: Market Digest\njobs_from: f\n",
			[]string{`1:7: name: "Market Digest" is not a batch name (1 to 63 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit)`},
		},
		{
			"name is a number", "name: 123\njobs_from: f\n",
			[]string{`1:7: name: want text, got a number (for text, quote it: "123")`},
		},
		{
			"name is a boolean", "name: true\njobs_from: f\n",
			[]string{`1:7: name: want text, got true or false (for text, quote it: "true")`},
		},
		{
			"name with a slash", "name: a/b\njobs_from: f\n",
			[]string{`1:7: name: "a/b" is not a batch name (1 to 63 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit)`},
		},
		{
			"provider", valid + "provider: openai\n",
			[]string{`3:11: provider: "openai" is not one of: swarms, swiftia, allswap, custom`},
		},
		{
			"near provider", valid + "provider: swarm\n",
			[]string{`3:11: provider: "swarm" is not one of: swarms, swiftia, allswap, custom (did you mean swarms?)`},
		},
		{
			"window is text", valid + "window: night\n",
			[]string{`3:9: window: want an object, or always, got text`},
		},
		{
			"zone for timezone", valid + "window: {zone: Europe/Berlin}\n",
			[]string{`3:10: window.zone: is not a field of a window (did you mean timezone?)`},
		},
		{
			"unknown zone", valid + "window: {timezone: Mars/Olympus}\n",
			[]string{`3:20: window.timezone: Mars/Olympus: not a known time zone; use an IANA name such as "America/Los_Angeles"`},
		},
		{
			"always and hours", valid + "window: {always: true, open: \"20:00\", buffer: 5m, weekdays: [mon]}\n",
			[]string{
				`3:30: window.open: 20:00: can't stand beside always: a window that never closes has no hours; remove one of the two`,
				`3:47: window.buffer: 5m0s: can't stand beside always: a window that never closes has no hours; remove one of the two`,
				`3:61: window.weekdays: mon: can't stand beside always: a window that never closes has no hours; remove one of the two`,
			},
		},
		{
			"intervals", valid + "window:\n  open: \"20:00\"\n  intervals:\n    - {open: \"00:00\", close: \"06:00\"}\n    - {open: \"12:00\", close: \"12:00\"}\n    - {open: \"05:00\"}\n",
			[]string{
				`4:9: window.open: 20:00: can't stand beside intervals: each interval has its own`,
				`7:30: window.intervals[1].close: 12:00: equal to open, which leaves no interval; a whole day is two of them, 00:00 to 12:00 and 12:00 to 00:00`,
				`8:7: window.intervals[2].close: missing; an interval needs open and close`,
			},
		},
		{
			"an interval that isn't one, beside others", valid + "window: {intervals: [{open: \"00:00\", close: \"06:99\"}, {open: \"12:00\", close: \"12:00\"}, {open: \"10:00\", close: \"11:00\"}]}\n",
			[]string{
				`3:45: window.intervals[0].close: "06:99" is not a time of day (write it as "20:00", from 00:00 to 23:59)`,
				`3:78: window.intervals[1].close: 12:00: equal to open, which leaves no interval; a whole day is two of them, 00:00 to 12:00 and 12:00 to 00:00`,
				`3:95: window.intervals[2].open: 10:00: comes before the one above it, which opens at 12:00: write intervals in the order of the day`,
			},
		},
		{
			"intervals that overlap", valid + "window: {intervals: [{open: \"00:00\", close: \"06:00\"}, {open: \"05:00\", close: \"07:00\", weekdays: [sat]}]}\n",
			[]string{`3:55: window.intervals[1]: 05:00 to 07:00 on sat: overlaps intervals[0], 00:00 to 06:00, on sat: an hour belongs to one interval`},
		},
		{
			"intervals of the wrong kind", valid + "window: {intervals: [{opens: \"00:00\"}, \"00:00-06:00\"]}\n",
			[]string{
				`3:22: window.intervals[0].open: missing; an interval needs open and close`,
				`3:23: window.intervals[0].opens: is not a field of an interval (did you mean open?)`,
				`3:40: window.intervals[1]: want an object, got text`,
			},
		},
		{
			"no intervals", valid + "window: {intervals: []}\n",
			[]string{`3:21: window.intervals: is an empty list (write intervals as {open: "00:00", close: "06:00"}, or remove the key)`},
		},
		{
			"multiplier", valid + "window: {multiplier: 1.5}\n",
			[]string{`3:22: window.multiplier: 1.5 is not above 0 and at most 1 (write what a token costs inside the window, of its day price: 0.5 is half price; at most 6 decimal places)`},
		},
		{
			"clock", valid + "window: {open: \"25:00\"}\n",
			[]string{`3:16: window.open: "25:00" is not a time of day (write it as "20:00", from 00:00 to 23:59)`},
		},
		{
			"clock as a number", valid + "window: {open: 20}\n",
			[]string{`3:16: window.open: want text, got a number (for text, quote it: "20")`},
		},
		{
			"open equals close", valid + "window: {open: \"20:00\", close: \"20:00\"}\n",
			[]string{`3:32: window.close: 20:00: equal to open, which leaves no window; one that never closes is written as window: always`},
		},
		{
			"start outside", valid + "window: {start_at: \"12:00\"}\n",
			[]string{`3:20: window.start_at: 12:00: must be inside the window, 20:00 to 06:00`},
		},
		{
			"buffer", valid + "window: {buffer: 13h}\n",
			[]string{`3:18: window.buffer: 13h0m0s is outside 0s to 12h0m0s`},
		},
		{
			"weekday", valid + "window: {weekdays: [mon, monday, mon]}\n",
			[]string{
				`3:26: window.weekdays[1]: "monday" is not one of: sun, mon, tue, wed, thu, fri, sat (did you mean mon?)`,
				`3:34: window.weekdays[2]: mon is given twice (keep one)`,
			},
		},
		{
			"no weekdays", valid + "window: {weekdays: []}\n",
			[]string{`3:20: window.weekdays: is an empty list (remove the key for every night)`},
		},
		{
			"weekdays as text", valid + "window: {weekdays: mon}\n",
			[]string{`3:20: window.weekdays: want a list, got text`},
		},
		{
			"budget as a number", valid + "budget: 5\n",
			[]string{`3:9: budget: want an object, got a number`},
		},
		{
			"budget field", valid + "budget: {perjob: 5}\n",
			[]string{`3:10: budget.perjob: is not a field of a budget (did you mean per_job?)`},
		},
		{
			"zero", valid + "budget: {batch: 0}\n",
			[]string{`3:17: budget.batch: 0 is not more than zero (a cap of nothing sends nothing)`},
		},
		{
			"no day at all", valid + "budget: {day: 0}\n",
			[]string{`3:15: budget.day: 0 is not more than zero (a cap of nothing sends nothing)`},
		},
		{
			"negative", valid + "budget: {batch: -1}\n",
			[]string{`3:17: budget.batch: -1 is not more than zero (a cap of nothing sends nothing)`},
		},
		{
			"too fine", valid + "budget: {per_job: 0.0000001}\n",
			[]string{`3:19: budget.per_job: 0.0000001 is not an amount of dollars (write it as 5.00, with at most 6 decimal places)`},
		},
		{
			"currency", valid + "budget: {per_job: 5 EUR}\n",
			[]string{`3:19: budget.per_job: 5 EUR is not an amount of dollars (write it as 5.00, with at most 6 decimal places)`},
		},
		{
			"budget blank", valid + "budget: {batch: }\n",
			[]string{`3:17: budget.batch: has no value (give it one or remove the key)`},
		},
		{
			"budget bool", valid + "budget: {batch: true}\n",
			[]string{`3:17: budget.batch: want a number of dollars, got true or false`},
		},
		{
			"on_unknown", valid + "policy: {on_unknown: retry}\n",
			[]string{`3:22: policy.on_unknown: "retry" is not one of: verify, hold, resend`},
		},
		{
			"compliance", valid + "policy: {compliance: reglated}\n",
			[]string{`3:22: policy.compliance: "reglated" is not one of: none, regulated (did you mean regulated?)`},
		},
		{
			"mode", valid + "policy: {mode: 1}\n",
			[]string{`3:16: policy.mode: want text, got a number (for text, quote it: "1")`},
		},
		{
			"fan_out unknown", valid + "policy: {fan_out: lane}\n",
			[]string{`3:19: policy.fan_out: "lane" is not one of: auto, jobs, lanes (did you mean lanes?)`},
		},
		{
			"mode unknown", valid + "policy: {mode: fast}\n",
			[]string{`3:16: policy.mode: "fast" is not one of: auto, single, batch`},
		},
		{
			"batch of one", valid + "policy: {batch_size: 1}\n",
			[]string{`3:22: policy.batch_size: 1 is outside 2 to 100`},
		},
		{
			"batch too large", valid + "policy: {batch_size: 101}\n",
			[]string{`3:22: policy.batch_size: 101 is outside 2 to 100`},
		},
		{
			"batch of a fraction", valid + "policy: {batch_size: 2.5}\n",
			[]string{`3:22: policy.batch_size: want a whole number, got 2.5`},
		},
		{
			"batch in words", valid + "policy: {batch_size: \"10\"}\n",
			[]string{`3:22: policy.batch_size: want a whole number, got text (remove the quotes)`},
		},
		{
			"timeout short", valid + "policy: {request_timeout: 500ms}\n",
			[]string{`3:27: policy.request_timeout: 500ms is outside 1s to 1h0m0s`},
		},
		{
			"timeout long", valid + "policy: {request_timeout: 3601}\n",
			[]string{`3:27: policy.request_timeout: 1h0m1s is outside 1s to 1h0m0s`},
		},
		{
			"timeout words", valid + "policy: {request_timeout: 10 minutes}\n",
			[]string{`3:27: policy.request_timeout: "10 minutes" is not a duration (write 600s, 10m, or a number of seconds without quotes)`},
		},
		{
			"timeout quoted number", valid + "policy: {request_timeout: \"600\"}\n",
			[]string{`3:27: policy.request_timeout: "600" is not a duration (write 600s, 10m, or a number of seconds without quotes)`},
		},
		{
			"timeout huge", valid + "policy: {request_timeout: 1e999999}\n",
			[]string{`3:27: policy.request_timeout: "1e999999" is not a duration (write 600s, 10m, or a number of seconds without quotes)`},
		},
		{
			"timeout list", valid + "policy: {request_timeout: [1]}\n",
			[]string{`3:27: policy.request_timeout: want a duration, got a list`},
		},
		{
			"log lag", valid + "policy: {log_lag: -1}\n",
			[]string{`3:19: policy.log_lag: -1s is outside 0s to 24h0m0s`},
		},
		{
			"carry over", valid + "policy: {carry_over: 1}\n",
			[]string{`3:22: policy.carry_over: want true or false, got a number`},
		},
		{
			"log lag long", valid + "policy: {log_lag: 25h}\n",
			[]string{`3:19: policy.log_lag: 25h0m0s is outside 0s to 24h0m0s`},
		},
		{
			"jobs_from number", "name: a\njobs_from: 7\n",
			[]string{`2:12: jobs_from: want text, got a number (for text, quote it: "7")`},
		},
		{
			"jobs_from blank", "name: a\njobs_from: \" \"\n",
			[]string{`2:12: jobs_from: is empty (give it a value or remove the key)`},
		},
		{
			"jobs_from with a password", "name: a\njobs_from: s3://user:hunter2@bucket/jobs\n",
			[]string{`2:12: jobs_from: has a user or a password in its URL (a manifest holds no secrets: give them to the worker)`},
		},
		{
			"jobs_from not a URL", "name: a\njobs_from: \"s3://%zz\"\n",
			[]string{`2:12: jobs_from: is not a URL (write file:///... or a path)`},
		},
	})
}
