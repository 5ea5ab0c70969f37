package ledger

import (
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// Owner is the workflow run that has claimed a night.
type Owner struct {
	WorkflowID string
	RunID      string
}

// Batch is a claimed night and the terms on which it was planned.
type Batch struct {
	ID        batch.ID
	Provider  string
	Key       string // the key's id (a hash's first digits), never the key
	Owner     Owner
	Digest    string // of the manifest's jobs: a second start must bring the same
	Span      tariff.Span
	Card      tariff.Card
	Budget    batch.Budget
	Policy    batch.Policy
	Jobs      int       // how many were planned; 0 until Seal
	Estimate  money.USD // night price of all jobs
	Ceiling   money.USD // the most that all jobs can cost
	Sealed    bool      // all jobs are in
	Stopped   string    // why nothing more is sent for this batch; "" while it may
	Paused    batch.Pause
	Result    []byte // the last batch.Result as JSON; nil until the night was judged
	PlannedAt time.Time
}

// Job is one piece of paid work and where it stands.
type Job struct {
	Batch     batch.ID
	Seq       int // position in the manifest, from 0
	Name      string
	RequestID string // UUID v4, made once at planning, the same for every attempt
	Request   []byte // the provider's request as JSON, name untagged; nil in listings
	Type      string // swarm_type, for logs and statistics
	Models    []string
	Agents    int64
	Ceiling   money.USD // the most it can cost: what is reserved
	Estimate  money.USD // what it is expected to cost at night
	Priority  int

	State     batch.State
	Why       string    // for every state but succeeded: one line
	Attempts  int       // HTTP requests so far, free ones included
	Paid      int       // the last of them that could move money; 0 in books from before free ones, where it is Attempts
	Tries     int       // those that count towards the retry limit: not 429s, not gate waits
	Limited   int       // 429s in a row
	NotBefore time.Time // no attempt before: a retry can come early
	Doubt     Doubt     // while unknown
	Output    string    // the archive's key of the answer
	Reference string    // the provider has taken the work on under this name, and answers later: see Accept
	UpdatedAt time.Time
}

// Doubt is what is known of an attempt whose outcome isn't.
type Doubt struct {
	Attempt     int
	SentAt      time.Time
	Answered    bool      // a status came back (a 5xx): the run isn't going on any more
	Billed      bool      // a 2xx came back that couldn't be read: it ran; only the amount is missing
	Batched     bool      // it left together with others, see Attempt: the ledger's own, from the attempt
	AbsentAfter time.Time // before this instant absence from the log proves nothing
	Why         string
}

// Attempt is one HTTP request and its receipt.
type Attempt struct {
	Batch     batch.ID
	Seq       int
	RequestID string
	N         int // from 1
	Key       string
	Batched   bool   // it left in one HTTP request together with other jobs
	Free      bool   // it moves no money whatever becomes of it: a quote, a look at how far the work is
	Step      string // which step of the job's dialect; "" where there is but one
	SentAt    time.Time
	EndedAt   time.Time  // zero while in flight
	Status    int        // 0 without an answer
	Outcome   batch.Kind // "" for a success
	Receipt   []byte     // provider.Receipt as JSON
}

// Source says where a charge's amount comes from.
type Source string

// The sources, from best to worst.
const (
	FromAnswer  Source = "answer"  // the answer's own billing
	FromLog     Source = "log"     // the provider's log
	FromCeiling Source = "ceiling" // billed, amount unknown: the ceiling stands in, flagged

	// FromTerms is an amount that was agreed beforehand, with a provider whose
	// answers hold none: a fixed price, or the ceiling that the manifest declares.
	FromTerms Source = "declared"
)

// Charge is one run's bill. Charges are append-only; each carries the hash of
// the one before it.
type Charge struct {
	N         int64 // position in the chain, from 1
	Batch     batch.ID
	Seq       int
	Name      string
	RequestID string
	Attempt   int
	JobID     string // the provider's id of the run
	Source    Source

	Total     money.USD
	Input     money.USD
	Output    money.USD
	Agent     money.USD
	TotalText string // the provider's own literal
	HasParts  bool   // Input, Output and Agent were given

	InputTokens  int64
	OutputTokens int64
	HasTokens    bool
	Agents       int64

	DayPrice   money.USD // what the same usage costs by day, by the batch's card
	NightPrice money.USD // what it should have cost by night

	// What the provider says of the discount; nil or "" when it doesn't.
	NightApplied       *bool
	DiscountActive     *bool
	DiscountType       string
	DiscountPercentage string

	SentAt  time.Time
	EndedAt time.Time // when the answer was complete, on our clock
	At      time.Time // when it was written
	Prev    string    // hash of the charge before, hex
	Hash    string    // SHA-256 of this row's canonical form, Prev included, hex
}

// Totals is a batch in dollars and states.
type Totals struct {
	Jobs     batch.Counts
	Planned  int
	Reserved int
	Sending  int

	Held     money.USD // reservations that stand: reserved, sending, unknown
	Charged  money.USD // sum of charges
	DayPrice money.USD // sum of their day prices
	Ceiling  money.USD // the most that was at risk: sum of ceilings of all jobs that were ever reserved
	Charges  int
}

// Standing is all that the gate needs to judge one send, read in the
// transaction that also writes its verdict.
type Standing struct {
	Now   time.Time
	Job   Job   // without Request
	Batch Batch // without Result
	Span  tariff.Span
	Slow  time.Duration // how long the slowest run of this shape may take

	Held    money.USD // reservations of the batch that stand, this job's own not counted
	Charged money.USD // charges of the batch

	Purse Purse // what the batch's key has on the batch's night, this job's own reservation not counted
	Night Purse // the same of all keys
	Caps  Caps  // the operator's

	Key  Key
	Halt Halt // the kill switch that holds this job; the zero Halt when none does
}

// Purse is what was spent and set aside on one night, with one key or, under
// the key "", with all of them. A night here is that of the batch ids: what a
// batch of the 22nd sends after midnight, or on a later night when it came too
// late for its own, counts to the 22nd. A charge, and a reservation that
// stands, counts to the key with which the job was last sent.
type Purse struct {
	Night   tariff.Night
	Key     string
	Held    money.USD // reservations that stand
	Charged money.USD // sum of charges
}

// Caps are the operator's own, in dollars a night over all batches of the
// ledger. Zero: no cap.
type Caps struct {
	Night money.USD // with all keys together
	Key   money.USD // with any one key
}

// Halt is a kill switch: nothing is sent with one key, or with any, until
// somebody releases it.
type Halt struct {
	Key string // "" for all keys
	batch.Pause
}

// Key is the standing of one API key: shared by all batches and workers on
// the ledger.
type Key struct {
	ID       string
	Closed   string // 401 or 403: why nothing is sent with it; "" while open
	ClosedAt time.Time
	Hold     string // 402: why nothing is sent until credits are back
	HoldAt   time.Time
	Proven   time.Time // last answer that wasn't a refusal of the key
	Floor    time.Time // nothing is sent before; from Retry-After
	FloorWhy string

	BatchLog   BatchLog // whether the provider's log shows items of its batch requests
	BatchLogAt time.Time

	InFlight int       // requests under way, all batches
	Oldest   time.Time // when the oldest of them was sent
	LastSent time.Time
	Windows  []Window
}

// BatchLog is what is known of a key's log: whether it holds the items of
// batch requests. No document says so, and accounts may differ; what was
// billed and then looked for tells it.
type BatchLog string

// What is known of it.
const (
	BatchLogUnknown BatchLog = ""    // nobody knows yet
	BatchLogYes     BatchLog = "yes" // an item that was settled from its answer was seen there
	BatchLogNo      BatchLog = "no"  // one was settled, and didn't show although the lag had passed
)

// Balance is one reading of an account's credits.
type Balance struct {
	Key   string // with which it was read: credits belong to the account, which may have others
	At    time.Time
	Total money.USD
}

// Window is one quota window of a key: ours to keep, whatever the headers say.
type Window struct {
	Name      string
	Step      string // it counts requests of this step alone; "" for all
	Span      time.Duration
	Limit     int64
	Used      int64     // requests in flight or ended within the last Span
	Frees     time.Time // when the oldest of those that fill it leaves; zero when none
	Remaining int64     // the provider's own count, -1 when it never said
	Reset     time.Time
	ToldAt    time.Time // when the provider said so
}

// Action is what the gate decides.
type Action string

// The actions.
const (
	Go     Action = "go"
	Wait   Action = "wait"   // until Verdict.Until, then ask again
	Park   Action = "park"   // not tonight
	Skip   Action = "skip"   // no budget
	Cancel Action = "cancel" // a person or a refused key stopped the batch
)

// Verdict is the gate's answer and its reason.
type Verdict struct {
	Action Action
	Until  time.Time // for Wait
	Reason Reason    // which rule
	Detail string    // one line for people
}

// Reason names the gate's rule that decided.
type Reason string

// The rules, in the order in which the gate asks them.
const (
	ReasonStopped  Reason = "stopped"   // the batch was stopped
	ReasonHalted   Reason = "halted"    // a kill switch holds the key, or everything
	ReasonPaused   Reason = "paused"    // somebody paused the batch
	ReasonKey      Reason = "key"       // the key was refused
	ReasonBudget   Reason = "budget"    // a cap has no room
	ReasonWindow   Reason = "window"    // it couldn't end inside the window, or it isn't open yet
	ReasonCredits  Reason = "credits"   // 402
	ReasonRetry    Reason = "retry"     // the job's own backoff
	ReasonFloor    Reason = "floor"     // Retry-After
	ReasonPilot    Reason = "pilot"     // the night's first request goes alone until the key is proven
	ReasonQuota    Reason = "quota"     // a rate-limit window is full
	ReasonSlowDown Reason = "slow-down" // the last tenth of a window is spread over what is left of it
	ReasonStrain   Reason = "strain"    // the provider errs or slows down: fewer requests at once; each worker for itself
	ReasonFree     Reason = "free"      // nothing speaks against it
)
