package simulator

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/offpeak/offpeak/money"
)

// The tiers that the API knows (Swarms docs, rate-limit-headers): Pro and
// Ultra are both premium.
const (
	TierFree    = "free"
	TierPremium = "premium"
)

// DefaultKey opens the account of a simulator that was given none.
const DefaultKey = "sk-simulator"

// gateCredits is what an account must have more of before any billable call
// (Swarms docs, premium-endpoints, 2026-07-13).
const gateCredits = money.Dollar

// Account is a user of the simulated API.
type Account struct {
	Name     string    // for the books and the admin endpoint, which never show a key
	Keys     []string  // any of them; limits and credits are the account's, logs the key's
	Tier     string    // TierFree or TierPremium, the default
	Credit   money.USD // purchased
	Free     money.USD // used first
	Referral money.USD // used last
	Limits   *Limits   // nil: the tier's
}

// account is an Account at work.
type account struct {
	name string
	keys []string
	id   uint16

	mu      sync.Mutex
	tier    string
	limits  Limits
	limiter *Limiter
	purse   purse
	used    money.USD // all that was ever charged
}

// purse is an account's credits in the order in which they are used (Swarms
// docs, examples/account-credits: free first).
type purse struct{ free, credit, referral money.USD }

func (p purse) total() money.USD { return p.free + p.credit + p.referral }

// less is the purse after paying; what the others can't cover is owed by the
// purchased credit, which may go below zero.
func (p purse) less(amount money.USD) purse {
	for _, part := range []*money.USD{&p.free, &p.credit, &p.referral} {
		take := min(amount, max(*part, 0))
		*part -= take
		amount -= take
	}
	p.credit -= amount
	return p
}

func newAccount(a Account, id int, now func() time.Time) (*account, error) {
	if a.Tier == "" {
		a.Tier = TierPremium
	}
	if a.Tier != TierFree && a.Tier != TierPremium {
		return nil, fmt.Errorf("set up account %q: tier %q is neither %s nor %s", a.Name, a.Tier, TierFree, TierPremium)
	}
	if len(a.Keys) == 0 {
		return nil, fmt.Errorf("set up account %q: it has no key, and nobody could call as it", a.Name)
	}
	limits := TierLimits(a.Tier)
	if a.Limits != nil {
		limits = *a.Limits
	}
	for _, q := range limits.Quotas {
		if q.Limit < 1 || q.Span <= 0 {
			return nil, fmt.Errorf("set up account %q: limit %d per %s of the %s window: both must be above zero", a.Name, q.Limit, q.Span, q.Name)
		}
	}
	return &account{
		name: a.Name, keys: a.Keys, id: uint16(id), tier: a.Tier, limits: limits,
		limiter: NewLimiter(limits.Quotas, now),
		purse:   purse{free: a.Free, credit: a.Credit, referral: a.Referral},
	}, nil
}

// state is a consistent view of what may change.
func (a *account) state() (tier string, limits Limits, p purse) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tier, a.limits, a.purse
}

// errInsufficient is the late 402: the work is done and can't be paid for.
var errInsufficient = errors.New("insufficient credits")

// charge takes amount from the credits. With lost updates the new balance is
// computed from the one seen before the work, as the 2025 server did it, so
// that parallel runs overwrite one another's deductions. With strict an
// amount that isn't there is errInsufficient and nothing is taken.
func (a *account) charge(amount money.USD, seen purse, lostUpdate, strict bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	from := a.purse
	if lostUpdate {
		from = seen
	}
	if strict && from.total() < amount {
		return errInsufficient
	}
	a.purse = from.less(amount)
	a.used += amount
	return nil
}

// keyOf is the key that a request carries: x-api-key or a bearer token
// (Swarms docs, capabilities/agent, 2026-07-13).
func keyOf(h http.Header) string {
	if k := h.Get("x-api-key"); k != "" {
		return k
	}
	scheme, token, ok := strings.Cut(h.Get("Authorization"), " ")
	if ok && strings.EqualFold(scheme, "bearer") {
		return strings.TrimSpace(token)
	}
	return ""
}

// find is the account with the key and which of its keys it is.
func find(accounts []*account, key string) (*account, int) {
	for _, a := range accounts {
		for i, k := range a.keys {
			if subtle.ConstantTimeCompare([]byte(k), []byte(key)) == 1 {
				return a, i
			}
		}
	}
	return nil, 0
}
