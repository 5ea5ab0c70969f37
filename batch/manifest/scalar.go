package manifest

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offpeak/offpeak/money"
)

// reader judges a document. Each of its methods adds what is wrong and says
// whether the value can be used; a broken node was complained about already.
type reader struct {
	*finder
	regulated bool // policy.compliance is regulated
	metered   bool // the provider isn't Swarms: jobs have a request of their own
	total     int  // bytes of all inline requests so far
}

func (r *reader) at(n *node, p *path, value, message, hint string) {
	r.add(n.line, n.column, p, value, message, hint)
}

// want complains about a value of the wrong kind.
func (r *reader) want(n *node, p *path, want string) {
	value, hint := "", ""
	if n.kind == boolean || n.kind == number {
		value = n.literal
	}
	switch {
	case n.kind == broken:
		return
	case n.kind == nothing:
		r.at(n, p, "", "has no value", "give it one or remove the key")
		return
	case strings.HasPrefix(want, "text") && value != "":
		hint = `for text, quote it: "` + clip(value) + `"`
	case n.kind == text && strings.Contains(want, "number") && numberLen(n.literal) == len(n.literal) && n.literal != "":
		hint = "remove the quotes"
	case n.kind == text && want == boolean.String():
		if slices.Contains([]string{"yes", "no", "on", "off", "y", "n"}, strings.ToLower(n.literal)) {
			hint = "yes, no, on and off are text in YAML 1.2"
		}
	}
	r.at(n, p, value, "want "+want+", got "+n.kind.String(), hint)
}

// object checks the kind and, where the list of fields is closed, the fields.
func (r *reader) object(n *node, p *path, what string, known []string) bool {
	if n.kind != object {
		r.want(n, p, "an object")
		return false
	}
	for _, f := range n.fields {
		if known != nil && !slices.Contains(known, f.key) {
			r.add(f.line, f.column, p.field(f.key), "", "is not a field of "+what, suggest(f.key, known))
		}
	}
	return true
}

func (r *reader) text(n *node, p *path) (string, bool) {
	if n.kind != text {
		r.want(n, p, "text")
		return "", false
	}
	return n.literal, true
}

// word is text that isn't blank.
func (r *reader) word(n *node, p *path) (string, bool) {
	s, ok := r.text(n, p)
	if ok && strings.TrimSpace(s) == "" {
		r.at(n, p, "", "is empty", "give it a value or remove the key")
		return "", false
	}
	return s, ok
}

// oneOf is one of a closed list of words.
func (r *reader) oneOf(n *node, p *path, allowed ...string) (string, bool) {
	s, ok := r.text(n, p)
	if ok && !slices.Contains(allowed, s) {
		hint := ""
		if near := nearest(s, allowed); near != "" {
			hint = "did you mean " + near + "?"
		}
		r.at(n, p, s, fmt.Sprintf("%q is not one of: %s", clip(s), strings.Join(allowed, ", ")), hint)
		return "", false
	}
	return s, ok
}

func (r *reader) integer(n *node, p *path, least, most int64) (int64, bool) {
	if n.kind != number {
		r.want(n, p, "a whole number")
		return 0, false
	}
	if strings.ContainsAny(n.literal, ".eE") {
		r.at(n, p, n.literal, "want a whole number, got "+clip(n.literal), "")
		return 0, false
	}
	v, err := strconv.ParseInt(n.literal, 10, 64)
	if err != nil || v < least || v > most {
		r.at(n, p, n.literal, fmt.Sprintf("%s is outside %d to %d", clip(n.literal), least, most), "")
		return 0, false
	}
	return v, true
}

// between is a number within whole bounds, kept as its literal.
func (r *reader) between(n *node, p *path, least, most int64) bool {
	if n.kind != number {
		r.want(n, p, "a number")
		return false
	}
	v, ok := exact(n.literal)
	if !ok || v.Cmp(new(big.Rat).SetInt64(least)) < 0 || v.Cmp(new(big.Rat).SetInt64(most)) > 0 {
		r.at(n, p, n.literal, fmt.Sprintf("%s is outside %d to %d", clip(n.literal), least, most), "")
		return false
	}
	return true
}

// exact is a number literal as a fraction; false for literals so long, or with
// an exponent so large, that nobody means them.
func exact(literal string) (*big.Rat, bool) {
	if len(literal) > 64 {
		return nil, false
	}
	if i := strings.IndexAny(literal, "eE"); i >= 0 && len(literal)-i > 4 {
		return nil, false
	}
	return new(big.Rat).SetString(literal)
}

// dollars is an amount above zero, as a number or as text, exactly.
func (r *reader) dollars(n *node, p *path) (money.USD, bool) {
	if n.kind != number && n.kind != text {
		r.want(n, p, "a number of dollars")
		return 0, false
	}
	v, err := money.Parse(n.literal)
	switch {
	case err != nil:
		r.at(n, p, n.literal, clip(n.literal)+" is not an amount of dollars", fmt.Sprintf("write it as 5.00, with at most %d decimal places", money.Places))
		return 0, false
	case v <= 0:
		r.at(n, p, n.literal, clip(n.literal)+" is not more than zero", "a cap of nothing sends nothing")
		return 0, false
	}
	return v, true
}

// duration is "600s", "10m" or a bare number of seconds.
func (r *reader) duration(n *node, p *path, least, most time.Duration) (time.Duration, bool) {
	var d time.Duration
	var ok bool
	switch n.kind {
	case number:
		d, ok = seconds(n.literal)
	case text:
		var err error
		d, err = time.ParseDuration(n.literal)
		ok = err == nil
	default:
		r.want(n, p, "a duration")
		return 0, false
	}
	switch {
	case !ok:
		r.at(n, p, n.literal, fmt.Sprintf("%q is not a duration", clip(n.literal)), "write 600s, 10m, or a number of seconds without quotes")
	case d < least || d > most:
		r.at(n, p, n.literal, fmt.Sprintf("%s is outside %s to %s", d, least, most), "")
	default:
		return d, true
	}
	return 0, false
}

// seconds turns a number literal into a duration, exactly to the nanosecond.
func seconds(literal string) (time.Duration, bool) {
	v, ok := exact(literal)
	if !ok {
		return 0, false
	}
	v.Mul(v, new(big.Rat).SetInt64(int64(time.Second)))
	if !v.IsInt() || !v.Num().IsInt64() {
		return 0, false
	}
	return time.Duration(v.Num().Int64()), true
}
