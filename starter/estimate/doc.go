// Package estimate says what a batch is expected to cost, with the code that
// plans a night: the same numbers at every door. starter/cli prints them,
// starter/httpapi answers with them. It sends nothing that costs anything; of
// the provider it asks the rate card, the limits and the credits, all of them
// free.
//
//	terms, err := estimate.Ask(ctx, env, time.Now)
//	e, err := estimate.Price(manifest, estimate.Local(manifest, nil), terms, time.Now())
package estimate
