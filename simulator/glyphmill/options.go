package glyphmill

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/simulator/stage"
	"github.com/offpeak/offpeak/tariff"
)

// DefaultKey opens the account of a simulator that was given none.
const DefaultKey = "gm_simulator"

// Account is who has pages read.
type Account struct {
	Name  string
	Keys  []string // the limits are the account's, whichever of its keys
	Cents int64    // the prepaid balance; 100,000 (a thousand dollars) when 0
}

// Hours are cheap hours: from one time of the day until another, on some days
// of the week or on all. To before From is on the next day.
type Hours struct {
	From, To tariff.Clock
	Days     []time.Weekday // on which they begin; none: all
}

// Options say what is simulated. The zero value is an honest API with one
// account and DefaultKey, whose readings take 20 ms.
type Options struct {
	stage.Options
	Accounts  []Account
	Latency   simulator.Latency // how long a reading takes
	PerMinute int64             // requests of an account in any minute; 60 when 0
	PerDay    int64             // POSTs of an account in a day; 1,000 when 0
	Cents     int64             // a page's price; 3 when 0
	Percent   int64             // of it in cheap hours; 50 when 0
	Zone      string            // of the cheap hours; UTC when empty
	Cheap     []Hours           // nil: as documented; empty: none
}

// Server is one simulated Glyphmill. It is an http.Handler and safe for
// concurrent use.
type Server struct {
	*stage.Server
	opt      Options
	zone     *time.Location
	accounts []*account

	mu       sync.Mutex
	readings map[string]*reading
	order    []*reading
}

// account is an Account at work.
type account struct {
	Account
	limiter *simulator.Limiter
	balance int64
	today   string // which day's POSTs are counted
	posts   int64
}

const (
	clock12   = 12 * 3600
	clock1330 = 13*3600 + 30*60
	clock22   = 22 * 3600
	clock5    = 5 * 3600
)

func (o Options) fill() Options {
	if len(o.Accounts) == 0 {
		o.Accounts = []Account{{Name: "default", Keys: []string{DefaultKey}}}
	}
	if o.Clock == nil {
		o.Clock = simulator.NewClock()
	}
	for _, n := range []struct {
		at        *int64
		otherwise int64
	}{{&o.PerMinute, 60}, {&o.PerDay, 1000}, {&o.Cents, 3}, {&o.Percent, 50}} {
		if *n.at == 0 {
			*n.at = n.otherwise
		}
	}
	if o.Zone == "" {
		o.Zone = "UTC"
	}
	if o.Cheap == nil {
		o.Cheap = []Hours{
			{From: clock22, To: clock5},
			{From: clock12, To: clock1330, Days: []time.Weekday{time.Saturday, time.Sunday}},
		}
	}
	return o
}

// Open makes a simulator, or says all that is wrong with the options.
func Open(o Options) (*Server, error) {
	o = o.fill()
	zone, err := time.LoadLocation(o.Zone)
	s := &Server{opt: o, zone: zone, readings: map[string]*reading{}}
	err = errors.Join(err, o.Latency.Check(), s.admitAccounts())
	for _, n := range []int64{o.PerMinute, o.PerDay, o.Cents, o.Percent} {
		if n < 0 || n > 1_000_000 {
			err = errors.Join(err, fmt.Errorf("a limit or price of %d is not within 0 and 1,000,000", n))
		}
	}
	opened, err2 := stage.Open(s.play(), o.Options)
	if err = errors.Join(err, err2); err != nil {
		return nil, fmt.Errorf("set up glyphmill: %w", err)
	}
	s.Server = opened
	return s, nil
}

// New is Open for options that are known to be right, as in tests; it panics
// when they aren't.
func New(o Options) *Server { return simulator.Must(Open(o)) }

func (s *Server) admitAccounts() error {
	var errs []error
	seen := map[string]bool{}
	for i, a := range s.opt.Accounts {
		if a.Name == "" {
			a.Name = fmt.Sprintf("account-%d", i+1)
		}
		if a.Cents == 0 {
			a.Cents = 100_000
		}
		if a.Cents < 0 {
			errs = append(errs, fmt.Errorf("account %q: a balance of %d cents is negative", a.Name, a.Cents))
		}
		if len(a.Keys) == 0 {
			errs = append(errs, fmt.Errorf("account %q: it has no key, and nobody could call as it", a.Name))
		}
		for _, k := range a.Keys {
			if k == "" || seen[k] {
				errs = append(errs, fmt.Errorf("account %q: a key is empty or used twice", a.Name))
			}
			seen[k] = true
		}
		s.accounts = append(s.accounts, &account{Account: a, balance: a.Cents, limiter: simulator.NewLimiter(s.quota(), s.opt.Clock.Now)})
	}
	return errors.Join(errs...)
}

func (s *Server) quota() []simulator.Quota {
	return []simulator.Quota{{Name: "minute", Span: time.Minute, Limit: s.opt.PerMinute}}
}

// forget forgets all that was bought and counted.
func (s *Server) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readings, s.order = map[string]*reading{}, nil
	for _, a := range s.accounts {
		a.balance, a.today, a.posts = a.Cents, "", 0
		a.limiter.Become(nil)
		a.limiter.Admit(false) // without windows it keeps nothing
		a.limiter.Become(s.quota())
	}
}
