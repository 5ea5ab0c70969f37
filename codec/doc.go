// Package codec encrypts what Temporal keeps of offpeak: inputs, results,
// heartbeats, memos, summaries and error messages leave every client and worker
// as AES-256-GCM, and Temporal's server, its database and its backups never see
// a prompt. internal/config gives every client of ours its converters ([Keys.Apply]);
// a service of yours that speaks to the same workflows does the same:
//
//	keys, err := codec.Open(codec.Source{File: "/run/secrets/codec-keys"})
//	options := client.Options{HostPort: "temporal:7233"}
//	keys.Apply(&options)
//
// Several keys can be good at once: the first encrypts, each decrypts, so that
// a key is changed while nights run ([Parse]). What was written in clear before
// there were keys is read as ever.
//
// Not encrypted, since Temporal itself works with them: workflow ids, task
// queues, the names of workflows and activities, the types of errors, search
// attributes (batch, night, state), times, and how long each payload is. None of
// them holds a prompt.
//
// Nothing is compressed first: the length of what was compressed would tell how
// much of it repeats a text that somebody else has chosen
// (https://en.wikipedia.org/wiki/CRIME), and prompts leave histories small anyway.
package codec
