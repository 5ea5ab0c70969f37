package simulator

import (
	"errors"
	"net/http"
)

// buy answers the two endpoints that cost money. The body is read first of
// all, so that the books know the name of what was turned away, too.
func (x *exchange) buy() {
	if a := unread(x.rules, x.endpoint, func() int { return x.s.books.nth(x.endpoint) }); a != nil {
		x.s.books.cued(x.rec, a.Kind)
		Reset(x.w)
		return
	}
	body, ok := x.body()
	if !ok {
		return
	}
	if x.endpoint == pathBatch {
		x.batch(body)
	} else {
		x.single(body)
	}
}

func (x *exchange) single(body []byte) {
	sp, bad := decodeSpec(body)
	x.s.books.name(x.rec, sp.name())
	if !x.enter() {
		return
	}
	if bad == nil {
		bad = sp.schema(x.sw.LongNames)
	}
	if bad != nil {
		x.fail(http.StatusUnprocessableEntity, []*invalid{bad})
		return
	}
	if r := sp.content(x.tier, x.limits, x.sw.AnyModel); r != nil {
		x.refuse(r)
		return
	}
	x.accepted()
	x.cues = cue(x.rules, x.endpoint, sp.name(), x.s.books.try(x.rec))
	x.s.books.cued(x.rec, x.cues.names())
	if x.mishap(false) {
		return
	}
	w, err := x.work(sp, x.rec, x.cues)
	switch {
	case errors.Is(err, errInsufficient):
		x.fail(http.StatusInternalServerError, "402: "+textInsufficient)
	case err != nil:
		x.fail(http.StatusServiceUnavailable, "Service Unavailable")
	case x.mishap(true):
	default:
		full := w.answered(x.cues).render(0)
		if a := x.cues.wire; a != nil && a.Kind == KindHuge {
			full.Output = hugeOutput()
		}
		x.json(http.StatusOK, full)
	}
}

// accepted counts the request where requests count before they are done.
func (x *exchange) accepted() {
	if x.sw.CountOn == "request" && !x.sw.Strict {
		x.acct.limiter.Record()
	}
}
