package activities

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/gate"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/notify"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/dialect"
	"github.com/offpeak/offpeak/provider/swarms"
)

// Clock is the hands' time. Everything that they stamp, judge or wait for goes
// by it; only heartbeats, which prove life to the server, go by the machine's.
type Clock interface {
	Now() time.Time
	// Wait returns nil once d has passed, or ctx's error if that ends first.
	Wait(ctx context.Context, d time.Duration) error
}

// Deps are what the hands work with. Ledger and Archive are required, and Swarms
// or one of APIs; the host owns and closes them.
type Deps struct {
	Ledger  *ledger.Ledger
	Archive *archive.Archive
	Swarms  *swarms.Client
	APIs    []*dialect.Client // of other providers, whose secrets this worker has
	Log     *zap.Logger       // no logging when nil
	Clock   Clock             // the machine's when nil
	Rules   gate.Rules        // zero fields mean the gate's defaults
	Caps    ledger.Caps       // the operator's, over all batches of a night
	Usage   Usage             // when the usage watch speaks

	// Limits are rate limits that the operator knows of besides those that the
	// provider tells: span and limit of each. KeepLimits has the gate keep them.
	Limits []provider.Window

	// Jitter draws uniformly from [0, most); math/rand when nil.
	Jitter func(most time.Duration) time.Duration

	Lake    string // where the provider's log is exported to: a URL as the archive's
	Program string // this program's version, for what is kept

	// Running says whether a workflow run is still open. It is asked before a
	// night that another run has claimed is taken over; when nil, every owner
	// counts as running and nothing is ever taken over.
	Running func(ctx context.Context, workflowID, runID string) (bool, error)

	// GiveWay asks a run that carries the batch on to leave it to by, another
	// workflow, as long as it only waits for its night. True: it has ended, and
	// sent nothing. When nil, none does.
	GiveWay func(ctx context.Context, workflowID, runID, by string) (bool, error)

	// Sinks are where alerts are told; Quiet is after how long one that lasts is
	// told again, a day when 0.
	Sinks []*notify.Sink
	Quiet time.Duration
	// Keep is how long texts are kept, by kind; what isn't in it is kept for
	// ever.
	Keep map[batch.Kept]time.Duration

	// Attributes says that the namespace has the story's search attributes.
	Attributes bool
}

// Hands are the activities of one worker. They are safe for concurrent use.
type Hands struct {
	Deps
	key    string // how the books name the client's key
	watch  *watch
	stiles stiles
	heard  hearing
	others neighbours
	flow   *flow
	memory memory
	took   gate.Durations // of runs, by shape

	evidence evidence // of what the log holds

	mu   sync.Mutex
	live map[job]bool // jobs that this process is sending or settling right now

	sending atomic.Int64 // requests in flight

	restOnce sync.Once
	resting  chan struct{} // closed by Rest
}

// Rest has nothing new leave from now on: the first word of a shutdown. The
// SDK tells activities only after it has told the server, which may take its
// time.
func (h *Hands) Rest() { h.restOnce.Do(func() { close(h.resting) }) }

// Sending is how many paid requests are in flight: what a shutdown waits for.
func (h *Hands) Sending() int { return int(h.sending.Load()) }

// job names a job within this process.
type job struct {
	batch batch.ID
	seq   int
}

// New makes the hands of a worker.
func New(d Deps) *Hands {
	if d.Log == nil {
		d.Log = zap.NewNop()
	}
	if d.Clock == nil {
		d.Clock = machineClock{}
	}
	if d.Quiet == 0 {
		d.Quiet = 24 * time.Hour
	}
	if d.Jitter == nil {
		d.Jitter = rand.N[time.Duration]
	}
	key := ""
	if d.Swarms != nil {
		key = d.Swarms.KeyID()
	}
	h := &Hands{Deps: d, key: key, live: map[job]bool{}, resting: make(chan struct{}), flow: newFlow()}
	h.watch = newWatch(h.sweep)
	return h
}

func (h *Hands) now() time.Time { return h.Clock.Now() }

// enter marks a job as being worked on. False: another attempt of this very
// process is at it, which a heartbeat that got lost can bring about; what the
// ledger calls sending is then no crash.
func (h *Hands) enter(j job) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.live[j] {
		return false
	}
	h.live[j] = true
	return true
}

func (h *Hands) leave(j job) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.live, j)
}

// machineClock is the machine's time.
type machineClock struct{}

func (machineClock) Now() time.Time { return time.Now() }

func (machineClock) Wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
