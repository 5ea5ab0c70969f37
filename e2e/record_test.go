package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"
	"google.golang.org/protobuf/encoding/protojson"
)

var (
	recordInto = flag.String("record", "", "write the histories of this run into a new folder of workflows/testdata/histories, named after a release: make histories")

	release  = regexp.MustCompile(`^v[0-9]+(\.[0-9]+){0,2}(-[a-z0-9.]+)?$`)
	recorded = struct { // of this run
		sync.Mutex
		kinds []string
	}{}
)

// history is a workflow's history as text, payloads decoded; and keeps it as
// one of a kind, when histories are recorded.
func (h *house) history(id, kind string) string {
	h.t.Helper()
	var b strings.Builder
	all := h.events(id)
	for _, e := range all.Events {
		b.WriteString(e.String()) // protobuf text: payload bytes as readable strings
		b.WriteByte('\n')
	}
	h.keep(kind, all)
	return b.String()
}

// record keeps a workflow's history, when histories are recorded.
func (h *house) record(id, kind string) {
	h.t.Helper()
	if *recordInto != "" {
		h.keep(kind, h.events(id))
	}
}

func (h *house) events(id string) *historypb.History {
	h.t.Helper()
	var all historypb.History
	events := h.client.GetWorkflowHistory(h.t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			h.t.Fatal(err)
		}
		all.Events = append(all.Events, e)
	}
	return &all
}

var loopback = regexp.MustCompile(`127\.0\.0\.1:[0-9]+`)

// keep writes a history where the replay test finds it, with this machine's
// paths, names and ports taken out, and its digest beside it. What is there
// already stays as it is: the first of a kind counts, and a release that was
// recorded is never recorded again.
func (h *house) keep(kind string, all *historypb.History) {
	h.t.Helper()
	if *recordInto == "" {
		return
	}
	if !release.MatchString(*recordInto) {
		h.t.Fatalf("-record %q: it is named after a release, such as v0.1.0", *recordInto)
	}
	recorded.Lock()
	defer recorded.Unlock()
	if slices.Contains(recorded.kinds, kind) {
		return
	}
	host, err := os.Hostname()
	if err != nil {
		h.t.Fatal(err)
	}
	clean := func(data []byte) []byte {
		return loopback.ReplaceAll(bytes.ReplaceAll(data, []byte(h.dir), []byte("/srv/night")), []byte("127.0.0.1:8787"))
	}
	err = proxy.VisitPayloads(h.t.Context(), all, proxy.VisitPayloadsOptions{
		Visitor: func(_ *proxy.VisitPayloadsContext, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
			for _, p := range payloads {
				p.Data = clean(p.Data)
			}
			return payloads, nil
		},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	data, err := protojson.Marshal(all)
	if err != nil {
		h.t.Fatal(err)
	}
	data = regexp.MustCompile(`"identity":\s*"[^"]*"`).ReplaceAll(data, []byte(`"identity":"worker"`))
	data = clean(bytes.ReplaceAll(data, []byte(`"`+host+`:`), []byte(`"worker:`))) // sticky queues
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, data, "", " "); err != nil {
		h.t.Fatal(err)
	}
	pretty.WriteByte('\n')
	dir := filepath.Join("..", "workflows", "testdata", "histories", *recordInto)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		h.t.Fatal(err)
	}
	for _, f := range []struct {
		name string
		flag int
		text []byte
	}{
		{kind + ".json", os.O_CREATE | os.O_EXCL, pretty.Bytes()},
		{"SHA256SUMS", os.O_CREATE | os.O_APPEND, fmt.Appendf(nil, "%x  %s.json\n", sha256.Sum256(pretty.Bytes()), kind)},
	} {
		file, err := os.OpenFile(filepath.Join(dir, f.name), os.O_WRONLY|f.flag, 0o644)
		if err == nil {
			_, err = file.Write(f.text)
			err = errors.Join(err, file.Close())
		}
		if err != nil {
			h.t.Fatalf("%v: a recorded history is never replaced; name another release", err)
		}
	}
	recorded.kinds = append(recorded.kinds, kind)
}
