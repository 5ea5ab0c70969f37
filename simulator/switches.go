package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/offpeak/offpeak/money"
)

// Switches are the ways in which the API may behave, where the public sources
// differ, are silent, or changed with time. Each may be changed while the
// simulator runs. The zero value of each is its default.
type Switches struct {
	BatchShape    string `json:"batch_shape"`    // A (list of result items, the newest), B (items like single answers), C (object with results), D (no usage), E (task, output and metadata)
	BatchOrder    string `json:"batch_order"`    // completion (docs of 2026-07-13), request, shuffled
	BatchUnlogged bool   `json:"batch_unlogged"` // batch items write no log row and count towards no limit, as in the 2025 server
	BatchCap      int    `json:"batch_cap"`      // most items of a batch; 0 for no cap (docs of 2026-07-13), 10 in older docs

	Discount      string       `json:"discount"`             // honest; off: full price by night and no flag; lie: flags without the arithmetic, as in the docs' examples
	DiscountClock string       `json:"discount_clock"`       // finish (billing code), arrival
	Multiplier    *money.Ratio `json:"multiplier,omitempty"` // token multiplier instead of the card's, inside the window
	Billing       string       `json:"billing"`              // full; untyped: no discount_type and _percentage; metadata: billing_info there and no usage; tokens: no billing_info; none: no usage
	Numbers       string       `json:"numbers"`              // six_places, python_floats, unrounded

	Credits     string `json:"credits"`      // atomic; lost_update, as in the 2025 server
	Late402     bool   `json:"late_402"`     // work that can't be paid for ends in a 500 "402: ..."
	InvalidKey  int    `json:"invalid_key"`  // 401 (docs) or 403 (2025 server)
	MissingKey  int    `json:"missing_key"`  // 401 (docs) or 422 (2025 server)
	Premium403  string `json:"premium_403"`  // error (object), detail (string, older)
	WrapErrors  bool   `json:"wrap_errors"`  // 400 and 403 from inside a run surface as 500 "400: ...", as in the 2025 server
	LongNames   string `json:"long_names"`   // 422; cut: names above 100 characters lose their end
	AnyModel    bool   `json:"any_model"`    // models that the simulator doesn't know are taken for real
	CancelLost  bool   `json:"cancel_lost"`  // a client that leaves ends its work unbilled; else the work goes on
	CountOn     string `json:"count_on"`     // completion (docs of 2026-07-13); request: when accepted, a batch as one
	Strict      bool   `json:"strict"`       // every billable POST counts on arrival at the limiter: the N+1th in a window is refused however quickly it comes
	RetryAfter  string `json:"retry_after"`  // truthful; minute: of the minute window alone; absent; fraction; http_date
	RateHeaders string `json:"rate_headers"` // documented; none

	LogLag    Duration `json:"log_lag"`        // how long after its end a run shows in the log
	LogSpread Duration `json:"log_lag_spread"` // at most so much longer, drawn for each run from seed and name: rows then come in any order
	LogDrop   Chance   `json:"log_drop"`       // the part of runs that never do
	LogCount  string   `json:"log_count"`      // null (docs of 2026-07-13), int

	UsageReport    bool   `json:"usage_report"`    // /v1/usage/report answers; else 404
	AvailableShape string `json:"available_shape"` // status, success
	CostsShape     string `json:"costs_shape"`     // nested, flat (older)
	NoGzip         bool   `json:"no_gzip"`
}

// choice is a switch with named positions, the default first.
type choice struct {
	name  string
	at    *string
	words []string
}

func (s *Switches) choices() []choice {
	return []choice{
		{"batch_shape", &s.BatchShape, []string{"A", "B", "C", "D", "E"}},
		{"batch_order", &s.BatchOrder, []string{"completion", "request", "shuffled"}},
		{"discount", &s.Discount, []string{"honest", "off", "lie"}},
		{"discount_clock", &s.DiscountClock, []string{"finish", "arrival"}},
		{"billing", &s.Billing, []string{"full", "untyped", "metadata", "tokens", "none"}},
		{"numbers", &s.Numbers, []string{NumbersSixPlaces, NumbersFloats, NumbersUnrounded}},
		{"credits", &s.Credits, []string{"atomic", "lost_update"}},
		{"premium_403", &s.Premium403, []string{"error", "detail"}},
		{"long_names", &s.LongNames, []string{"422", "cut"}},
		{"count_on", &s.CountOn, []string{"completion", "request"}},
		{"retry_after", &s.RetryAfter, []string{"truthful", "minute", "absent", "fraction", "http_date"}},
		{"rate_headers", &s.RateHeaders, []string{"documented", "none"}},
		{"log_count", &s.LogCount, []string{"null", "int"}},
		{"available_shape", &s.AvailableShape, []string{"status", "success"}},
		{"costs_shape", &s.CostsShape, []string{"nested", "flat"}},
	}
}

// fill sets defaults and says all that is wrong.
func (s *Switches) fill() error {
	var errs []error
	for _, c := range s.choices() {
		if *c.at == "" {
			*c.at = c.words[0]
		}
		if !slices.Contains(c.words, *c.at) {
			errs = append(errs, fmt.Errorf("switch %s: %q is none of %s", c.name, *c.at, strings.Join(c.words, ", ")))
		}
	}
	if s.InvalidKey == 0 {
		s.InvalidKey = 401
	}
	if s.MissingKey == 0 {
		s.MissingKey = 401
	}
	if s.InvalidKey != 401 && s.InvalidKey != 403 {
		errs = append(errs, fmt.Errorf("switch invalid_key: %d is neither 401 nor 403", s.InvalidKey))
	}
	if s.MissingKey != 401 && s.MissingKey != 422 {
		errs = append(errs, fmt.Errorf("switch missing_key: %d is neither 401 nor 422", s.MissingKey))
	}
	if s.BatchCap < 0 {
		errs = append(errs, fmt.Errorf("switch batch_cap: %d is negative", s.BatchCap))
	}
	if m := s.Multiplier; m != nil && (*m < 0 || *m > money.One) {
		errs = append(errs, fmt.Errorf("switch multiplier: %s is not within 0 and 1", *m))
	}
	return errors.Join(errs...)
}

// merge is s with what the JSON object changes; fields that it doesn't know
// and values that don't exist are errors.
func (s Switches) merge(object []byte) (Switches, error) {
	d := json.NewDecoder(bytes.NewReader(object))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return s, fmt.Errorf("read switches: %w", err)
	}
	return s, s.fill()
}

// ParseSwitches reads a JSON object such as {"batch_shape": "C"}.
func ParseSwitches(object []byte) (Switches, error) { return Switches{}.merge(object) }
