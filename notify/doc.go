// Package notify carries one alert to one place outside: a webhook, a chat, a
// mailbox, a pager. It is an outside party like the provider: one Send is one
// message and is never repeated here, since Temporal is the only one that
// retries. What is to be told, when and where, the books decide (ledger); who
// asks for it is the hands and starter alerts test.
//
// The addresses of sinks hold secrets. Nothing that this package returns, in an
// error or otherwise, holds one: see scrub.
package notify
