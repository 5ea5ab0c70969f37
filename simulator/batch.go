package simulator

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
)

// entry is one item of a batch request.
type entry struct {
	sp      *spec
	rec     *record
	cues    cues
	refused *refusal
	ended   int64 // unix nanoseconds; 0 when it wasn't done
	answers []any // none when missing, two when duplicated
}

func (x *exchange) batch(body []byte) {
	specs, bad := decodeBatch(body)
	if !x.enter() {
		return
	}
	for i := 0; bad == nil && i < len(specs); i++ {
		bad = specs[i].schema(x.sw.LongNames, i)
	}
	switch limit := x.sw.BatchCap; {
	case bad != nil:
		x.fail(http.StatusUnprocessableEntity, []*invalid{bad})
		return
	case limit > 0 && len(specs) > limit:
		x.refuse(&refusal{http.StatusBadRequest, fmt.Sprintf(textBatchCap, limit, len(specs))})
		return
	case len(specs) == 0: // a thread pool of no threads raises
		x.answer(http.StatusInternalServerError, "text/plain; charset=utf-8", []byte("Internal Server Error"))
		return
	}
	x.accepted()
	entries := make([]*entry, len(specs))
	for i, sp := range specs {
		e := &entry{sp: sp, rec: x.s.books.item(x.rec, sp.name())}
		e.refused = sp.content(x.tier, x.limits, x.sw.AnyModel)
		e.cues = cue(x.rules, x.endpoint, sp.name(), x.s.books.try(e.rec))
		x.s.books.cued(e.rec, e.cues.names())
		if x.cues.wire == nil { // what happens to an answer happens to all of it
			x.cues.wire = e.cues.wire
		}
		entries[i] = e
		x.items = append(x.items, e.rec)
	}
	x.s.books.cued(x.rec, x.cues.names())
	if x.mishap(false) {
		return
	}
	done, err := x.workAll(entries)
	switch {
	case err != nil:
		x.fail(http.StatusServiceUnavailable, "Service Unavailable")
	case x.mishap(true):
	default:
		x.json(http.StatusOK, x.shape(done))
	}
}

// workAll does the items on the server's workers and returns them in the
// order in which they ended.
func (x *exchange) workAll(entries []*entry) (done []*entry, err error) {
	todo := make(chan *entry, len(entries))
	for _, e := range entries {
		todo <- e
	}
	close(todo)
	var mu sync.Mutex
	var workers sync.WaitGroup
	for range min(x.s.opt.BatchWorkers, len(entries)) {
		workers.Go(func() {
			for e := range todo {
				bad := x.one(e)
				mu.Lock()
				done = append(done, e)
				err = errors.Join(err, bad)
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	switch x.sw.BatchOrder {
	case "completion":
		slices.SortStableFunc(done, func(a, b *entry) int { return cmp.Compare(a.ended, b.ended) })
	case "request":
		done = entries
	case "shuffled":
		slices.SortFunc(done, func(a, b *entry) int {
			return cmp.Compare(Digest(x.s.opt.Seed, a.sp.name()), Digest(x.s.opt.Seed, b.sp.name()))
		})
	}
	return done, err
}

// failedItem is an item that failed: its status code is lost.
func failedItem(name, detail string) any {
	return struct {
		Status string `json:"status"`
		Name   string `json:"swarm_name"`
		Detail string `json:"detail"`
	}{"error", name, textRunFailed + detail}
}

// one does one item.
func (x *exchange) one(e *entry) error {
	name := e.sp.name()
	fault := e.cues.extra[KindItemError]
	missing := e.cues.extra[KindItemMissing]
	switch {
	case e.refused != nil:
		e.answers = []any{failedItem(name, e.refused.detail)}
		return nil
	case fault != nil && !fault.AfterWork:
		e.answers = []any{failedItem(name, or(fault.Detail, "upstream model error"))}
		return nil
	case missing != nil && !missing.AfterWork:
		return nil
	}
	w, err := x.work(e.sp, e.rec, e.cues)
	if w != nil {
		e.ended = w.ended
	}
	switch {
	case errors.Is(err, errInsufficient):
		e.answers = []any{failedItem(name, textInsufficient)}
		return nil
	case err != nil:
		return err
	case missing != nil:
		return nil
	case fault != nil:
		e.answers = []any{failedItem(name, or(fault.Detail, "upstream model error"))}
		return nil
	}
	item := w.answered(e.cues).item(x.sw.BatchShape, deref(e.sp.Task))
	if a := x.cues.wire; a != nil && a.Kind == KindHuge && a == e.cues.wire {
		item.Result = hugeOutput()
	}
	e.answers = []any{item}
	if e.cues.has(KindItemDuplicate) {
		e.answers = append(e.answers, item)
	}
	return nil
}

func (x *exchange) shape(done []*entry) any {
	items := []any{}
	for _, e := range done {
		items = append(items, e.answers...)
	}
	if x.sw.BatchShape == "C" {
		return map[string]any{"results": items}
	}
	return items
}
