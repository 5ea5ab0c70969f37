// Package httpapi is the HTTP door: the verbs of starter/nightly, starter/books
// and starter/estimate as JSON over HTTP, described by the OpenAPI 3.1 document
// that it makes of its own code (/openapi.json, and for people /docs).
//
// starter/httpapi/server listens, authenticates and limits; what it has let in
// comes here. A request without a key of starter/httpapi/keys in its context is
// refused. Every error is a problem of starter/httpapi/problem.
//
//	api, err := httpapi.New(httpapi.Options{Client: client, Env: env, Roots: httpapi.AnyRoot()})
//	http.Serve(listener, api)
package httpapi
