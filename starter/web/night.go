package web

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/books"
	"github.com/offpeak/offpeak/starter/httpapi/keys"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/tariff"
	"github.com/offpeak/offpeak/workflows"
)

// nightView is one night: by its own word while it runs, by its verdict when it
// is over, and by the books in any case.
type nightView struct {
	Batch   batch.ID
	At      string // the page's own path
	State   string
	Class   string // of its badge
	Live    bool   // it goes on: the page follows it
	Sending bool

	Night    *books.Standing // nil when the books don't have it yet
	View     nightly.View
	Told     bool // Temporal told the View
	Trouble  string
	Result   *batch.Result
	Jobs     batch.Counts
	Money    money2
	Segments []segment
	Windows  []windowRow
	Chart    *chart
	Waits    []string // why nothing is sent, or what holds it up
	UI       string
	Zone     *time.Location // in which its people read times
}

// money2 is the night in dollars, from one place: the verdict of one that is
// over, else the books.
type money2 struct {
	Billed, DayPrice, Saved, Ceiling, Held, Cap money.USD
	Estimate                                    money.USD
}

// segment is a part of the bar of jobs.
type segment struct {
	State    string
	N        int
	From, Of int // thousandths
}

func id(r *http.Request) (batch.ID, error) {
	raw := r.PathValue("name") + "/" + r.PathValue("night")
	id, err := batch.ParseID(raw)
	if err != nil {
		return "", &batch.Fault{Kind: batch.NotFound, Op: "find night", Thing: plain(raw), Err: err, Hint: "the front page lists the nights"}
	}
	return id, nil
}

func (s *site) night(r *http.Request) (view, error) {
	v, err := s.look(r)
	return view{Page: "night", Title: string(v.Batch), Data: v}, err
}

// live is the part of a night's page that moves.
func (s *site) live(r *http.Request) (view, error) {
	v, err := s.look(r)
	return view{Page: "live", Bare: true, Data: v}, err
}

// look puts a night together. One of the two who know it is enough: a night
// that is being planned isn't in the books yet, and Temporal forgets old ones.
func (s *site) look(r *http.Request) (nightView, error) {
	id, err := id(r)
	if err != nil {
		return nightView{}, err
	}
	ctx := r.Context()
	v := nightView{Batch: id, At: "/nights/" + string(id)}
	told, fault := s.ask(ctx, id)
	if fault == nil {
		v.View, v.Told = told, true
	}
	n, err := s.Books.Standing(ctx, string(id))
	switch {
	case err == nil:
		v.Night = &n
	case fault != nil:
		return v, err // neither knows it: the books say best where to look
	}
	if fault != nil && batch.KindOf(fault) != batch.NotFound {
		v.Trouble = "Temporal doesn't answer: what is shown is by the books alone. " + fault.Error()
	}
	s.sum(&v)
	if v.Night != nil && !v.Night.Span.Opens.IsZero() {
		v.Chart, err = s.chart(ctx, v)
		if err != nil {
			return v, err
		}
	}
	return v, nil
}

// askTimeout bounds the question to Temporal: the books have most of it. After
// one that wasn't answered, nobody waits for another for a while.
const (
	askTimeout = 3 * time.Second
	askAgain   = 10 * time.Second
)

func (s *site) ask(ctx context.Context, id batch.ID) (nightly.View, error) {
	if lost := s.lost.Load(); lost != nil && time.Since(lost.at) < askAgain {
		return nightly.View{}, lost.err
	}
	v, err := s.views.get(string(id), moment, func() (nightly.View, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout) // for all who wait, whoever of them leaves
		defer cancel()
		n, err := s.Client.Find(ctx, id)
		if err != nil {
			return nightly.View{}, err
		}
		return n.Judged(ctx)
	})
	switch {
	case err == nil:
		s.lost.Store(nil)
	case batch.KindOf(err) == batch.OutOfReach:
		s.lost.Store(&silence{time.Now(), err})
	}
	return v, err
}

// silence is when Temporal didn't answer, and how.
type silence struct {
	at  time.Time
	err error
}

// sum fills in what the templates show.
func (s *site) sum(v *nightView) {
	p := v.View.Progress
	v.Zone = zoneOf(p.Span)
	if v.Night != nil {
		v.Zone = zoneOf(v.Night.Span)
	}
	v.State, v.Live = p.State, v.Told && !v.View.Closed
	if v.Told && v.View.Closed && v.View.Result.Batch != "" {
		v.Result = &v.View.Result
	} else if v.Night != nil && !v.Live {
		v.Result = v.Night.Result
	}
	v.Jobs = p.Jobs
	v.Money = money2{Billed: p.Billed, DayPrice: p.DayPrice, Saved: p.DayPrice - p.Billed, Ceiling: p.Ceiling, Estimate: p.Estimate}
	if n := v.Night; n != nil {
		v.Jobs = n.Counts
		v.Money = money2{n.Money.Billed, n.Money.DayPrice, n.Money.Saved, n.Ceiling, n.Held, n.Budget.Batch, n.Estimate}
	}
	if r := v.Result; r != nil {
		v.State, v.Jobs = r.State, r.Jobs
		v.Money.Billed, v.Money.DayPrice, v.Money.Saved, v.Money.Ceiling = r.Money.Billed, r.Money.DayPrice, r.Money.Saved, r.Money.Ceiling
	}
	v.Sending = v.Live && v.State == workflows.StateSending
	if v.Live && p.Paused.On() {
		v.State = workflows.StatePaused
	}
	if v.State == "" {
		v.State = "planned"
	}
	v.Class = badge(v.State, v.Result)
	v.Segments = segments(v.Jobs, v.Night)
	v.Waits = s.waits(*v)
	if v.Night != nil {
		v.Windows = s.windows(v.Night.Account)
	}
	if s.UI != "" && v.Told {
		v.UI = s.UI + "/workflows/" + strings.ReplaceAll(v.View.Night.WorkflowID, "/", "%2F")
	}
}

// zoneOf is the zone in which a night's people read times; UTC of one that has
// no hours yet.
func zoneOf(s tariff.Span) *time.Location {
	if s.Opens.IsZero() {
		return time.UTC
	}
	return s.Location()
}

func badge(state string, r *batch.Result) string {
	switch {
	case r != nil && !r.Audit.Passed, state == workflows.StateFailed, state == workflows.StateRefused:
		return "bad"
	case r != nil && r.Jobs.Succeeded < r.Jobs.Total, state == workflows.StatePaused:
		return "warn"
	case r != nil:
		return "good"
	case state == workflows.StateSending, state == workflows.StateAuditing, state == workflows.StateReconciling:
		return "busy"
	}
	return "soft"
}

// segments are the jobs by state, in the order in which a person wants them.
func segments(c batch.Counts, n *books.Standing) []segment {
	sending := 0
	if n != nil {
		sending = min(n.Sending, c.Pending())
	}
	var out []segment
	at := 0
	for _, p := range []struct {
		state string
		n     int
	}{
		{"succeeded", c.Succeeded},
		{"rejected", c.Rejected},
		{"unknown", c.Unknown},
		{"sending", sending},
		{"parked", c.Parked},
		{"skipped", c.Skipped},
		{"cancelled", c.Cancelled},
		{"pending", c.Pending() - sending},
	} {
		if p.n > 0 {
			wide := permille(p.n, c.Total)
			out = append(out, segment{p.state, p.n, at, wide})
			at += wide
		}
	}
	return out
}

// waits says why nothing is sent, or what holds sends up.
func (s *site) waits(v nightView) []string {
	if !v.Live {
		return nil
	}
	var out []string
	add := func(t string) { out = append(out, t) }
	if v.View.NoWorker {
		add("no worker is polling: nothing is sent until one is started (go run ./worker)")
	}
	if p := v.View.Progress.Paused; p.On() {
		add("paused " + p.String())
	}
	n := v.Night
	if n == nil {
		return out
	}
	a, now := n.Account, s.Now()
	if n.Stopped != "" {
		add(n.Stopped)
	}
	if a.Closed != "" {
		add("the provider refused the key: " + a.Closed)
	}
	if a.Hold != "" {
		add("no credits: " + a.Hold)
	}
	for _, w := range v.View.Progress.Waits {
		text := w.Detail
		if w.Jobs > 0 {
			text = count(w.Jobs, "job") + " wait: " + text
		}
		if at := w.Until.In(n.Span.Location()).Format("15:04:05"); w.Until.After(now) && !strings.Contains(text, at) {
			text += ", until " + at
		}
		add(text)
	}
	return out
}

// windowRow is a limit as a meter.
type windowRow struct {
	books.Window
	Count int64 // what counts in it: ours, or more when the provider said so
	Full  bool
	High  bool
	Again string // when it frees
	Told  string // the provider's own word
}

func (s *site) windows(a books.Account) []windowRow {
	var out []windowRow
	now := s.Now()
	for _, w := range a.Windows {
		row := windowRow{Window: w, Count: w.Used}
		if w.Left != nil && now.Sub(w.Told) < w.Span {
			row.Count = max(row.Count, w.Limit-*w.Left)
			row.Told = "the provider says " + grouped(*w.Left) + " are left"
		}
		row.Count = min(row.Count, w.Limit)
		row.Full, row.High = row.Count >= w.Limit, row.Count*10 >= w.Limit*9
		if w.Frees.After(now) {
			row.Again = "; the oldest leaves in " + lasting(w.Frees.Sub(now))
		}
		out = append(out, row)
	}
	slices.SortFunc(out, func(a, b windowRow) int { return int(a.Span/time.Second) - int(b.Span/time.Second) })
	return out
}

// heldEvery is how often a stream's key is looked at: one that is withdrawn
// ends the stream within it.
const heldEvery = 2 * time.Second

// events follows a night: each event has the page ask for its moving part. It
// goes on for as long as the key is good that it was begun with.
func (s *site) events(w http.ResponseWriter, r *http.Request) {
	id, err := id(r)
	if err != nil {
		s.refuse(w, r, http.StatusNotFound, err)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if key, ok := keys.From(ctx); ok && !s.open() {
		go func() {
			tick := time.NewTicker(heldEvery)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					if !s.Keys.Holds(key) {
						cancel()
						return
					}
				case <-ctx.Done():
					return
				}
			}
		}()
	}
	if err := s.Stream(ctx, id, r.Header.Get("Last-Event-ID"), w); err != nil && ctx.Err() == nil {
		s.refuse(w, r, http.StatusNotFound, err)
	}
}
