package httpapi

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// document mends what the generator can't know, and serves it.
func (a *API) document() error {
	api := a.huma.OpenAPI()
	schemas := api.Components.Schemas.Map()
	delete(schemas, "ErrorModel") // huma's own form of an error: ours is Problem
	delete(schemas, "ErrorDetail")
	// A charge that isn't there is null, and not left out.
	orNull(schemas["Attempt"], "charge")
	text, err := json.Marshal(api)
	if err != nil {
		return err
	}
	yaml, err := api.YAML()
	if err != nil {
		return err
	}
	a.mux.HandleFunc("GET /openapi.json", serveBytes("application/openapi+json", text))
	a.mux.HandleFunc("GET /openapi.yaml", serveBytes("application/openapi+yaml", yaml))
	return a.docsPage(api)
}

func orNull(s *huma.Schema, field string) {
	s.Properties[field] = &huma.Schema{AnyOf: []*huma.Schema{{Ref: s.Properties[field].Ref}, {Type: "null"}}}
}

func serveBytes(contentType string, text []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(text) // whoever asked is gone
	}
}
