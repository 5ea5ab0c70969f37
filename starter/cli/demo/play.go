package demo

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/tariff"
	"github.com/offpeak/offpeak/workflows"
)

// Options say what is played.
type Options struct {
	Out    io.Writer // the story
	Binary string    // of temporal; "" is looked for
	Keep   bool      // leave everything up until ctx ends
	Dev    bool      // no night: server, simulator and worker until ctx ends

	// Serve runs the page for people until ctx ends, with these settings, and
	// says where it is; nil: there is none.
	Serve func(ctx context.Context, env config.Env, ready func(url string)) error
}

// Outcome is what came of it, judged by both sides' books.
type Outcome struct {
	Result   batch.Result `json:"result"`
	Provider Books        `json:"provider"` // the simulator's own books
	Checks   []Check      `json:"checks"`
	AsStaged bool         `json:"as_staged"` // every check holds
}

// Books are the other side's, in short.
type Books struct {
	Requests   int       `json:"requests"`
	Executions int       `json:"executions"`
	Discounted int       `json:"discounted"`
	Billed     money.USD `json:"billed"`
	Twice      []string  `json:"billed_twice"`
}

// Check is one thing that must be so at the end.
type Check struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
}

// Run plays the demo. Ctrl-C, which ends ctx, is a fault of kind Cancelling;
// whatever happens, everything that was started is ended.
func Run(ctx context.Context, o Options) (Outcome, error) {
	p := &play{Options: o, crew: &crew{failed: make(chan error, 2)}}
	defer p.crew.close()
	if err := p.raise(ctx); err != nil {
		return Outcome{}, err
	}
	if o.Dev {
		p.say("worker and simulator are up, until Ctrl-C. The page is %s. In another shell:", p.crew.page)
		p.print("\n%s  go run ./starter run examples/market-digest.yaml --window \"00:00-23:59:59@America/Los_Angeles\"\n\n", p.crew.exports())
		return Outcome{AsStaged: true}, p.hold(ctx)
	}
	night, err := p.ask(ctx)
	if err != nil {
		return Outcome{}, err
	}
	result, err := p.follow(ctx, night)
	if err != nil {
		return Outcome{}, err
	}
	p.report(result)
	out := p.check(result)
	if o.Keep {
		p.say("everything stays up until Ctrl-C; the night is at %s", p.where(night))
		return out, p.hold(ctx)
	}
	p.say("all that was written goes with the demo; --keep leaves it up")
	return out, nil
}

type play struct {
	Options
	crew   *crew
	window tariff.Window
}

// raise puts everybody on stage.
func (p *play) raise(ctx context.Context) error {
	p.say("starting a Temporal server ...")
	if err := p.crew.temporalServer(ctx, p.Binary); err != nil {
		return err
	}
	p.say("Temporal is up: %s, its UI is %s", p.crew.temporal.Address, p.crew.temporal.UI)
	var err error
	if p.window, err = window(time.Now()); err != nil {
		return &batch.Fault{Kind: batch.Internal, Op: "make a price window", Err: err}
	}
	if p.Dev {
		p.window = tariff.Window{Zone: zone, Open: 0, Close: 24*3600 - 1, StartAt: tariff.Unset, FinishBy: tariff.Unset, Buffer: tariff.UnsetBuffer}
	}
	if err := p.crew.provider(ctx, p.window); err != nil {
		return err
	}
	p.say("the simulator plays the Swarms API at %s; tokens cost half from %s to %s %s", p.crew.base, p.window.Open, p.window.Close, p.window.Zone)
	if err := p.crew.worker(ctx); err != nil {
		return err
	}
	p.say("a worker polls")
	if p.Serve != nil {
		if err := p.crew.people(ctx, p.Serve); err != nil {
			return err
		}
	}
	return p.crew.user(ctx)
}

// ask starts the night.
func (p *play) ask(ctx context.Context) (nightly.Night, error) {
	m, err := manifest(p.window)
	if err != nil {
		return nightly.Night{}, &batch.Fault{Kind: batch.Internal, Op: "write manifest", Err: err}
	}
	night, err := p.crew.door.Start(ctx, nightly.Request{Manifest: m})
	if err != nil {
		return night, err
	}
	p.say("%s is asked for: %d jobs; %s", night.Batch, jobs, night.Start.Reason)
	if p.crew.page != "" {
		p.say("watch it: %s/nights/%s, in Temporal's UI %s", p.crew.page, night.Batch, p.link(night))
	} else {
		p.say("watch it: %s", p.link(night))
	}
	for _, c := range cues() {
		p.print("          on cue: %s\n", c.tell)
	}
	return night, nil
}

// follow tells the night as it goes.
func (p *play) follow(ctx context.Context, night nightly.Night) (batch.Result, error) {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var broken error
	go func() {
		select {
		case err := <-p.crew.failed:
			broken = err
			stop()
		case <-watching.Done():
		}
	}()
	last, state := "", ""
	var told time.Time
	result, err := night.Watch(watching, 250*time.Millisecond, func(v nightly.View) {
		line := tell(v.Progress)
		now := time.Now()
		if line == last || line == "" || v.Progress.State == state && now.Sub(told) < 2*time.Second {
			return
		}
		last, state, told = line, v.Progress.State, now
		p.say("%s", line)
	})
	switch {
	case ctx.Err() != nil:
		return result, interrupted(ctx)
	case watching.Err() != nil:
		return result, broken
	case result.Batch == "":
		return result, err // refused: there is nothing to show
	}
	return result, nil // a failed audit is for the checks to say
}

func tell(p batch.Progress) string {
	switch p.State {
	case workflows.StateWaiting:
		return fmt.Sprintf("planned: by night about %s, at most %s; credits suffice; waiting for %s",
			p.Estimate.Dollars(), p.Ceiling.Dollars(), p.Waiting.In(p.Span.Location()).Format("15:04:05 MST"))
	case workflows.StateSending:
		return fmt.Sprintf("sending: %d of %d done, paid %s, by day %s", p.Jobs.Total-p.Jobs.Pending(), p.Jobs.Total, p.Billed.Dollars(), p.DayPrice.Dollars())
	case workflows.StateReconciling:
		return "everything is sent: the provider's log catches up, then its books are compared with the ledger"
	case workflows.StateAuditing:
		return "auditing: the ledger against the rate card, job by job"
	}
	return ""
}

// report prints the morning report as it was written into the archive.
func (p *play) report(r batch.Result) {
	p.say("the night is over; the morning report:")
	text := []byte(fmt.Sprintf("%s, %s\n", r.Batch, r.State))
	if u, err := url.Parse(r.Report); err == nil && u.Scheme == "file" {
		if b, err := os.ReadFile(u.Path + ".txt"); err == nil {
			text = b
		}
	}
	p.print("\n%s\n", text)
}

// check holds the books against each other.
func (p *play) check(r batch.Result) Outcome {
	t := p.crew.books.Books().Totals()
	out := Outcome{Result: r, Provider: Books{
		Requests: t.ByPath["/v1/swarm/completions"], Executions: t.Executions, Discounted: t.Discounted, Billed: t.Billed, Twice: t.DoubleBilled,
	}}
	faults := 0
	for _, n := range t.Faults {
		faults += n
	}
	out.Checks = []Check{
		{fmt.Sprintf("the audit passed, and %d of %d charges got the night price", r.Discount.Landed, r.Discount.Landed+r.Discount.Missed), r.Audit.Passed && r.Discount.Missed == 0 && r.Discount.Landed > 0},
		{
			fmt.Sprintf("%d jobs succeeded, %d was rejected on purpose, none is left in doubt", r.Jobs.Succeeded, r.Jobs.Rejected),
			r.Jobs.Total == jobs && r.Jobs.Succeeded == jobs-wantLost && r.Jobs.Rejected == wantLost,
		},
		{fmt.Sprintf("everything on cue happened: %d faults", faults), len(t.Faults) == len(cues()) && faults == len(cues())},
		{
			fmt.Sprintf("the simulator ran %d jobs in %d requests; billed twice: %d", t.Executions, out.Provider.Requests, len(t.DoubleBilled)),
			t.Executions == r.Jobs.Succeeded && len(t.DoubleBilled) == 0,
		},
		{fmt.Sprintf("it billed $%s, and our books say $%s", t.Billed, r.Money.Billed), t.Billed == r.Money.Billed && t.Billed > 0},
	}
	out.AsStaged = true
	p.say("the other side's books:")
	for _, c := range out.Checks {
		word := "ok "
		if !c.OK {
			word, out.AsStaged = "BAD", false
		}
		p.print("          %s  %s\n", word, c.What)
	}
	return out
}

// hold waits for Ctrl-C, or for a part that breaks.
func (p *play) hold(ctx context.Context) error {
	select {
	case <-ctx.Done():
		p.say("stopping")
		return nil
	case err := <-p.crew.failed:
		return err
	}
}

// where is the night's page.
func (p *play) where(n nightly.Night) string {
	if p.crew.page != "" {
		return p.crew.page + "/nights/" + string(n.Batch)
	}
	return p.link(n)
}

// link is the night in the Temporal UI.
func (p *play) link(n nightly.Night) string {
	return nightly.UI{Address: p.crew.temporal.UI, Namespace: "default"}.Night(n)
}

func (p *play) say(format string, args ...any) {
	p.print(time.Now().Format("15:04:05")+"  "+format+"\n", args...)
}

func (p *play) print(format string, args ...any) { fmt.Fprintf(p.Out, format, args...) }
