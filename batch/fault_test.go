package batch

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// exits is what each kind means to a shell: the table that people script
// against.
var exits = map[Kind]int{
	BadInput: 2, KeyRefused: 2, NotFound: 2, NightClaimed: 2, ManifestDiffers: 2,
	CreditsTooLow: 4, OverBudget: 4,
	RateLimited: 6, NotSent: 6, OutcomeUnknown: 6, OutOfReach: 6,
	RejectedByAPI: 3,
	Cancelling:    130,
	Waiting:       1, Internal: 1,
	DiscountMissed: 5, BillingMissing: 5, OutcomesUnknown: 5, BooksDisagree: 5, NothingToJudge: 5,
}

func TestEveryKindHasAnExitCode(t *testing.T) {
	declared := kindsInSource(t)
	if len(declared) < 20 {
		t.Fatalf("found only %d kinds in fault.go: the search is broken", len(declared))
	}
	for _, k := range declared {
		want, listed := exits[k]
		if !listed {
			t.Errorf("kind %s has no exit code in this table: decide on one", k)
		} else if got := k.ExitCode(); got != want {
			t.Errorf("%s exits with %d, want %d", k, got, want)
		}
	}
	if len(declared) != len(exits) {
		t.Errorf("%d kinds declared, %d in the table", len(declared), len(exits))
	}
	if got := Kind("").ExitCode(); got != ExitDone {
		t.Errorf("no fault exits with %d", got)
	}
	if got := Kind("Unheard").ExitCode(); got != ExitInternal {
		t.Errorf("an unknown kind exits with %d", got)
	}
}

// kindsInSource reads the constants of type Kind, so that a new one can't be
// forgotten in the table above. Their names and values are the same word.
func kindsInSource(t *testing.T) []Kind {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "fault.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []Kind
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "Kind" {
			value := strings.Trim(spec.Values[0].(*ast.BasicLit).Value, `"`)
			if value != spec.Names[0].Name {
				t.Errorf("constant %s has the value %q: people look for one and find the other", spec.Names[0].Name, value)
			}
			kinds = append(kinds, Kind(value))
		}
		return true
	})
	return kinds
}

func TestFaultError(t *testing.T) {
	for _, c := range []struct {
		fault Fault
		want  string
	}{
		{Fault{Kind: Internal, Op: "plan"}, "plan: Internal"},
		{Fault{Kind: BadInput, Op: "read manifest", Thing: "a.yaml", Detail: "no jobs"}, "read manifest a.yaml: BadInput: no jobs"},
		{
			Fault{Kind: KeyRefused, Op: "POST /v1/swarm/completions", Status: 401, Detail: "Invalid API key", Hint: "look at SWARMS_API_KEY"},
			"POST /v1/swarm/completions: KeyRefused (HTTP 401): Invalid API key",
		},
		{Fault{Kind: NotSent, Op: "POST /x", Err: io.ErrUnexpectedEOF}, "POST /x: NotSent: unexpected EOF"},
		{Fault{Kind: NotSent, Op: "POST /x", Detail: "said", Err: io.EOF}, "POST /x: NotSent: said"},
	} {
		if got := c.fault.Error(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestKindOf(t *testing.T) {
	inner := &Fault{Kind: RateLimited, Op: "x", Err: io.EOF}
	for _, c := range []struct {
		err  error
		want Kind
	}{
		{nil, ""},
		{io.EOF, Internal},
		{inner, RateLimited},
		{fmt.Errorf("outer: %w", inner), RateLimited},
		{&Fault{Kind: OutOfReach, Err: inner}, OutOfReach}, // the outermost speaks
		{errors.Join(io.EOF, inner), RateLimited},
	} {
		if got := KindOf(c.err); got != c.want {
			t.Errorf("KindOf(%v) = %q, want %q", c.err, got, c.want)
		}
	}
	if !errors.Is(inner, io.EOF) {
		t.Error("the cause of a fault is lost")
	}
}

// A fault travels as JSON in a Temporal failure's details. Its cause stays
// behind: it may hold a URL or a header.
func TestFaultJSON(t *testing.T) {
	in := Fault{
		Kind: RateLimited, Op: "POST /v1/swarm/completions", Thing: "EU Market Digest", Moved: MovedNo, Status: 429,
		Detail: "slow down", Hint: "wait", After: 1500 * time.Millisecond, Err: errors.New("https://user:secret@host"),
	}
	b, err := json.Marshal(&in)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), "secret") {
		t.Errorf("the cause was written: %s", b)
	}
	var out Fault
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, out, cmpopts.IgnoreFields(Fault{}, "Err")); diff != "" {
		t.Error(diff)
	}
	if b, _ = json.Marshal(&Fault{Kind: Internal, Op: "plan"}); string(b) != `{"kind":"Internal","op":"plan"}` {
		t.Errorf("empty fields are written: %s", b)
	}
}
