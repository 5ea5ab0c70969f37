package manifest

import "testing"

func TestBadYAML(t *testing.T) {
	checkBad(t, []bad{
		{
			"empty", "",
			[]string{`1:1: is empty (a manifest needs a name and jobs)`},
		},
		{
			"blanks only", " \n\t\n",
			[]string{`1:1: is empty (a manifest needs a name and jobs)`},
		},
		{
			"comments only", "# nothing\n",
			[]string{`1:1: is empty (a manifest needs a name and jobs)`},
		},
		{
			"document of nothing", "---\n",
			[]string{`2:1: is empty (a manifest needs a name and jobs)`},
		},
		{
			"null", "null\n",
			[]string{`1:1: is empty (a manifest needs a name and jobs)`},
		},
		{
			"a list", "- a\n",
			[]string{`1:1: want an object, got a list`},
		},
		{
			"a text", "hello\n",
			[]string{`1:1: want an object, got text`},
		},
		{
			"two documents", "name: a\njobs_from: f\n---\nname: b\n",
			[]string{`3:1: has a second document (keep one manifest in a file)`},
		},
		{
			"unclosed list", "name: a\njobs: [1\nbudget: 2\n",
			[]string{`3:7: isn't YAML: did not find expected ',' or ']' (while parsing a flow sequence that began in line 2)`},
		},
		{
			"tab indent", "name: a\nbudget:\n\tbatch: 1\n",
			[]string{`3:1: isn't YAML: found character that cannot start any token (indent with spaces and put texts with special characters in quotes)`},
		},
		{
			"colon in text", "name: a\njobs:\n  - name: x\n    task: Note: this\n",
			[]string{`4:15: isn't YAML: mapping values are not allowed in this context (a text with a colon and a space needs quotes)`},
		},
		{
			"NUL", "name: a\x00\n",
			[]string{`1:8: has a NUL character (remove it; no text needs one)`},
		},
		{
			"control", "name: a\nprovider: \"sw\aarms\"\n",
			[]string{`2:14: has the control character U+0007 (remove it, or write it as an escape in double quotes)`},
		},
		{
			"not UTF-8", "name: a\nprovider: \"sw\xffarms\"\n",
			[]string{`2:14: has the byte 0xff, which isn't UTF-8 (save it as UTF-8)`},
		},
		{
			"escaped NUL", "name: a\njobs:\n  - name: x\n    task: \"a\\0b\"\n",
			[]string{`4:11: jobs[0].task: has a NUL character (remove it; no text needs one)`},
		},
		{
			"unknown anchor", "name: a\njobs: *x\n",
			[]string{`2:7: isn't YAML: unknown anchor 'x' referenced`},
		},
		{
			"alias in itself", "name: a\njobs: &x\n  - {name: j, task: t, more: *x}\n",
			[]string{`3:30: jobs[0].more: is an alias of something that contains it`},
		},
		{
			"custom tag", "name: a\njobs:\n  - name: x\n    task: !secret t\n",
			[]string{`4:11: jobs[0].task: has the tag !secret, which isn't supported (remove the tag)`},
		},
		{
			"binary", "name: a\njobs:\n  - name: x\n    task: !!binary aGk=\n",
			[]string{`4:11: jobs[0].task: has the tag !!binary, which isn't supported (remove the tag)`},
		},
		{
			"tagged list", "name: a\njobs: !!set [a]\n",
			[]string{`2:7: jobs: has the tag !!set, which isn't supported (remove the tag)`},
		},
		{
			"merge key", "name: a\nx: &x {task: t}\njobs:\n  - name: y\n    <<: *x\n",
			[]string{
				`2:1: x: is not a field of a manifest (known are name, provider, dialect, defaults, window, budget, policy, jobs, jobs_from)`,
				`4:5: jobs[0]: has none of task, tasks and messages (say what the job is to do)`,
				`5:5: jobs[0]: has a merge key <<, which isn't supported (put what jobs share under defaults, or give an alias to a whole value)`,
			},
		},
		{
			"list as key", valid + "? [a]\n: 1\n",
			[]string{`3:3: has a list or an object as a key (a key is text)`},
		},
		{
			"number as key", oneJob + "    llm: {1: x}\n",
			[]string{`5:11: jobs[0].llm: has the key 1, which isn't text (quote it)`},
		},
		{
			"duplicate key", "name: a\njobs_from: f\nname: b\n",
			[]string{`3:1: name: is given twice, first in line 1 (keep one)`},
		},
		{
			"duplicate inside a job", oneJob + "    task: u\n",
			[]string{`5:5: jobs[0].task: is given twice, first in line 4 (keep one)`},
		},
		{
			"hexadecimal", oneJob + "    seed: 0x1f\n",
			[]string{`5:11: jobs[0].seed: is the number 0x1f, which JSON can't hold as it is written (write it in plain decimal, or in quotes if it is text)`},
		},
		{
			"octal", oneJob + "    seed: 017\n",
			[]string{`5:11: jobs[0].seed: is the number 017, which JSON can't hold as it is written (write it in plain decimal, or in quotes if it is text)`},
		},
		{
			"underscore", oneJob + "    seed: 1_000\n",
			[]string{`5:11: jobs[0].seed: is the number 1_000, which JSON can't hold as it is written (write it in plain decimal, or in quotes if it is text)`},
		},
		{
			"infinity", oneJob + "    seed: .inf\n",
			[]string{`5:11: jobs[0].seed: is the number .inf, which JSON can't hold as it is written (write it in plain decimal, or in quotes if it is text)`},
		},
		{
			"plus", oneJob + "    seed: +5\n",
			[]string{`5:11: jobs[0].seed: is the number +5, which JSON can't hold as it is written (write it in plain decimal, or in quotes if it is text)`},
		},
		{
			"bare fraction", valid + "budget: {batch: .5}\n",
			[]string{`3:17: budget.batch: is the number .5, which JSON can't hold as it is written (write it in plain decimal, or in quotes if it is text)`},
		},
	})
}

func TestBadJSON(t *testing.T) {
	checkBad(t, []bad{
		{
			"cut off", "{\"name\": \"a\"",
			[]string{`1:13: ends where ',' or '}' was expected (the file may be cut off)`},
		},
		{
			"cut off in a text", "{\"name\": \"a",
			[]string{`1:12: name: ends inside a text (a closing double quote is missing)`},
		},
		{
			"cut off in an escape", "{\"name\": \"a\\",
			[]string{`1:13: name: ends inside a text (a closing double quote is missing)`},
		},
		{
			"trailing comma", "{\"name\": \"a\", }",
			[]string{`1:15: has '}' where a key in double quotes was expected (a comma before the end isn't allowed)`},
		},
		{
			"trailing comma in a list", "{\"jobs\": [1, ]}",
			[]string{`1:14: jobs[1]: has ']' where a value was expected (a comma before the end isn't allowed)`},
		},
		{
			"single quotes", "{'name': 'a'}",
			[]string{`1:2: has '\'' where a key in double quotes was expected (JSON takes double quotes only)`},
		},
		{
			"yaml flow", "{name: a}",
			[]string{`1:2: has 'n' where a key in double quotes was expected (text that begins with { is read as JSON: keys and texts in double quotes, commas between)`},
		},
		{
			"comment", "{\n// the name\n\"name\": \"a\"}",
			[]string{`2:1: has '/' where a key in double quotes was expected (JSON has no comments; YAML has)`},
		},
		{
			"no colon", "{\"name\" \"a\"}",
			[]string{`1:9: has '"' where ':' was expected (text that begins with { is read as JSON: keys and texts in double quotes, commas between)`},
		},
		{
			"two values", "{\"name\": \"a\", \"jobs_from\": \"f\"}\n{}",
			[]string{`2:1: has more text after its end (remove it; a document is one JSON object)`},
		},
		{
			"bad number", "{\"budget\": {\"batch\": 05}}",
			[]string{`1:22: budget.batch: has a number that JSON doesn't know (write it in decimal, such as 0.5 or 17)`},
		},
		{
			"bad number tail", "{\"budget\": {\"batch\": 1.2.3}}",
			[]string{`1:22: budget.batch: has a number that JSON doesn't know (write it in decimal, such as 0.5 or 17)`},
		},
		{
			"NaN", "{\"budget\": {\"batch\": NaN}}",
			[]string{`1:22: budget.batch: has 'N' where a value was expected (text that begins with { is read as JSON: keys and texts in double quotes, commas between)`},
		},
		{
			"raw line break", "{\"name\": \"a\nb\"}",
			[]string{`1:12: name: has the control character U+000A inside a text (write line breaks as \n and tabs as \t)`},
		},
		{
			"raw tab", "{\"name\": \"a\tb\"}",
			[]string{`1:12: name: has the control character U+0009 inside a text (write line breaks as \n and tabs as \t)`},
		},
		{
			"unknown escape", "{\"name\": \"a\\x41\"}",
			[]string{`1:12: name: has an escape that JSON doesn't know (a backslash is written \\)`},
		},
		{
			"lone high surrogate", "{\"name\": \"\\ud83d\"}",
			[]string{`1:11: name: has half of a surrogate pair (write \ud83d\ude00, both halves, or the character itself)`},
		},
		{
			"lone low surrogate", "{\"name\": \"\\ude00\"}",
			[]string{`1:11: name: has half of a surrogate pair (write \ud83d\ude00, both halves, or the character itself)`},
		},
		{
			"high surrogate and text", "{\"name\": \"\\ud83dA\\u0041\"}",
			[]string{`1:11: name: has half of a surrogate pair (write \ud83d\ude00, both halves, or the character itself)`},
		},
		{
			"escaped NUL", `{"name": "a\u0000"}`,
			[]string{`1:12: name: has a NUL character (remove it; no text needs one)`},
		},
		{
			"column counts characters", "{\"näme\": \"a\", \"jobs_from\": \"f\", \"name\": \"ö\", \"bad\": 1}",
			[]string{
				`1:2: ["näme"]: is not a field of a manifest (did you mean name?)`,
				`1:41: name: "ö" is not a batch name (1 to 63 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit)`,
				`1:46: bad: is not a field of a manifest (known are name, provider, dialect, defaults, window, budget, policy, jobs, jobs_from)`,
			},
		},
		{
			"duplicate", "{\"name\": \"a\",\n \"jobs_from\": \"f\",\n \"name\": \"b\"}",
			[]string{`3:2: name: is given twice, first in line 1 (keep one)`},
		},
		{
			"null", "{\"name\": null, \"jobs_from\": \"f\"}",
			[]string{`1:10: name: has no value (give it one or remove the key)`},
		},
		{
			"NUL", "{\"name\": \"a\"\x00}",
			[]string{`1:13: has '\x00' where ',' or '}' was expected (text that begins with { is read as JSON: keys and texts in double quotes, commas between)`},
		},
	})
}
