package dialect

import (
	"time"

	"github.com/offpeak/offpeak/money"
)

// Dialect is a declaration as it was written. The yaml tags are the words of
// the document; docs/adding-a-provider.md explains each.
type Dialect struct {
	Format   int                 `yaml:"dialect"`   // of this document: 1
	Name     string              `yaml:"name"`      // what manifests and books call the API
	About    string              `yaml:"about"`     // one line for people
	BaseURL  string              `yaml:"base_url"`  // where requests go
	BaseFrom string              `yaml:"base_from"` // a setting that takes its place
	Secrets  map[string]Variable `yaml:"secrets"`   // never printed, stored or sent anywhere but in headers
	Settings map[string]Variable `yaml:"settings"`
	Headers  map[string]Text     `yaml:"headers"` // of every request
	Scope    Text                `yaml:"scope"`   // who shares the limits; the secrets themselves when empty
	AtOnce   int                 `yaml:"at_once"` // jobs under way at once; 16 when 0
	Limits   []Limit             `yaml:"limits"`
	Told     *Told               `yaml:"told"`
	Wait     Wait                `yaml:"wait"`
	Errors   Envelope            `yaml:"errors"`
	Answers  []Rule              `yaml:"answers"`
	Backoff  Backoff             `yaml:"backoff"`
	Job      Fields              `yaml:"job"`
	Steps    []Step              `yaml:"steps"`
	Lookup   *Lookup             `yaml:"lookup"`
	Price    Price               `yaml:"price"`
}

// Variable is a value that the worker's environment holds.
type Variable struct {
	From    string `yaml:"from"` // the variable's name; NAME_FILE is read, too
	About   string `yaml:"about"`
	Default string `yaml:"default"` // of a setting that needn't be set
}

// Limit is one sliding window.
type Limit struct {
	Name  string        `yaml:"name"`
	Span  time.Duration `yaml:"span"`
	Limit int64         `yaml:"limit"` // requests; 0: the headers tell
	From  string        `yaml:"from"`  // a setting that gives the limit instead; one that isn't set: no such window
	Step  string        `yaml:"step"`  // it counts this step alone
}

// Told is how headers say where a window stands.
type Told struct {
	Window    string `yaml:"window"` // the limit of which they speak
	Limit     string `yaml:"limit"`
	Remaining string `yaml:"remaining"`
	Reset     string `yaml:"reset"`
	ResetIs   string `yaml:"reset_is"` // seconds, milliseconds (both since 1970), iso, or in_seconds from now
}

// Forms of a reset.
const (
	Seconds      = "seconds"
	Milliseconds = "milliseconds"
	ISO          = "iso"
	InSeconds    = "in_seconds"
)

// Wait is how long a refusal by a limit is waited for.
type Wait struct {
	Header string        `yaml:"header"` // Retry-After: seconds, a fraction of them, or a date
	Body   string        `yaml:"body"`   // a pointer to seconds in the error's body
	Rule   string        `yaml:"rule"`   // verbatim; or later: the later of that and the reset
	Else   time.Duration `yaml:"else"`   // when nothing is said
	Most   time.Duration `yaml:"most"`   // bounds what is said; a day when 0
}

// Rules of waiting.
const (
	Verbatim = "verbatim"
	Later    = "later"
)

// Envelope is where an error's body says what. Each is a list of pointers: the
// first that is there counts.
type Envelope struct {
	Code    []string `yaml:"code"`
	Message []string `yaml:"message"`
	Ticket  []string `yaml:"ticket"` // the provider's name of the request, for support
}

// Action is what an answer means.
type Action string

// The actions.
const (
	Done    Action = "done"    // it worked
	Going   Action = "going"   // the work goes on: ask again later
	Reject  Action = "reject"  // never again: it is our fault, or the work failed
	Limited Action = "wait"    // a rate limit: wait, uncounted
	Retry   Action = "retry"   // nothing ran: again after the backoff
	Stop    Action = "stop"    // the key is refused: nothing else is sent with it
	Hold    Action = "hold"    // nothing is sent for a while: credits or a quota are used up
	Redo    Action = "redo"    // make an earlier step anew, then this one
	Spent   Action = "spent"   // what is good once was used: if a lost request used it, that one went through
	Unknown Action = "unknown" // it may have run
)

// Rule says what to do about answers. The first that fits counts; what fits
// none goes by its status, see Client.
type Rule struct {
	Codes  []string      `yaml:"codes"`
	Status []int         `yaml:"status"`
	Step   string        `yaml:"step"` // of this step alone
	Do     Action        `yaml:"do"`
	From   string        `yaml:"from"` // of redo: the step to begin with
	Most   int           `yaml:"most"` // of redo: how often; 1 when 0
	For    time.Duration `yaml:"for"`  // of hold; five minutes when 0
	Hint   string        `yaml:"hint"` // what a person can do about it
}

// Backoff spaces tries of what provably didn't run.
type Backoff struct {
	Base   time.Duration `yaml:"base"`   // 1.5 s when 0
	Cap    time.Duration `yaml:"cap"`    // 30 s when 0
	Most   int           `yaml:"most"`   // retries after the first try; 4 when 0
	Jitter string        `yaml:"jitter"` // full: uniform(0, step); added: the step and up to add percent of it
	Add    int           `yaml:"add"`
}

// Forms of jitter.
const (
	Full  = "full"
	Added = "added"
)

// Fields are what a job's request holds.
type Fields struct {
	Fields map[string]Field `yaml:"fields"`
	Open   bool             `yaml:"open"` // other fields pass through
}

// Field is one of them.
type Field struct {
	Type     string   `yaml:"type"` // text, digits, integer, number, boolean, list, object, any
	Required bool     `yaml:"required"`
	OneOf    []string `yaml:"one_of"`
}

// Step is one request of a job. Exactly one of a job's steps is paid.
type Step struct {
	Name    string              `yaml:"name"`
	Paid    bool                `yaml:"paid"`
	Once    string              `yaml:"once"` // of the paid one: it carries what this step made, which is good once
	Method  string              `yaml:"method"`
	Path    Text                `yaml:"path"`
	Query   map[string]Text     `yaml:"query"`
	Headers map[string]Text     `yaml:"headers"`
	Body    *Body               `yaml:"body"`
	Keep    map[string][]string `yaml:"keep"`  // names for later steps: pointers into the answer, or header:NAME
	Until   *Until              `yaml:"until"` // it is made again until the work is done
}

// Until says how an answer tells how far the work is.
type Until struct {
	At       string        `yaml:"at"`
	Done     []string      `yaml:"done"`
	Going    []string      `yaml:"going"`
	Failed   []string      `yaml:"failed"`
	Message  []string      `yaml:"message"`  // of work that failed
	Progress []string      `yaml:"progress"` // for people
	First    time.Duration `yaml:"first"`    // from the acceptance to the first look; 5 s when 0
	Every    time.Duration `yaml:"every"`    // between looks at first; First when 0
	Cap      time.Duration `yaml:"cap"`      // the gap grows by half each time, up to this; a minute when 0
	Within   time.Duration `yaml:"within"`   // work that isn't done by then is unknown; a day when 0
}

// Gap is how long to wait with the next look at work that was taken on so long
// ago: it grows by half each time up to Cap, and stays a twentieth of its age, so
// that work of a day isn't asked for a thousand times.
func (u *Until) Gap(age time.Duration) time.Duration {
	return max(min(max(age/2, u.Every), u.Cap), age/20)
}

// Lookup finds a job whose answer was lost.
type Lookup struct {
	Method string              `yaml:"method"`
	Path   Text                `yaml:"path"`
	Query  map[string]Text     `yaml:"query"`
	Absent []int               `yaml:"absent"` // statuses that say that there is none
	Empty  string              `yaml:"empty"`  // or a pointer to a list: empty, there is none
	Keep   map[string][]string `yaml:"keep"`   // what the paid step would have kept
	After  time.Duration       `yaml:"after"`  // absence counts so long after the request can't be under way any more
}

// Price is what a job is billed.
type Price struct {
	At      []string   `yaml:"at"`   // pointers into the last step's answer
	Unit    string     `yaml:"unit"` // dollars or cents
	Fixed   *money.USD `yaml:"fixed"`
	Ceiling *money.USD `yaml:"ceiling"` // the most that one can cost, unless the job says
	ID      []string   `yaml:"id"`      // the provider's name of the job, for the books
}

// Units of a price.
const (
	Dollars = "dollars"
	Cents   = "cents"
)

// MaxAtOnce bounds AtOnce.
const MaxAtOnce = 500

// Step finds a step by its name.
func (d *Dialect) Step(name string) (int, *Step) {
	for i := range d.Steps {
		if d.Steps[i].Name == name {
			return i, &d.Steps[i]
		}
	}
	return -1, nil
}

// Paid is the place of the step that moves money.
func (d *Dialect) Paid() int {
	for i, s := range d.Steps {
		if s.Paid {
			return i
		}
	}
	return -1 // not of a declaration that was read
}
