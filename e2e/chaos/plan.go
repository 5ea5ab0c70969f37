package chaos

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
)

// Plan is one night and what goes wrong in it.
type Plan struct {
	Seed    uint64
	Jobs    int
	Way     string        // how jobs are sent: Singly, Lanes, Together
	Store   string        // of the ledger: SQLite, Postgres
	Workers int           // beside each other; one that ends is started again
	Run     time.Duration // the least that a job takes at the provider; at most four times as long
	LogLag  time.Duration // the provider's log is at most so late, each row by another time
	Opens   time.Duration // from the start of the night; 0 for a window that is long open
	Lasts   time.Duration // from the start of the night until the window closes
	Cap     money.USD     // of the batch, too little for all of its jobs; 0 for more than enough
	Limit   int           // requests in LimitSpan, counted by the provider as they arrive; 0 for none
	Dear    bool          // one job is billed without its discount: the audit must fail
	Faults  []simulator.Rule
	Events  []Event // in the order in which they begin
}

// LimitSpan is the window of Plan.Limit.
const LimitSpan = 10 * time.Second

// Ways to send, and stores.
const (
	Singly, Lanes, Together = "singly", "in lanes", "together"
	SQLite, Postgres        = "SQLite", "PostgreSQL"
)

// Event is one thing that happens to the night from outside.
type Event struct {
	At   int // per cent of the jobs have arrived at the provider at least once
	Do   Deed
	Who  int           // which worker
	Link Link          // of the deeds of the network
	For  time.Duration // how long it lasts; 0 for a kill
}

// Deed is what somebody or something does.
type Deed string

// What is done to the processes, by a person, and to a link.
const (
	KillWorker   Deed = "kill worker"   // SIGKILL
	DrainWorker  Deed = "drain worker"  // SIGTERM, as a deploy does; another one follows
	FreezeWorker Deed = "freeze worker" // SIGSTOP, and later SIGCONT
	KillTemporal Deed = "kill Temporal" // and start it again on its file
	KillPostgres Deed = "kill PostgreSQL"
	KillStarter  Deed = "kill starter"
	Pause        Deed = "pause" // by a person, who has it go on later

	Latency   Deed = "latency"
	Reset     Deed = "reset"      // each connection that carries something is reset
	SlowClose Deed = "slow close" // the end of a connection is told late
	Bandwidth Deed = "bandwidth"  // 8 KB a second
	Blackhole Deed = "blackhole"  // nothing gets through, and nobody is told
	CutOff    Deed = "cut off"    // connections are closed, none is taken
)

// Link is a connection that a proxy sits in.
type Link string

// The links.
const (
	ToProvider      Link = "worker-provider"
	ToTemporal      Link = "worker-Temporal"
	ToPostgres      Link = "worker-PostgreSQL"
	StarterTemporal Link = "starter-Temporal"
)

// Size bounds a draw.
type Size struct {
	Jobs   int // the most; at least 50
	Events int // the most; at least 1
}

// Full is the size of `make chaos`, Short that of `make test`.
var Full, Short = Size{Jobs: 300, Events: 6}, Size{Jobs: 90, Events: 3}

// Draw makes the night of a seed. Where there is no PostgreSQL, its nights are
// on SQLite.
func Draw(seed uint64, size Size, postgres bool) Plan {
	d := dice{rand.New(rand.NewPCG(seed, 20))} //nolint:gosec // to be drawn again, not to be secret
	p := Plan{Seed: seed, Workers: 1 + d.IntN(2)}
	p.Jobs = 50 + d.IntN(size.Jobs-49)
	p.Way = pick(d, Singly, Singly, Lanes, Lanes, Together)
	p.Store = pick(d, SQLite, Postgres)
	if !postgres {
		p.Store = SQLite
	}
	p.Run = d.between(20*time.Millisecond, 300*time.Millisecond)
	p.LogLag = d.between(0, 2*time.Second)
	p.Lasts = time.Hour
	if d.one(4) {
		p.Opens = d.between(5*time.Second, 12*time.Second)
	}
	if d.one(5) {
		p.Lasts = p.Opens + d.between(40*time.Second, 90*time.Second)
	}
	if d.one(5) {
		p.Cap = money.USD(p.Jobs) * 1500 // micro-dollars: a job costs some 2,500
	}
	if p.Way != Together && d.one(4) {
		p.Limit = 60 + d.IntN(100)
	}
	p.Dear = d.one(8)
	p.Faults = d.faults(p)
	for range 1 + d.IntN(size.Events) {
		p.Events = append(p.Events, d.event(p))
	}
	slices.SortStableFunc(p.Events, func(a, b Event) int { return cmp.Compare(a.At, b.At) })
	return p
}

// Paused says whether somebody pauses the night.
func (p Plan) Paused() bool {
	return slices.ContainsFunc(p.Events, func(e Event) bool { return e.Do == Pause })
}

type dice struct{ *rand.Rand }

func (d dice) one(in int) bool { return d.IntN(in) == 0 }

func (d dice) between(least, most time.Duration) time.Duration {
	return least + time.Duration(d.Int64N(int64(most-least)+1)).Round(10*time.Millisecond)
}

func pick[T any](d dice, of ...T) T { return of[d.IntN(len(of))] }

// event draws one, among those that the night can have.
func (d dice) event(p Plan) Event {
	e := Event{At: 1 + d.IntN(90), Who: d.IntN(p.Workers)}
	deeds := []Deed{KillWorker, KillWorker, DrainWorker, FreezeWorker, KillTemporal, KillStarter, Pause}
	if p.Store == Postgres {
		deeds = append(deeds, KillPostgres, KillPostgres)
	}
	network := []Deed{Latency, Reset, SlowClose, Bandwidth, Blackhole, CutOff}
	if !d.one(2) {
		e.Do = pick(d, deeds...)
		switch e.Do {
		case FreezeWorker: // from a hiccup to longer than it takes to be thought dead
			e.For = d.between(time.Second, 25*time.Second)
		case KillPostgres, KillTemporal, Pause:
			e.For = d.between(0, 6*time.Second)
		}
		return e
	}
	e.Do = pick(d, network...)
	links := []Link{ToProvider, ToProvider, ToTemporal, StarterTemporal}
	if p.Store == Postgres {
		links = append(links, ToPostgres, ToPostgres)
	}
	e.Link, e.For = pick(d, links...), d.between(time.Second, 12*time.Second)
	return e
}

// faults draws what the provider does wrong: each kind to the first requests
// of a few jobs in a hundred, all that an honest provider may do and from which
// its log tells the truth in time.
func (d dice) faults(p Plan) []simulator.Rule {
	status := func(code int, after bool) simulator.Rule {
		return simulator.Rule{Kind: simulator.KindStatus, Status: code, AfterWork: after}
	}
	after := d.one(2)
	all := []simulator.Rule{
		status(500, after), status(503, after), status(504, after), status(200, after),
		{Kind: simulator.KindHTML502, AfterWork: after},
		{Kind: simulator.KindHang, AfterWork: after},
		{Kind: simulator.KindReset, AfterWork: after},
		{Kind: simulator.KindResetUnread},
		{Kind: simulator.KindTruncate},
		{Kind: simulator.KindBadJSON},
		{Kind: simulator.KindLostUsage},
		{Kind: simulator.KindLostBilling},
		{Kind: simulator.KindHuge},
		{Kind: simulator.KindSlow, Delay: simulator.Duration(d.between(200*time.Millisecond, 4*time.Second))},
		{Kind: simulator.KindRate429, RetryAfter: pick(d, "1", "2", "0.5"), Times: int64(1 + d.IntN(4))},
		{Kind: simulator.KindStatus, Status: 400},
	}
	if p.Way == Together {
		all = append(all, simulator.Rule{Kind: simulator.KindItemMissing}, simulator.Rule{Kind: simulator.KindItemDuplicate})
	}
	d.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	rules := all[:d.IntN(6)]
	if p.Limit > 0 { // who counts refusals that aren't due has another limit than it says
		rules = slices.DeleteFunc(rules, func(r simulator.Rule) bool { return r.Kind == simulator.KindRate429 })
	}
	for i := range rules {
		r := &rules[i]
		chance := simulator.Chance(5000 + d.IntN(35000)) // half a job to four in a hundred
		r.Match, r.Probability, r.Attempts = "*", &chance, simulator.Attempts{From: 1, To: 1 + d.IntN(2)}
		if r.Kind == simulator.KindRate429 {
			r.Attempts = simulator.Attempts{}
		}
	}
	if p.Dear {
		rules = append(rules, simulator.Rule{Match: "Job 00007", Kind: simulator.KindFullPrice})
	}
	return rules
}
