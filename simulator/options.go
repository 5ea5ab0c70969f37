package simulator

import (
	"errors"
	"fmt"
	"time"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// Options say what is simulated. The zero value is an honest API: one premium
// account with DefaultKey and 1,000 dollars, the built-in rate card and
// window, runs of 20 ms, complete bills, a log without lag and no faults.
type Options struct {
	Accounts []Account
	Card     tariff.Card   // served by /v1/usage/costs; the built-in one when it has no prices
	Billed   *tariff.Card  // what runs are really billed by; nil: Card. Another one is a rate card that moved
	Window   tariff.Window // hours and zone of the discount; the built-in one when Zone is empty. Its margins don't matter
	Clock    Clock         // NewClock() when nil
	Latency  Latency       // how long a run takes
	Tokens   Tokens        // what a run uses
	Switches Switches
	Faults   []Rule
	Seed     uint64 // another seed, other tokens, durations and job ids

	BatchWorkers int   // runs of one batch request under way at once; 10 when 0, as in the 2025 server
	MaxBody      int64 // bytes of a request; 32 MiB when 0
	OpenAdmin    bool  // /__admin answers others than loopback
}

// Tokens says what a run uses. By default the answer of each call is about
// Typical tokens long, by a hash of the task, and at most the agent's
// max_tokens; the prompt is a token per four bytes plus what earlier agents
// said. In and Out, when above zero, are used as they are.
type Tokens struct {
	In, Out int64
	Typical int64 // 600 when 0
}

func (o Options) fill() (Options, *time.Location, error) {
	if len(o.Accounts) == 0 {
		o.Accounts = []Account{{Name: "default", Keys: []string{DefaultKey}, Credit: 1000 * money.Dollar}}
	}
	if o.Card.InputPerMillion == 0 && o.Card.OutputPerMillion == 0 && o.Card.PerAgent == 0 {
		o.Card = tariff.Swarms()
	}
	if o.Billed == nil {
		o.Billed = &o.Card
	}
	if o.Window.Zone == "" {
		o.Window = tariff.SwarmsWindow()
	}
	o.Card = o.Card.In(o.Window)
	if o.Clock == nil {
		o.Clock = NewClock()
	}
	if o.Tokens.Typical == 0 {
		o.Tokens.Typical = 600
	}
	if o.BatchWorkers == 0 {
		o.BatchWorkers = 10
	}
	if o.MaxBody == 0 {
		o.MaxBody = 32 << 20
	}
	zone, err := time.LoadLocation(o.Window.Zone)
	err = errors.Join(err, o.check(), o.Latency.Check(), o.Switches.fill())
	return o, zone, err
}

// Bounds that keep a bill's arithmetic within its integers, with room.
const (
	maxTokens = 1_000_000_000_000
	maxPrice  = 100_000 * money.Dollar
)

func (o Options) check() error {
	var errs []error
	for _, c := range []*tariff.Card{&o.Card, o.Billed} {
		for _, p := range []money.USD{c.InputPerMillion, c.OutputPerMillion, c.PerAgent} {
			if p < 0 || p > maxPrice {
				errs = append(errs, fmt.Errorf("set up rate card: %s is not within 0 and %s", p.Dollars(), maxPrice.Dollars()))
			}
		}
		if c.Night < 0 || c.Night > money.One {
			errs = append(errs, fmt.Errorf("set up rate card: night multiplier %s is not within 0 and 1", c.Night))
		}
	}
	if len(o.Window.Intervals) == 0 && !o.Window.Always && o.Window.Open == o.Window.Close {
		errs = append(errs, errors.New("set up window: it opens and closes at the same second"))
	}
	for _, n := range []int64{o.Tokens.In, o.Tokens.Out, o.Tokens.Typical} {
		if n < 0 || n > maxTokens {
			errs = append(errs, fmt.Errorf("set up tokens: %d is not within 0 and %d", n, int64(maxTokens)))
		}
	}
	if o.BatchWorkers < 0 || o.MaxBody < 0 {
		errs = append(errs, fmt.Errorf("set up simulator: %d batch workers, bodies of %d bytes: neither may be negative", o.BatchWorkers, o.MaxBody))
	}
	seen := map[string]bool{}
	for _, a := range o.Accounts {
		for _, k := range a.Keys {
			if k == "" || seen[k] {
				errs = append(errs, fmt.Errorf("set up account %q: a key is empty or another account's", a.Name))
			}
			seen[k] = true
		}
	}
	return errors.Join(errs...)
}

// ParseWindow reads "20:00-06:00@America/Los_Angeles", several intervals with
// commas between them, or a window's JSON, as [tariff.ParseHours] does.
func ParseWindow(s string) (tariff.Window, error) {
	w, err := tariff.ParseHours(s)
	if err != nil {
		return tariff.Window{}, fmt.Errorf("read window %q: %w; write OPEN-CLOSE@ZONE, such as 20:00-06:00@America/Los_Angeles, with commas between several", s, err)
	}
	return w, nil
}
