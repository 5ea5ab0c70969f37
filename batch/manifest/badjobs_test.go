package manifest

import "testing"

func TestBadJobs(t *testing.T) {
	checkBad(t, []bad{
		{
			"no name", "name: a\njobs: [{task: t}]\n",
			[]string{`2:8: jobs[0].name: is missing (name each job)`},
		},
		{
			"name blank", "name: a\njobs: [{name: \"  \", task: t}]\n",
			[]string{`2:15: jobs[0].name: is empty (give it a value or remove the key)`},
		},
		{
			"name unprintable", "name: a\njobs: [{name: \"a\\tb\", task: t}]\n",
			[]string{`2:15: jobs[0].name: has the character U+0009, which can't be printed (use letters, digits, marks and plain spaces)`},
		},
		{
			"name too long", "name: a\njobs: [{name: nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn, task: t}]\n",
			[]string{`2:15: jobs[0].name: has 201 characters, more than 200 (shorten it)`},
		},
		{
			"name true", "name: a\njobs: [{name: true, task: t}]\n",
			[]string{`2:15: jobs[0].name: want text, got true or false (for text, quote it: "true")`},
		},
		{
			"name twice", "name: a\njobs:\n  - {name: x, task: t}\n  - {name: y, task: t}\n  - {name: \" x \", task: t}\n",
			[]string{`5:12: jobs[2].name: "x" is given twice, first in line 3 (a job's name is unique in its manifest)`},
		},
		{
			"no task", "name: a\njobs: [{name: x}]\n",
			[]string{`2:8: jobs[0]: has none of task, tasks and messages (say what the job is to do)`},
		},
		{
			"task blank", "name: a\njobs:\n  - name: x\n    task: \"  \"\n",
			[]string{`3:5: jobs[0]: has none of task, tasks and messages (say what the job is to do)`},
		},
		{
			"task misspelt", "name: a\njobs:\n  - name: x\n    tsak: t\n",
			[]string{`3:5: jobs[0]: has none of task, tasks and messages (did you mean task where it says tsak?)`},
		},
		{
			"task empty", "name: a\njobs:\n  - name: x\n    task:\n",
			[]string{`4:10: jobs[0].task: has no value (give it one or remove the key)`},
		},
		{
			"tasks empty", "name: a\njobs:\n  - name: x\n    tasks: []\n",
			[]string{`3:5: jobs[0]: has none of task, tasks and messages (say what the job is to do)`},
		},
		{
			"task is a number", "name: a\njobs:\n  - name: x\n    task: 2026\n",
			[]string{`4:11: jobs[0].task: want text, got a number (for text, quote it: "2026")`},
		},
		{
			"task is a list", "name: a\njobs:\n  - name: x\n    task: [a]\n",
			[]string{`4:11: jobs[0].task: want text, got a list`},
		},
		{
			"tasks of numbers", "name: a\njobs:\n  - name: x\n    tasks: [a, 1]\n",
			[]string{`4:16: jobs[0].tasks[1]: want text, got a number (for text, quote it: "1")`},
		},
		{
			"messages", "name: a\njobs:\n  - name: x\n    messages: hello\n",
			[]string{`4:15: jobs[0].messages: want a list of objects, or one object, got text`},
		},
		{
			"messages of texts", "name: a\njobs:\n  - name: x\n    messages: [hello]\n",
			[]string{`4:16: jobs[0].messages[0]: want an object, got text`},
		},
		{
			"stream", oneJob + "    stream: true\n",
			[]string{`5:13: jobs[0].stream: can't be true: nobody is there at night to watch a stream (remove it; the whole answer is kept)`},
		},
		{
			"stream word", oneJob + "    stream: yes\n",
			[]string{`5:13: jobs[0].stream: want true or false, got text (yes, no, on and off are text in YAML 1.2)`},
		},
		{
			"agents as an object", oneJob + "    agents: {agent_name: A}\n",
			[]string{`5:13: jobs[0].agents: want a list of agents, got an object`},
		},
		{
			"agent as text", oneJob + "    agents: [A]\n",
			[]string{`5:14: jobs[0].agents[0]: want an agent, which is an object, got text`},
		},
		{
			"agent without a name", oneJob + "    agents:\n      - model_name: m\n",
			[]string{`6:9: jobs[0].agents[0].agent_name: is missing (name each agent)`},
		},
		{
			"agent name null", oneJob + "    agents: [{agent_name: null}]\n",
			[]string{`5:14: jobs[0].agents[0].agent_name: is missing (name each agent)`},
		},
		{
			"agent name blank", oneJob + "    agents: [{agent_name: }]\n",
			[]string{`5:27: jobs[0].agents[0].agent_name: has no value (give it one or remove the key)`},
		},
		{
			"max_tokens", oneJob + "    agents: [{agent_name: A, max_tokens: 0}]\n",
			[]string{`5:42: jobs[0].agents[0].max_tokens: 0 is outside 1 to 1000000000`},
		},
		{
			"max_tokens fraction", oneJob + "    agents: [{agent_name: A, max_tokens: 10.5}]\n",
			[]string{`5:42: jobs[0].agents[0].max_tokens: want a whole number, got 10.5`},
		},
		{
			"max_tokens text", oneJob + "    agents: [{agent_name: A, max_tokens: \"1024\"}]\n",
			[]string{`5:42: jobs[0].agents[0].max_tokens: want a whole number, got text (remove the quotes)`},
		},
		{
			"max_tokens huge", oneJob + "    agents: [{agent_name: A, max_tokens: 99999999999999999999}]\n",
			[]string{`5:42: jobs[0].agents[0].max_tokens: 99999999999999999999 is outside 1 to 1000000000`},
		},
		{
			"agent loops word", oneJob + "    agents: [{agent_name: A, max_loops: always}]\n",
			[]string{`5:41: jobs[0].agents[0].max_loops: want a whole number or auto, got text`},
		},
		{
			"loops auto is for agents", oneJob + "    max_loops: auto\n",
			[]string{`5:16: jobs[0].max_loops: want a whole number, got text`},
		},
		{
			"loops zero", oneJob + "    max_loops: 0\n",
			[]string{`5:16: jobs[0].max_loops: 0 is outside 1 to 1000000`},
		},
		{
			"temperature", oneJob + "    agents: [{agent_name: A, temperature: 2.01}]\n",
			[]string{`5:43: jobs[0].agents[0].temperature: 2.01 is outside 0 to 2`},
		},
		{
			"temperature text", oneJob + "    agents: [{agent_name: A, temperature: hot}]\n",
			[]string{`5:43: jobs[0].agents[0].temperature: want a number, got text`},
		},
		{
			"temperature exponent", oneJob + "    agents: [{agent_name: A, temperature: 1e9999}]\n",
			[]string{`5:43: jobs[0].agents[0].temperature: 1e9999 is outside 0 to 2`},
		},
		{
			"swarm_type empty", oneJob + "    swarm_type: \"\"\n",
			[]string{`5:17: jobs[0].swarm_type: is empty (give it a value or remove the key)`},
		},
		{
			"rearrange without flow", oneJob + "    swarm_type: AgentRearrange\n",
			[]string{`3:5: jobs[0].rearrange_flow: is missing: AgentRearrange needs it (say who follows whom, such as "Scanner -> Synthesizer")`},
		},
		{
			"model number", oneJob + "    agents: [{agent_name: A, model_name: 4}]\n",
			[]string{`5:42: jobs[0].agents[0].model_name: want text, got a number (for text, quote it: "4")`},
		},
		{
			"handoffs", oneJob + "    agents: [{agent_name: A, handoffs: [{model_name: m}]}]\n",
			[]string{`5:41: jobs[0].agents[0].handoffs[0].agent_name: is missing (name each agent)`},
		},
		{
			"tools", oneJob + "    agents: [{agent_name: A, tools_list_dictionary: [x], selected_tools: 1, llm_args: []}]\n",
			[]string{
				`5:54: jobs[0].agents[0].tools_list_dictionary[0]: want an object, got text`,
				`5:74: jobs[0].agents[0].selected_tools: want text or a list of texts, got a number (for text, quote it: "1")`,
				`5:87: jobs[0].agents[0].llm_args: want an object, got a list`,
			},
		},
		{
			"expect number", oneJob + "    expect: 5\n",
			[]string{`5:13: jobs[0].expect: want an object, got a number`},
		},
		{
			"expect half", oneJob + "    expect: {input_tokens: 5}\n",
			[]string{`5:13: jobs[0].expect.output_tokens: is missing (an estimate needs both input_tokens and output_tokens)`},
		},
		{
			"expect negative", oneJob + "    expect: {input_tokens: -1, output_tokens: 1e3}\n",
			[]string{
				`5:28: jobs[0].expect.input_tokens: -1 is outside 0 to 1000000000`,
				`5:47: jobs[0].expect.output_tokens: want a whole number, got 1e3`,
			},
		},
		{
			"expect field", oneJob + "    expect: {input_tokens: 1, output_tokens: 1, agents: 2}\n",
			[]string{`5:49: jobs[0].expect.agents: is not a field of expect (known are input_tokens, output_tokens)`},
		},
		{
			"needed_by local", oneJob + "    needed_by: 2026-11-23T05:00\n",
			[]string{`5:16: jobs[0].needed_by: "2026-11-23T05:00" is not an instant (write it with its offset from UTC, such as 2026-11-23T05:00:00-08:00)`},
		},
		{
			"needed_by date", oneJob + "    needed_by: 2026-11-23\n",
			[]string{`5:16: jobs[0].needed_by: "2026-11-23" is not an instant (write it with its offset from UTC, such as 2026-11-23T05:00:00-08:00)`},
		},
		{
			"needed_by number", oneJob + "    needed_by: 5\n",
			[]string{`5:16: jobs[0].needed_by: want text, got a number (for text, quote it: "5")`},
		},
		{
			"priority", oneJob + "    priority: 1001\n",
			[]string{`5:15: jobs[0].priority: 1001 is outside -1000 to 1000`},
		},
		{
			"priority word", oneJob + "    priority: high\n",
			[]string{`5:15: jobs[0].priority: want a whole number, got text`},
		},
		{
			"priority text", oneJob + "    priority: \"5\"\n",
			[]string{`5:15: jobs[0].priority: want a whole number, got text (remove the quotes)`},
		},
		{
			"defaults as a list", valid + "defaults: []\n",
			[]string{`3:11: defaults: want an object, got a list`},
		},
		{
			"default name", valid + "defaults: {name: n, needed_by: 2026-11-23T05:00:00Z}\n",
			[]string{
				`3:12: defaults.name: can't be a default (each job has its own)`,
				`3:21: defaults.needed_by: can't be a default (each job has its own)`,
			},
		},
		{
			"default stream", valid + "defaults: {stream: true}\n",
			[]string{`3:20: defaults.stream: can't be true: nobody is there at night to watch a stream (remove it; the whole answer is kept)`},
		},
		{
			"default agents once", "name: a\ndefaults: {agents: [{model_name: m}]}\njobs:\n  - {name: x, task: t}\n  - {name: y, task: t}\n",
			[]string{`2:21: defaults.agents[0].agent_name: is missing (name each agent)`},
		},
		{
			"alias says it once", "name: a\njobs:\n  - {name: x, task: t, agents: &a [{model_name: 1}]}\n  - {name: y, task: t, agents: *a}\n",
			[]string{
				`3:36: jobs[0].agents[0].agent_name: is missing (name each agent)`,
				`3:49: jobs[0].agents[0].model_name: want text, got a number (for text, quote it: "1")`,
			},
		},
	})
}

func TestRegulated(t *testing.T) {
	checkBad(t, []bad{
		{
			"no agents", regulated,
			[]string{`4:5: jobs[0].agents: is missing, and regulated work needs agents with pinned models (list them in the job or under defaults)`},
		},
		{
			"empty agents", regulated + "    agents: []\n",
			[]string{`4:5: jobs[0].agents: is missing, and regulated work needs agents with pinned models (list them in the job or under defaults)`},
		},
		{
			"nothing pinned", regulated + "    agents:\n      - agent_name: A\n",
			[]string{
				`7:9: jobs[0].agents[0].model_name: is missing, and regulated work needs a pinned model (name one version, such as gpt-4o-2024-08-06)`,
				`7:9: jobs[0].agents[0].temperature: is missing, and regulated work needs 0 (write temperature: 0)`,
			},
		},
		{
			"auto", regulated + "    agents: [{agent_name: A, model_name: auto, temperature: 0}]\n",
			[]string{`6:42: jobs[0].agents[0].model_name: auto is not a pinned model, and regulated work needs one (name one version, such as gpt-4o-2024-08-06)`},
		},
		{
			"latest", regulated + "    agents: [{agent_name: A, model_name: xai/grok-4-latest, temperature: 0}]\n",
			[]string{`6:42: jobs[0].agents[0].model_name: xai/grok-4-latest is not a pinned model, and regulated work needs one (name one version, such as gpt-4o-2024-08-06)`},
		},
		{
			"warm", regulated + "    agents: [{agent_name: A, model_name: gpt-4o-2024-08-06, temperature: 0.1}]\n",
			[]string{`6:74: jobs[0].agents[0].temperature: is 0.1, and regulated work needs 0 (write temperature: 0)`},
		},
		{
			"temperature null", regulated + "    agents: [{agent_name: A, model_name: gpt-4o-2024-08-06, temperature: null}]\n",
			[]string{`6:14: jobs[0].agents[0].temperature: is missing, and regulated work needs 0 (write temperature: 0)`},
		},
		{
			"opus with temperature", regulated + "    agents: [{agent_name: A, model_name: anthropic/claude-opus-4.8, temperature: 0}]\n",
			[]string{`6:82: jobs[0].agents[0].temperature: can't be set for Opus 4.8, which rejects it (remove it)`},
		},
		{
			"opus 4.1 without", regulated + "    agents: [{agent_name: A, model_name: claude-opus-4-1}]\n",
			[]string{`6:14: jobs[0].agents[0].temperature: is missing, and regulated work needs 0 (write temperature: 0)`},
		},
		{
			"loops", regulated + "    max_loops: 2\n    agents: [{agent_name: A, model_name: m-1, temperature: 0, max_loops: 3}]\n",
			[]string{
				`6:16: jobs[0].max_loops: is 2, but regulated work runs once (set max_loops to 1, or leave it out)`,
				`7:74: jobs[0].agents[0].max_loops: is 3, but regulated work runs once (set max_loops to 1, or leave it out)`,
			},
		},
		{
			"auto loops", regulated + "    agents: [{agent_name: A, model_name: m-1, temperature: 0, max_loops: auto}]\n",
			[]string{`6:74: jobs[0].agents[0].max_loops: is auto, but regulated work runs once (set max_loops to 1, or leave it out)`},
		},
		{
			"handoffs", regulated + "    agents: [{agent_name: A, model_name: m-1, temperature: 0, handoffs: [{agent_name: B}]}]\n",
			[]string{
				`6:74: jobs[0].agents[0].handoffs[0].model_name: is missing, and regulated work needs a pinned model (name one version, such as gpt-4o-2024-08-06)`,
				`6:74: jobs[0].agents[0].handoffs[0].temperature: is missing, and regulated work needs 0 (write temperature: 0)`,
			},
		},
		{
			"side doors", regulated + "    agents: [{agent_name: A, model_name: m-1, temperature: 0, dynamic_temperature_enabled: true, llm_args: {Model: m-2, temperature: 0.9}}]\n",
			[]string{
				`6:92: jobs[0].agents[0].dynamic_temperature_enabled: is true, and regulated work needs temperature 0 (remove it)`,
				`6:109: jobs[0].agents[0].llm_args.Model: names a model past model_name, and regulated work needs one that is pinned (remove it; model_name says which)`,
				`6:121: jobs[0].agents[0].llm_args.temperature: sets a temperature past the agent's own, and regulated work needs 0 (remove it; the agent's temperature says it)`,
			},
		},
		{
			"builder", regulated + "    swarm_type: AutoSwarmBuilder\n    agents: [{agent_name: A, model_name: m-1, temperature: 0}]\n",
			[]string{`4:5: jobs[0].swarm_type: is AutoSwarmBuilder, whose agents nobody can pin (choose another swarm_type for regulated work)`},
		},
		{
			"judge", regulated + "    council_judge_model_name: gpt:latest\n    agents: [{agent_name: A, model_name: m-1, temperature: 0}]\n",
			[]string{`6:31: jobs[0].council_judge_model_name: gpt:latest is not a pinned model, and regulated work needs one (name one version, such as gpt-4o-2024-08-06)`},
		},
		{
			"defaults", "name: a\npolicy: {compliance: regulated}\ndefaults: {agents: [{agent_name: A, model_name: m-1}]}\njobs:\n  - {name: x, task: t}\n  - {name: y, task: t}\n",
			[]string{`3:21: defaults.agents[0].temperature: is missing, and regulated work needs 0 (write temperature: 0)`},
		},
	})
}
