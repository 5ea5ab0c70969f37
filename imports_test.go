package offpeak

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"strings"
	"testing"
)

const module = "github.com/offpeak/offpeak/"

// rule says what a room may import besides the standard library, and why. A
// room is named by its path below the module; the longest name that fits a
// package is its rule. "std" in deny takes standard packages away again.
type rule struct {
	room  string
	allow []string // module-relative rooms ("money") or full third-party paths; a trailing /... takes what is below
	deny  []string // full import paths, checked first
	why   string
}

var (
	nouns = []string{"batch", "money", "tariff"}
	tests = "the end-to-end tests and benchmarks see everything: they are the users"
)

var rules = []rule{
	{"money", []string{"github.com/shopspring/decimal"}, nil, "dollars outlive every engine, store and provider"},
	{"tariff", []string{"money"}, []string{"net/http", "os"}, "what a run costs depends on the instant and the card, on nothing else"},
	{"batch", nouns, []string{"net/http", "os"}, "the nouns outlive the engine that runs them"},
	{"batch/manifest", append([]string{"go.yaml.in/yaml/v4/..."}, nouns...), []string{"net/http", "os"}, "reading is pure: whoever opened the file hands over its bytes"},
	{"provider", append([]string{"provider"}, nouns...), []string{}, "a provider's client knows HTTP and money; it must not know who retries"},
	{"provider/wire", append([]string{"provider"}, nouns...), nil, "how a paid request leaves, once: every client of a provider is built on it"},
	{"provider/swarms", append([]string{"provider", "provider/wire"}, nouns...), nil, "a dialect knows HTTP and money; it must not know who retries"},
	{"provider/dialect", append([]string{"provider", "provider/wire", "go.yaml.in/yaml/v4/..."}, nouns...), nil, "a declaration and who speaks it: HTTP and money; it must not know who retries"},
	{"simulator", []string{"provider", "provider/swarms", "money", "tariff", "go.yaml.in/yaml/v4/..."}, nil, "it keeps its own books: that is its worth when the books are compared"},
	{"simulator/stage", []string{"simulator", "money", "go.yaml.in/yaml/v4/..."}, nil, "what simulated APIs share: books, faults, switches, a listener; no API in particular"},
	{"simulator/stage/stagetest", []string{"simulator", "simulator/stage"}, nil, "one exam for every simulated API"},
	{"simulator/allswap", []string{"simulator", "simulator/stage", "money", "tariff"}, nil, "it keeps its own books, and knows neither the client nor the other APIs"},
	{"simulator/glyphmill", []string{"simulator", "simulator/stage", "money", "tariff"}, nil, "it keeps its own books, and knows neither the client nor the other APIs"},
	{"simulator/swiftia", []string{"simulator", "simulator/stage", "money", "tariff"}, nil, "it keeps its own books, and knows neither the client nor the other APIs"},
	{"ledger", append([]string{"ledger/...", "github.com/google/uuid"}, nouns...), nil, "the rules of the books know no engine and no provider"},
	{"ledger/internal", append([]string{"ledger/...", "github.com/pressly/goose/v3/..."}, nouns...), nil, "what the SQL stores share: text and migrations, no rules"},
	{"ledger/sqlite", append([]string{"ledger/...", "modernc.org/sqlite/...", "github.com/pressly/goose/v3/..."}, nouns...), nil, "stores hold SQL, no rules"},
	{"ledger/postgres", append([]string{"ledger/...", "github.com/jackc/pgx/v5/...", "github.com/pressly/goose/v3/..."}, nouns...), nil, "stores hold SQL, no rules"},
	{"ledger/open", append([]string{"ledger", "ledger/sqlite", "ledger/postgres"}, nouns...), nil, "the one place that knows every store: worker and operator open the same books"},
	{"ledger/ledgertest", append([]string{"ledger/...", "github.com/google/go-cmp/...", "pgregory.net/rapid", "github.com/google/uuid"}, nouns...), nil, "one exam for every store"},
	{"archive", append([]string{"gocloud.dev/...", "archive", "github.com/aws/aws-sdk-go-v2/config", "github.com/aws/aws-sdk-go-v2/service/s3/..."}, nouns...), nil, "the archive knows bytes and keys"},
	{"lake", append([]string{"archive", "provider/swarms", "golang.org/x/sync/...", "github.com/parquet-go/parquet-go/..."}, nouns...), []string{"net/http"}, "the lake keeps what it is handed: who reads the log, and whose books it is compared with, is the caller's"},
	{"notify", append([]string{"github.com/wneessen/go-mail/...", "github.com/nicholas-fedor/shoutrrr/pkg/..."}, nouns...), nil, "an outside party: it carries one message, and doesn't know when or whether"},
	{"gate", append([]string{"ledger"}, nouns...), []string{"net/http", "os"}, "a judgement without I/O can be repeated"},
	{"audit", append([]string{"ledger"}, nouns...), []string{"net/http", "os"}, "a judgement without I/O can be repeated"},
	{"watch", nouns, []string{"net/http", "os"}, "a judgement without I/O can be repeated: of the same days always the same"},
	{"advice", append([]string{"ledger"}, nouns...), []string{"net/http", "os"}, "advice follows from what is known of a night, and from nothing else"},
	{"report", append([]string{"advice", "ledger", "audit"}, nouns...), []string{"net/http", "os"}, "a report is made from what was judged, by no other means"},
	{"evidence", append([]string{"ledger", "batch/manifest"}, nouns...), []string{"net/http", "os"}, "what proves a batch is read without books, settings or network"},
	{"workflows", append([]string{"go.temporal.io/sdk/workflow", "go.temporal.io/sdk/temporal", "go.temporal.io/sdk/log", "go.temporal.io/api/enums/v1"}, nouns...), []string{"net/http", "os", "math/rand", "math/rand/v2", "crypto/rand"}, "determinism by absence: no hands, no stores, no network in the story"},
	{"activities", append([]string{
		"advice", "archive", "audit", "batch/manifest", "gate", "lake", "ledger", "notify", "provider", "provider/dialect", "provider/swarms", "report", "watch",
		"go.temporal.io/sdk/activity", "go.temporal.io/sdk/temporal", "go.temporal.io/api/enums/v1",
		"go.uber.org/zap/...", "golang.org/x/sync/...", "gocloud.dev/...", "github.com/google/uuid",
	}, nouns...), nil, "the hands never know the story: worker/host alone binds a name to a function"},
	{"codec", append([]string{"internal/fresh", "go.temporal.io/sdk/client", "go.temporal.io/sdk/converter", "go.temporal.io/sdk/temporal", "go.temporal.io/sdk/workflow", "go.temporal.io/api/common/v1", "go.temporal.io/api/failure/v1", "google.golang.org/protobuf/proto"}, nouns...), nil, "how payloads are encrypted: other services import it, to speak to the same workflows"},
	{"internal/config", append([]string{"codec", "internal/...", "go.temporal.io/sdk/client", "go.temporal.io/sdk/contrib/envconfig"}, nouns...), nil, "settings are read once, here"},
	{"internal", []string{"..."}, nil, "helpers of the doors and of tests"},
	{"worker", []string{"worker/host", "internal/...", "batch"}, nil, "main is short enough to read aloud"},
	{"worker/host", []string{"..."}, nil, "the only place that knows both the story and the hands"},
	{"starter", []string{"starter/cli"}, nil, "main is short enough to read aloud"},
	{"starter/nightly", append([]string{"codec", "batch/manifest", "workflows", "go.temporal.io/...", "google.golang.org/...", "golang.org/x/sync/..."}, nouns...), nil, "starting a batch needs Temporal and no database password"},
	{"starter/cli", append([]string{
		"codec", "evidence", "starter/nightly", "starter/cli/...", "starter/books", "starter/switches", "starter/estimate", "starter/httpapi/...", "starter/web", "notify", "batch/manifest", "provider", "provider/dialect", "provider/swarms", "report", "workflows", "internal/...",
		"github.com/spf13/cobra/...", "github.com/spf13/pflag", "github.com/vbauerster/mpb/v8/...", "golang.org/x/term", "golang.org/x/time/rate", "go.temporal.io/...", "go.uber.org/zap/...",
	}, nouns...), nil, "the shell sees what every other door sees: never the hands or the stores"},
	{"starter/books", append([]string{"advice", "evidence", "lake", "ledger", "ledger/open", "archive", "provider", "provider/dialect", "provider/swarms", "report", "internal/config", "github.com/parquet-go/parquet-go/..."}, nouns...), []string{"net/http"}, "an operator's commands read the books and the answers themselves, for when Temporal and every worker are down; it changes nothing"},
	{"starter/estimate", append([]string{"provider/dialect", "advice", "batch/manifest", "provider", "provider/swarms", "internal/config"}, nouns...), nil, "what a batch will cost is the same at every door"},
	{"starter/httpapi", append([]string{
		"starter/httpapi/...", "starter/nightly", "starter/books", "starter/switches", "starter/once", "starter/estimate", "batch/manifest", "archive", "report", "internal/...",
		"github.com/danielgtaylor/huma/v2/...", "go.uber.org/zap/...", "golang.org/x/time/rate", "github.com/google/uuid",
	}, nouns...), nil, "HTTP offers the verbs that every door has: never the hands or the story"},
	{"starter/web", append([]string{
		"starter/httpapi/keys", "starter/httpapi/problem", "starter/nightly", "starter/books", "starter/estimate", "batch/manifest", "report", "workflows", "internal/config",
		"go.uber.org/zap/...", "golang.org/x/sync/singleflight",
	}, nouns...), nil, "a page shows what the other doors tell: never the hands or the stores"},
	{"starter/once", append([]string{"ledger", "ledger/open", "internal/config", "github.com/google/uuid"}, nouns...), []string{"net/http"}, "a request that came twice is found in the books themselves, by every server on them"},
	{"starter/switches", append([]string{"ledger", "ledger/open", "internal/config"}, nouns...), []string{"net/http"}, "whoever pulls a kill switch writes to the books themselves, and asks neither Temporal nor a worker"},
	{"starter/cli/demo", []string{"..."}, nil, "the demo plays everybody: server, provider, worker and user"},
	{"cmd/simulator", []string{"simulator/...", "money", "tariff", "github.com/spf13/cobra"}, nil, "a door to the simulator"},
	{"e2e", []string{"..."}, nil, tests},
	{"bench", []string{"..."}, nil, tests},
	{"examples", []string{"..."}, nil, tests},
	{"docs", []string{"..."}, nil, tests},
	{"e2e/chaos", append([]string{"ledger", "simulator"}, nouns...), []string{"net/http", "os"}, "a plan and a judgement: whoever lives through the night asks the others and hands over what they said"},
	{"deploy", []string{"..."}, nil, tests},
}

// TestImports keeps the walls of the house: who may import whom.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Standard", "-deps", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	std := map[string]bool{}
	var ours []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		std[p.ImportPath] = p.Standard
		if strings.HasPrefix(p.ImportPath, module) {
			ours = append(ours, p)
		}
	}
	if len(ours) < 10 {
		t.Fatalf("only %d packages of our own found: the rule would pass on an empty house", len(ours))
	}
	for _, p := range ours {
		room := strings.TrimPrefix(p.ImportPath, module)
		r, ok := ruleFor(room)
		if !ok {
			t.Errorf("%s: no rule for this room: add one to imports_test.go, with its reason", room)
			continue
		}
		for _, imp := range p.Imports {
			if !permits(r, imp, std[imp]) {
				t.Errorf("%s imports %s, which %q may not: %s", room, imp, r.room, r.why)
			}
		}
	}
}

type listed struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

func ruleFor(room string) (rule, bool) {
	for name := room; name != "."; name = path.Dir(name) {
		for _, r := range rules {
			if r.room == name {
				return r, true
			}
		}
	}
	return rule{}, false
}

func permits(r rule, imp string, std bool) bool {
	for _, d := range r.deny {
		if imp == d {
			return false
		}
	}
	if std {
		return true
	}
	for _, a := range r.allow {
		if a == "..." || matches(a, imp) || matches(module+a, imp) {
			return true
		}
	}
	return false
}

func matches(pattern, imp string) bool {
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return imp == base || strings.HasPrefix(imp, base+"/")
	}
	return imp == pattern
}

// TestRules makes sure that the table itself bites.
func TestRules(t *testing.T) {
	for _, c := range []struct {
		room, imp string
		std, want bool
	}{
		{"workflows", "net/http", true, false},
		{"workflows", module + "activities", false, false},
		{"workflows", module + "batch", false, true},
		{"activities", module + "workflows", false, false},
		{"simulator", module + "ledger", false, false},
		{"ledger/sqlite", module + "provider", false, false},
		{"starter/nightly", module + "ledger/postgres", false, false},
		{"starter/cli", module + "ledger", false, false},
		{"starter/books", module + "ledger/open", false, true},
		{"starter/cli", module + "archive", false, false},
		{"starter/books", module + "activities", false, false},
		{"gate", "os", true, false},
		{"money", "strings", true, true},
	} {
		r, ok := ruleFor(c.room)
		if !ok || permits(r, c.imp, c.std) != c.want {
			t.Errorf("%s importing %s: want %v (rule %q)", c.room, c.imp, c.want, r.room)
		}
	}
}
