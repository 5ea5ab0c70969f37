package cli

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/workflows"
)

// follower shows how a night goes.
type follower interface {
	see(v nightly.View)
	close()
}

// follow is a bar on a terminal and plain lines elsewhere.
func (a *app) follow() follower {
	if a.Width > 0 {
		return newBar(a)
	}
	return &lines{app: a}
}

// lines prints a line when something changed, though not more often than every
// few seconds while only numbers change.
type lines struct {
	app   *app
	state string
	text  string
	at    time.Time
	pace  pace
	notes map[string]bool
}

const quietFor = 3 * time.Second

func (l *lines) see(v nightly.View) {
	l.notes = l.app.notices(l.notes, v, l.app.Err)
	text, state, now := l.app.progress(v), stateOf(v), l.app.Now()
	l.pace.see(v, now)
	if state == l.state && (text == l.text || now.Sub(l.at) < quietFor) {
		return
	}
	l.text, l.state, l.at = text, state, now
	speed, waits := l.pace.text(v, now)
	for _, more := range []string{speed, waits} {
		if more != "" {
			text += "; " + more
		}
	}
	fmt.Fprintf(l.app.Err, "%s  %s\n", now.In(l.app.Local).Format("15:04:05"), text)
}

func (l *lines) close() {}

// notices prints what a person should know, each once.
func (a *app) notices(said map[string]bool, v nightly.View, w io.Writer) map[string]bool {
	if said == nil {
		said = map[string]bool{}
	}
	say := func(s string) {
		if !said[s] {
			said[s] = true
			fmt.Fprintln(w, s)
		}
	}
	if v.NoWorker {
		say("warning: no worker is polling task queue " + workflows.TaskQueue + ": start one with go run ./worker")
	}
	for _, s := range v.Progress.Warnings {
		say("note: " + printable(s))
	}
	return said
}

// stateOf tells apart what deserves a line of its own at once.
func stateOf(v nightly.View) string {
	s := fmt.Sprint(v.Progress.State, v.Progress.Paused.On(), v.NoWorker, v.Closed)
	for _, w := range v.Progress.Waits {
		if standsStill(w) {
			s += " " + w.Reason
		}
	}
	return s
}

// progress is a night in one line, without what changes by the clock alone.
func (a *app) progress(v nightly.View) string {
	p := v.Progress
	switch {
	case v.NoWorker:
		return p.State + ", standing still without a worker"
	case p.State == workflows.StatePlanning:
		return "planning: reading the manifest, claiming the night"
	case p.Paused.On() && p.State == workflows.StateSending:
		return "paused " + printable(p.Paused.String()) + ": " + counts(p.Jobs) + a.paid(v)
	case p.State == workflows.StateWaiting:
		return fmt.Sprintf("waiting for the night: %s, estimate %s, begins %s",
			plural(p.Jobs.Total, "job"), p.Estimate.Dollars(), a.moments(waiting(p)))
	case p.State == workflows.StateSending:
		return "sending: " + counts(p.Jobs) + a.paid(v)
	case p.State == workflows.StateReconciling && !p.Waiting.IsZero():
		return fmt.Sprintf("waiting until %s for the provider's log: %s", clock(waiting(p)), counts(p.Jobs)) + a.paid(v)
	case p.State == workflows.StateReconciling:
		return "comparing the books with the provider's log and credits"
	case p.State == workflows.StateAuditing && p.Jobs.Total == 0: // of a night that was over long ago
		return "auditing"
	case p.State == workflows.StateAuditing:
		return "auditing: " + counts(p.Jobs) + a.paid(v)
	}
	return p.State
}

// waiting is when a night begins, in its window's zone.
func waiting(p batch.Progress) time.Time { return p.Waiting.In(p.Span.Location()) }

func (a *app) paid(v nightly.View) string {
	p := v.Progress
	if p.Billed == 0 {
		return ""
	}
	of := ""
	if p.Cap > 0 {
		of = " of at most " + p.Cap.Dollars()
	}
	return fmt.Sprintf(", paid %s%s, by day %s", p.Billed.Dollars(), of, p.DayPrice.Dollars())
}

// bar is a progress bar with dollars.
type bar struct {
	app  *app
	all  *mpb.Progress
	line *mpb.Bar

	mu    sync.Mutex
	view  nightly.View
	pace  pace
	notes map[string]bool
}

func newBar(a *app) *bar {
	b := &bar{app: a, all: mpb.New(mpb.WithOutput(a.Err), mpb.WithWidth(a.Width), mpb.WithRefreshRate(200*time.Millisecond), mpb.WithAutoRefresh())}
	b.line = b.all.New(0, mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]"),
		mpb.BarWidth(24), mpb.BarRemoveOnComplete(),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return " " + b.text() })),
		mpb.BarExtender(mpb.BarFillerFunc(func(w io.Writer, _ decor.Statistics) error {
			_, err := io.WriteString(w, b.below())
			return err
		}), false))
	return b
}

func (b *bar) see(v nightly.View) {
	b.mu.Lock()
	b.view = v
	b.pace.see(v, b.app.Now())
	b.notes = b.app.notices(b.notes, v, b.all)
	if text := b.app.progress(v); v.Progress.State == workflows.StateWaiting && !b.notes[text] {
		b.notes[text] = true // the exact instant, in all zones, stands above the bar
		fmt.Fprintln(b.all, text)
	}
	b.mu.Unlock()
	// The bar must not be complete before the audit is: it would go away.
	total := int64(max(v.Progress.Jobs.Total, 1)) + 1
	b.line.SetTotal(total, false)
	b.line.SetCurrent(min(int64(v.Progress.Jobs.Total-v.Progress.Jobs.Pending()), total-1))
}

// text is the line beside the bar; it is made anew with every frame, so that
// the countdown moves.
func (b *bar) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.view.Progress
	s := b.app.progress(b.view)
	if p.State == workflows.StateSending && !b.view.NoWorker && !p.Paused.On() {
		s = counts(p.Jobs) // the bar says that it sends
		if p.Billed > 0 {
			s += ", paid " + p.Billed.Dollars()
			if p.Cap > 0 {
				s += " of " + p.Cap.Dollars()
			}
		}
	}
	if p.State == workflows.StateWaiting && !b.view.NoWorker {
		s = fmt.Sprintf("begins in %s; %s, estimate %s", lasting(max(p.Waiting.Sub(b.app.Now()), 0)), plural(p.Jobs.Total, "job"), p.Estimate.Dollars())
	}
	return cut(s, max(b.app.Width-30, 10)) // a line that wraps can't be drawn over
}

// below is what stands under the bar: how fast it goes, and what it waits for.
func (b *bar) below() (lines string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	speed, waits := b.pace.text(b.view, b.app.Now())
	for _, s := range []string{speed, waits} {
		if s != "" {
			lines += cut("  "+s, max(b.app.Width-1, 10)) + "\n"
		}
	}
	return lines
}

func (b *bar) close() {
	b.line.Abort(true)
	b.all.Wait()
}
