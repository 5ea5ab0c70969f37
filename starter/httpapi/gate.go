package httpapi

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/httpapi/keys"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

// authorise lets those in whose key covers the operation. A request that
// nobody has authenticated is refused, also where that is a mistake of ours.
func (a *API) authorise(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	k, known := keys.From(r.Context())
	if !known {
		w.Header().Set("WWW-Authenticate", `Bearer realm="offpeak"`)
		problem.Write(w, r, &batch.Fault{Kind: problem.Unauthenticated, Op: ctx.Operation().OperationID, Detail: "no key came with the request", Hint: "send Authorization: Bearer KEY"})
		return
	}
	need := keys.Operate
	for _, s := range ctx.Operation().Security {
		need = keys.Scope(s[bearer][0])
	}
	if !k.Scope.Allows(need) {
		problem.Write(w, r, &batch.Fault{
			Kind: problem.Forbidden, Op: ctx.Operation().OperationID, Thing: "key " + k.ID,
			Detail: "it may " + string(k.Scope) + ", and this needs " + string(need), Hint: "use a key with the scope " + string(need),
		})
		return
	}
	next(ctx)
}

// by is who asks, as books and histories remember it.
func by(r keys.Key) string {
	if r.ID == "" {
		return "http"
	}
	return r.ID
}

// negotiate refuses, before anything is done, a body that isn't read here and
// an answer that can't be given.
func (a *API) negotiate(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	op := ctx.Operation()
	if op.RequestBody != nil && r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0 {
		ct, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if _, known := op.RequestBody.Content[ct]; err != nil || !known {
			var read []string
			for t := range op.RequestBody.Content {
				read = append(read, t)
			}
			problem.Write(w, r, &batch.Fault{
				Kind: problem.UnsupportedMedia, Op: op.OperationID, Thing: "Content-Type", Detail: "a body of type " + quoted(r.Header.Get("Content-Type")) + " isn't read here",
				Hint: "send Content-Type: " + strings.Join(sorted(read), " or "),
			})
			return
		}
	}
	var made []string
	for status, res := range op.Responses {
		if !strings.HasPrefix(status, "2") {
			continue
		}
		for t := range res.Content {
			made = append(made, t)
		}
	}
	if made = sorted(made); len(made) > 0 && pick(r.Header.Values("Accept"), made) == "" {
		problem.Write(w, r, &batch.Fault{
			Kind: problem.NotAcceptable, Op: op.OperationID, Thing: "Accept", Detail: "nothing of what is asked for can be had here",
			Hint: "send Accept: " + strings.Join(made, " or "),
		})
		return
	}
	next(ctx)
}

// pick is the type that Accept prefers among those that can be had, the first
// of them when it doesn't say; "" when none will do (RFC 9110, 12.5.1).
func pick(accept, have []string) string {
	all := strings.Join(accept, ",")
	if strings.TrimSpace(all) == "" {
		return have[0]
	}
	best, most := "", 0
	for _, t := range have {
		if q := quality(all, t); q > most {
			best, most = t, q
		}
	}
	return best
}

// quality is how much a type is wanted, in thousandths: what the most exact
// range says counts.
func quality(accept, t string) int {
	exact, q := -1, 0
	for part := range strings.SplitSeq(accept, ",") {
		want, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		how := -1
		switch kind, _, _ := strings.Cut(t, "/"); want {
		case t:
			how = 2
		case kind + "/*":
			how = 1
		case "*/*":
			how = 0
		}
		if how > exact {
			exact, q = how, thousandths(params["q"])
		}
	}
	return q
}

// thousandths reads a weight such as 0.5; one that can't be read is 1.
func thousandths(q string) int {
	whole, rest, _ := strings.Cut(q, ".")
	n, err := strconv.Atoi((rest + "000")[:3])
	if whole != "0" || err != nil {
		return 1000
	}
	return n
}
