package allswap

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/simulator/stage"
)

// DefaultKey opens the client of a simulator that was given none.
var DefaultKey = Key{ID: "ak_sandbox_simulator", Secret: "sk_sandbox_simulator"}

// The scopes of a key. The names are a guess.
const (
	ScopeRead  = "read" // tokens
	ScopeQuote = "quote"
	ScopeSwap  = "swap"
)

// Key is a pair of an id and a secret of the same environment.
type Key struct {
	ID     string   // ak_live_... or ak_sandbox_...
	Secret string   // sk_live_... or sk_sandbox_...
	Scopes []string // all when empty
}

// environment is live or sandbox, by the id's prefix.
func environment(s string) string {
	for _, env := range []string{"live", "sandbox"} {
		if strings.HasPrefix(s, "ak_"+env+"_") || strings.HasPrefix(s, "sk_"+env+"_") {
			return env
		}
	}
	return ""
}

// Client is who swaps.
type Client struct {
	Name string
	Keys []Key
}

// Options say what is simulated. The zero value is an honest API with one
// client and DefaultKey.
type Options struct {
	stage.Options
	Clients        []Client
	PerMinute      int64             // requests of a key in a sliding minute; 300 when 0
	QuotesPerMonth int64             // of a key, in a calendar month in UTC; 10,000 when 0
	QuoteLife      time.Duration     // 30 s when 0
	Latency        simulator.Latency // from the deposit to the end of a swap
}

// Server is one simulated Allswap. It is an http.Handler and safe for
// concurrent use.
type Server struct {
	*stage.Server
	opt  Options
	keys []*key

	mu     sync.Mutex
	quotes map[string]*quote
	swaps  map[string]*swap
	order  []*swap
}

// key is a Key at work.
type key struct {
	Key
	client  string
	number  int // among its client's keys, from 1
	limiter *simulator.Limiter
	month   string // which month's quotes are counted
	quotes  int64
}

// Open makes a simulator, or says all that is wrong with the options.
func Open(o Options) (*Server, error) {
	if len(o.Clients) == 0 {
		o.Clients = []Client{{Name: "default", Keys: []Key{DefaultKey}}}
	}
	if o.Clock == nil {
		o.Clock = simulator.NewClock()
	}
	if o.PerMinute == 0 {
		o.PerMinute = 300
	}
	if o.QuotesPerMonth == 0 {
		o.QuotesPerMonth = 10_000
	}
	if o.QuoteLife == 0 {
		o.QuoteLife = 30 * time.Second
	}
	s := &Server{opt: o}
	s.forget()
	err := errors.Join(o.Latency.Check(), s.admitClients())
	if o.PerMinute < 0 || o.QuotesPerMonth < 0 || o.QuoteLife < 0 {
		err = errors.Join(err, fmt.Errorf("%d requests per minute, %d quotes per month, quotes of %s: none may be negative", o.PerMinute, o.QuotesPerMonth, o.QuoteLife))
	}
	opened, err2 := stage.Open(s.play(), o.Options)
	if err = errors.Join(err, err2); err != nil {
		return nil, fmt.Errorf("set up allswap: %w", err)
	}
	s.Server = opened
	return s, nil
}

// New is Open for options that are known to be right, as in tests; it panics
// when they aren't.
func New(o Options) *Server { return simulator.Must(Open(o)) }

func (s *Server) admitClients() error {
	var errs []error
	seen := map[string]bool{}
	for i, c := range s.opt.Clients {
		if c.Name == "" {
			c.Name = fmt.Sprintf("client-%d", i+1)
		}
		if len(c.Keys) == 0 {
			errs = append(errs, fmt.Errorf("client %q: it has no key, and nobody could call as it", c.Name))
		}
		for n, k := range c.Keys {
			env := environment(k.ID)
			if env == "" || environment(k.Secret) != env || !strings.HasPrefix(k.ID, "ak_") || !strings.HasPrefix(k.Secret, "sk_") {
				errs = append(errs, fmt.Errorf("client %q, key %d: an id is ak_sandbox_... or ak_live_..., and its secret sk_... of the same environment", c.Name, n+1))
			}
			if seen[k.ID] {
				errs = append(errs, fmt.Errorf("client %q, key %d: its id is used twice", c.Name, n+1))
			}
			seen[k.ID] = true
			for _, scope := range k.Scopes {
				if !slices.Contains([]string{ScopeRead, ScopeQuote, ScopeSwap}, scope) {
					errs = append(errs, fmt.Errorf("client %q, key %d: scope %q is none of %s, %s, %s", c.Name, n+1, scope, ScopeRead, ScopeQuote, ScopeSwap))
				}
			}
			s.keys = append(s.keys, &key{Key: k, client: c.Name, number: n + 1, limiter: simulator.NewLimiter(s.quota(), s.opt.Clock.Now)})
		}
	}
	return errors.Join(errs...)
}

func (s *Server) quota() []simulator.Quota {
	return []simulator.Quota{{Name: "minute", Span: time.Minute, Limit: s.opt.PerMinute}}
}

// forget forgets all that was quoted and swapped.
func (s *Server) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quotes, s.swaps, s.order = map[string]*quote{}, map[string]*swap{}, nil
	for _, k := range s.keys {
		k.month, k.quotes = "", 0
		k.limiter.Become(nil)
		k.limiter.Admit(false) // without windows it keeps nothing
		k.limiter.Become(s.quota())
	}
}

// The faults that only this API has.
const (
	KindExpired = "expired" // the quote is past its time when the swap comes
	KindRefund  = "refund"  // the swap ends REFUNDED once it is paid
	KindFailed  = "failed"  // the swap ends FAILED once it is paid
)

// Switches are what the public pages leave open.
var Switches = []stage.Switch{
	{Name: "dead_quote", Words: []string{"consumed", "expired"}, Means: "what a quote is called that was swapped and is past its time"},
	{Name: "quota_code", Words: []string{codeLimited, codeForbidden}, Means: "the code when the month's quotes are spent"},
	{Name: "quota_counts", Words: []string{"asked", "answered"}, Means: "every request for a quote; only those that got one"},
	{Name: "retry_after", Words: []string{"truthful", "absent"}, Means: "the whole seconds until there is room; none"},
	{Name: "refused_count", Words: []string{"off", "on"}, Means: "a refused request takes room in the minute itself"},
	{Name: "deposit_key", Words: []string{"depositAddress", "deposit_address"}, Means: "what the answer to a swap calls the address"},
	{Name: "status_endpoint", Words: []string{"none", "swap"}, Means: "GET /v1/swap/{id} is 404; a guessed look at a swap"},
}

// play is the API as the stage plays it.
func (s *Server) play() *stage.Play {
	return &stage.Play{
		Name:     "allswap",
		Switches: Switches,
		Routes: []stage.Route{
			{Method: http.MethodGet, Path: "/v1/tokens", Do: s.listTokens},
			{Method: http.MethodPost, Path: "/v1/quote", Subject: intentOf, Do: s.quote},
			{Method: http.MethodPost, Path: "/v1/swap", Paid: true, Subject: s.swapOf, Do: s.swap},
			{Method: http.MethodGet, Path: "/v1/swap/{id}", Do: s.look},
		},
		Kinds: map[string]stage.Kind{KindExpired: {}, KindRefund: {}, KindFailed: {}},
		Codes: codes,
		Enter: s.enter,
		Fail:  fail,
		Turn: func(x *stage.Exchange, after string) {
			if after == "" {
				after = "1"
			}
			refuse(x, after)
		},
		Admin: map[string]func(bool, []byte) (any, error){
			"swaps":    func(bool, []byte) (any, error) { return s.Swaps(), nil },
			"deposits": s.adminDeposits,
		},
		Reset: s.forget,
	}
}

// Describe is the API without a server: its routes, switches, faults and codes.
func Describe() *stage.Play { return (&Server{}).play() }
