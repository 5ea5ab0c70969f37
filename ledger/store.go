package ledger

import (
	"context"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// Store keeps records and knows no rule. Its errors are *batch.Fault:
// OutOfReach when the database can't be read or written right now (nothing is
// half done; the same call may be made again), Internal for a statement that
// the database refuses.
type Store interface {
	// Write runs do alone: no other Write of any process on the same database
	// overlaps it, and what do read stays true until it has been written. All of
	// it is durable when Write returns nil; none of it when it returns an error,
	// except that a commit whose answer was lost may have happened. do may run a
	// second time, when nothing that the first one asked was answered.
	Write(ctx context.Context, do func(Tx) error) error
	// Read runs do on one snapshot, beside any Write. Saving is an error.
	Read(ctx context.Context, do func(Tx) error) error
	// Job reads one job, with its request when that is asked for. The bool is
	// false when there is none.
	Job(ctx context.Context, ref JobRef, request bool) (JobRow, []byte, bool, error)
	// Scrub has what was deleted before leave the files, as far as a program can
	// bring that about.
	Scrub(ctx context.Context) error
	// Close ends it. Nothing may run meanwhile or after.
	Close() error
}

// Tx reads and saves records inside one transaction. The bool is false when
// there is no such record; that isn't an error.
type Tx interface {
	Head() (Head, error)
	// Look reads several things in one journey to the database.
	Look(Wants) (Found, error)

	Batch(batch.ID) (Batch, bool, error) // without Result
	Result(batch.ID) ([]byte, error)     // nil when there is none
	Batches(limit int) ([]Batch, error)  // newest first, with Result
	Tally(batch.ID) (Tally, bool, error)
	Purse(night tariff.Night, key string) (Purse, bool, error)
	Purses() ([]Purse, error) // all
	// Spent adds up one batch by key from its rows: the ceilings of jobs in some
	// states by the key of their last attempt, and the charges by that of theirs.
	Spent(id batch.ID, holding []batch.State) ([]Purse, error)
	Halts() ([]Halt, error)          // all, in order of key
	AllBatches() ([]batch.ID, error) // in order of id

	Jobs([]JobRef) ([]JobRow, error)                                      // those that exist, in any order
	Stretch(id batch.ID, from, to int) ([]JobRow, error)                  // from <= Seq < to, in order
	Named(id batch.ID, names []string) ([]JobRow, error)                  // those that exist, in any order
	Known(requestIDs []string) (map[string]JobRef, error)                 // those that exist, of all batches
	Request(JobRef) ([]byte, error)                                       // nil when there is none
	Restate(id batch.ID, from, to batch.State, at time.Time) (int, error) // every job in from: to state to, tries and waits forgotten

	Attempt(AttemptRef) (AttemptRow, bool, error)
	Attempts([]JobRef) ([]AttemptRow, error) // all of several jobs, in any order
	AttemptsOf(JobRef) ([]Attempt, error)    // in order
	// InFlight lists attempts without an end whose Until lies after an instant,
	// the oldest first; Overdue those whose Until doesn't.
	InFlight(key string, after time.Time, limit int) ([]Flight, error)
	Overdue(key string, upTo time.Time) ([]AttemptRow, error)

	// Ends counts the attempts of a key whose CountedAt lies in (after, upTo],
	// and says when the first of those after upTo leaves; zero when none. With a
	// step only attempts of that step are looked at, here and in NthEnd.
	Ends(key, step string, after, upTo time.Time) (n int64, next time.Time, err error)
	// NthEnd is the CountedAt of the n-th attempt of a key (from 1) after an
	// instant; zero when there are fewer.
	NthEnd(key, step string, after time.Time, n int64) (time.Time, error)

	// Timeline counts a batch's attempts and charges in stretches of a length,
	// from an instant (taken in) to another (left out), into bins that bin gives
	// for a stretch's beginning; those of nothing aren't asked for.
	Timeline(id batch.ID, from, to time.Time, step time.Duration, bin func(time.Time) *Bin) error

	Charges(id batch.ID, yield func(Charge) error) error // of one batch, or of all for "", in order
	ChargesOf(requestIDs []string) ([]Charge, error)     // of several jobs, in any order
	// Links hands over the charges with first <= N <= last, of whatever batch, in
	// order.
	Links(first, last int64, yield func(Charge) error) error
	Key(id string) (KeyRow, bool, error)
	AllKeys() ([]string, error) // in order of id
	// Balances lists a key's readings with from <= At <= to, in order.
	Balances(key string, from, to time.Time) ([]Balance, error)
	Count(key string) (int, error) // attempts of a key without an end

	Errand(key string) (Errand, bool, error)
	ForgetErrands(before time.Time) error // those that were begun before

	Dailies(kind string, limit int) ([]Daily, error) // the latest day first
	Effort(batch.ID) (Effort, error)
	Hours(from, to time.Time) ([]Hour, error) // charges by the key of their attempt, and by hour

	Incident(key string) (Incident, bool, error)
	Incidents(all bool, limit int) ([]Incident, error) // open ones, or all; the last seen first
	Delivery(id string) (Delivery, bool, error)
	DeliveriesOf(key string) ([]Delivery, error) // of one incident, in order

	Purges(batch.ID) ([]Purge, error) // of one batch, or of all for "", in order of batch and what
	Weigh(batch.ID) (Weight, error)
	// Shed deletes the prompts or receipts of the jobs with from <= Seq < to, and
	// says how many there were and their bytes.
	Shed(what batch.Kept, id batch.ID, from, to int) (items, bytes int64, err error)

	Save(Changes) error
}

// Wants are what Look is asked for. What isn't there isn't found.
type Wants struct {
	Jobs    []JobRef   // with all their attempts
	Batches []batch.ID // with their tallies, without results
	Keys    []string
	Flights int     // how many of each key's attempts in flight, the oldest first
	Purses  []Purse // named by night and key
	Halts   bool    // all
}

// Found is Look's answer, in any order.
type Found struct {
	Jobs     []JobRow
	Attempts []AttemptRow
	Batches  []Batch
	Tallies  []Tally
	Keys     []KeyFound
	Purses   []Purse
	Halts    []Halt
}

// KeyFound is a key with what is in flight under it.
type KeyFound struct {
	KeyRow
	Flights []Flight  // the oldest first, at most as many as were wanted
	Until   time.Time // the earliest Until of those in flight; zero when there is none
}

// Head is the ledger's one common row: the end of the chain of charges.
type Head struct {
	N    int64  // charges so far
	Hash string // of the last one; Genesis before the first
}

// JobRef names a job.
type JobRef struct {
	Batch batch.ID
	Seq   int
}

// AttemptRef names an attempt.
type AttemptRef struct {
	JobRef
	N int
}

// Flight is an attempt that is under way.
type Flight struct {
	AttemptRef
	SentAt time.Time
}

// JobRow is a job as it is stored; its request is a record of its own, since
// it is large and never changes.
type JobRow struct {
	Job
	Digest string // SHA-256 of the request, hex: the same name must bring the same work
	Raised bool   // its ceiling was at risk at least once
}

// Ref names the job.
func (j JobRow) Ref() JobRef { return JobRef{j.Batch, j.Seq} }

// Ending is how an attempt ended.
type Ending string

// The endings. What ended as EndedUnknown or EndedOverdue may later become one of the others:
// found or absent by the provider's log, or any by a late answer.
const (
	InFlight      Ending = ""
	EndedAnswered Ending = "answered" // settled from its answer
	EndedRejected Ending = "rejected" // refused for good
	EndedReturned Ending = "returned" // a 429, or not sent
	EndedUnknown  Ending = "unknown"
	EndedOverdue  Ending = "overdue"  // nobody reported an end, and it can't be under way any more; its job is still sending
	EndedFound    Ending = "found"    // settled from the provider's log
	EndedAbsent   Ending = "absent"   // proven not to have run
	EndedAccepted Ending = "accepted" // the work was taken on; its job is sending until the answer is fetched
)

// AttemptRow is an attempt as it is stored.
type AttemptRow struct {
	Attempt
	Ending Ending
	Until  time.Time // it can't be under way after: time sent + request timeout + log lag
	// CountedAt is the latest moment at which the provider may have counted the
	// run: it fills a quota window until CountedAt + Span. Zero while in flight,
	// and for what didn't run.
	CountedAt time.Time
}

// Ref names the attempt.
func (a AttemptRow) Ref() AttemptRef { return AttemptRef{JobRef{a.Batch, a.Seq}, a.N} }

// Tally is a batch's running sums, so that no admission ever adds up jobs.
// Verify compares them with the rows.
type Tally struct {
	Batch    batch.ID
	Planned  int
	Reserved int
	Sending  int
	Ended    batch.Counts // Total counts all jobs
	Held     money.USD
	Charged  money.USD
	DayPrice money.USD
	Raised   money.USD // sum of ceilings of all jobs that were ever reserved
	Charges  int
}

// KeyRow is a key as it is stored. Of Key, Oldest and Windows stay empty.
type KeyRow struct {
	Key
	Tick    time.Time   // the latest time written under this key: its clock never runs backwards
	Windows []WindowRow // in order of span
}

// WindowRow is a quota window as it is stored: a running count instead of a
// sum over attempts. Attempts with CountedAt after Tail are in it; those at or
// before have left. A window without a limit isn't kept count of: its Tail is
// zero.
type WindowRow struct {
	Key    string
	Window           // Used and Frees stay empty
	Ended  int64     // attempts that ended, or may have, after Tail
	Tail   time.Time // what was counted up to here has left
	Oldest time.Time // earliest CountedAt after Tail; zero when Ended is 0
}

// Payload is a job's request.
type Payload struct {
	JobRef
	Request []byte
}

// Result is a batch's judgement.
type Result struct {
	Batch batch.ID
	JSON  []byte
}

// Changes is what one Save writes: each record whole, in place of the one
// with the same name. NewJobs, NewAttempts, Charges and Payloads are only ever
// added, Jobs and Attempts are there, the others may be there or not.
type Changes struct {
	Heads       []Head // at most one
	Batches     []Batch
	Results     []Result
	Tallies     []Tally
	NewJobs     []JobRow
	Jobs        []JobRow
	Payloads    []Payload
	NewAttempts []AttemptRow
	Attempts    []AttemptRow
	Charges     []Charge
	Keys        []KeyRow
	Windows     []WindowRow
	Purses      []Purse
	Halts       []Halt // without a time: none any more
	Balances    []Balance
	Errands     []Errand
	Dailies     []Daily
	Purges      []Purge
	Incidents   []Incident
	Deliveries  []Delivery
}
