package codec_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/codec"
)

const prompt = "zebra-quartz-lantern"

func line(t *testing.T, id string) string {
	t.Helper()
	l, err := codec.NewKey(id)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func open(t *testing.T, lines ...string) *codec.Keys {
	t.Helper()
	k, err := codec.Open(codec.Source{Text: strings.Join(lines, "\n")})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func options(k *codec.Keys) client.Options {
	var o client.Options
	k.Apply(&o)
	return o
}

type job struct{ Name, Task string }

// TestRoundTrip: what one key encrypts, a ring with it reads, wherever it
// stands there; nothing of it is in what leaves.
func TestRoundTrip(t *testing.T) {
	a, b := line(t, "2026-11"), line(t, "2026-12")
	in := job{"Job 1", prompt}
	p, err := options(open(t, a)).DataConverter.ToPayload(in)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := proto.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{prompt, "Job 1", "json/plain", base64.StdEncoding.EncodeToString([]byte(prompt))[:12]} {
		if bytes.Contains(raw, []byte(secret)) {
			t.Errorf("%q can be read in %q", secret, raw)
		}
	}
	if id := string(p.Metadata[codec.KeyIDTag]); id != "2026-11" {
		t.Errorf("it names the key %q", id)
	}
	for name, k := range map[string]*codec.Keys{"alone": open(t, a), "second": open(t, b, a)} {
		var out job
		if err := options(k).DataConverter.FromPayload(p, &out); err != nil || out != in {
			t.Errorf("%s: got %+v, %v", name, out, err)
		}
	}
	if q, err := options(open(t, b, a)).DataConverter.ToPayload(in); err != nil || string(q.Metadata[codec.KeyIDTag]) != "2026-12" {
		t.Errorf("the first of two keys doesn't encrypt: %v, %v", q, err)
	}
	if q, err := options(open(t, a)).DataConverter.ToPayload(in); err != nil || bytes.Equal(q.Data, p.Data) {
		t.Errorf("twice the same: %v", err)
	}
}

// TestPlainIsRead: what was written before there were keys stays readable, and
// without keys nothing changes.
func TestPlainIsRead(t *testing.T) {
	p, err := options(open(t)).DataConverter.ToPayload(job{"a", prompt})
	if err != nil || string(p.Metadata[converter.MetadataEncoding]) != "json/plain" {
		t.Fatalf("without keys: %v, %v", p, err)
	}
	var out job
	if err := options(open(t, line(t, "k"))).DataConverter.FromPayload(p, &out); err != nil || out.Task != prompt {
		t.Errorf("with keys, in clear: %+v, %v", out, err)
	}
}

// TestUnreadable: a missing key, none at all, another of the same name and a
// changed payload are faults that say what to do; and nothing of a key.
func TestUnreadable(t *testing.T) {
	a := line(t, "2026-11")
	dc := options(open(t, a)).DataConverter
	p, err := dc.ToPayload(job{"a", prompt})
	if err != nil {
		t.Fatal(err)
	}
	changed := proto.CloneOf(p)
	changed.Data[len(changed.Data)/2] ^= 1
	renamed := proto.CloneOf(p)
	renamed.Metadata[codec.KeyIDTag] = []byte("other")
	odd := proto.CloneOf(p)
	odd.Metadata[codec.KeyIDTag] = []byte("evil\n\x1b[31m" + strings.Repeat("x", 5000))
	short := proto.CloneOf(p)
	short.Data = short.Data[:5]
	key := a[strings.Index(a, ":")+1:]
	for name, c := range map[string]struct {
		keys []string
		p    *commonpb.Payload
		says []string
	}{
		"another key":          {[]string{line(t, "2026-12")}, p, []string{"key 2026-11", "2026-12", "OFFPEAK_CODEC_KEYS_FILE"}},
		"no keys":              {nil, p, []string{"key 2026-11", "no keys"}},
		"another of this name": {[]string{line(t, "2026-11")}, p, []string{"key 2026-11", "codec check"}},
		"changed":              {[]string{a}, changed, []string{"changed"}},
		"too short":            {[]string{a}, short, []string{"changed"}},
		"under another name":   {[]string{a, "other:" + line(t, "z")[2:]}, renamed, []string{"key other"}},
		"an odd name":          {[]string{a}, odd, []string{`evil\n\x1b`}},
	} {
		var out job
		err := options(open(t, c.keys...)).DataConverter.FromPayload(c.p, &out)
		var f *batch.Fault
		if !errors.As(err, &f) || !errors.Is(err, codec.ErrKey) || f.Kind != batch.BadInput {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		text := f.Error() + f.Hint
		for _, s := range c.says {
			if !strings.Contains(text, s) {
				t.Errorf("%s: %q isn't said: %s", name, s, text)
			}
		}
		if strings.Contains(text, key) || len(text) > 1000 || strings.ContainsAny(f.Error(), "\x1b\n") {
			t.Errorf("%s: %q", name, text)
		}
	}
}

// TestInAWorkflow: what can't be read is an error to a client, and stops a
// workflow, at a panic that names the key.
func TestInAWorkflow(t *testing.T) {
	theirs := options(open(t, line(t, "theirs")))
	p, err := theirs.DataConverter.ToPayload(prompt)
	if err != nil {
		t.Fatal(err)
	}
	fc := theirs.FailureConverter
	failed := fc.ErrorToFailure(temporal.NewApplicationErrorWithOptions(prompt, "DiscountMissed", temporal.ApplicationErrorOptions{
		Details: []any{job{"a", prompt}}, Cause: errors.New("because of " + prompt),
	}))
	if raw, _ := proto.Marshal(failed); bytes.Contains(raw, []byte(prompt)) || failed.GetApplicationFailureInfo().GetType() != "DiscountMissed" {
		t.Errorf("an error: %q", raw)
	}
	var app *temporal.ApplicationError
	var back job
	if err := fc.FailureToError(proto.CloneOf(failed)); !errors.As(err, &app) || app.Message() != prompt || app.Details(&back) != nil || back.Task != prompt {
		t.Errorf("read with the key: %v", err)
	}

	keys := open(t, line(t, "ours"))
	var here client.Options
	keys.Apply(&here)
	if err := here.FailureConverter.FailureToError(proto.CloneOf(failed)); err == nil || !strings.Contains(err.Error(), "key theirs") {
		t.Errorf("read without the key: %v", err)
	}
	keys.ApplyWorker(&here)
	var s string
	if err := here.DataConverter.FromPayload(p, &s); !errors.Is(err, codec.ErrKey) {
		t.Errorf("outside of workflows: %v", err)
	}
	inside := here.DataConverter.(interface {
		WithWorkflowContext(converter.WorkflowContext) converter.DataConverter
	}).WithWorkflowContext(nil)
	for name, read := range map[string]func(){
		"payload":  func() { _ = inside.FromPayload(p, &s) },
		"payloads": func() { _ = inside.FromPayloads(&commonpb.Payloads{Payloads: []*commonpb.Payload{p}}, &s) },
		"failure":  func() { _ = here.FailureConverter.FailureToError(proto.CloneOf(failed)) },
	} {
		func() {
			defer func() {
				if err, ok := recover().(error); !ok || !errors.Is(err, codec.ErrKey) {
					t.Errorf("%s: recovered %v", name, err)
				}
			}()
			read()
		}()
	}
	if codec.Of(here) != keys || codec.Of(client.Options{}) != nil {
		t.Error("Of doesn't know whose keys a client has")
	}
}

// TestKeys: everything that is wrong with keys is said at once, and no key is
// shown.
func TestKeys(t *testing.T) {
	good := line(t, "good")
	key := good[len("good:"):]
	zero := base64.StdEncoding.EncodeToString(make([]byte, 32))
	_, err := codec.Parse("keys", strings.Join([]string{
		"# ours", good + " # kept", key, "Bad Id:" + key, "short:" + key[:20], "base:!" + key[1:], "zero:" + zero, good, "same:" + key,
	}, "\n"))
	if err == nil {
		t.Fatal("it was taken")
	}
	for _, s := range []string{"key 2: it isn't ID:BASE64", "key 3: its id", "short has 15 bytes", "base isn't base64", "zero is all zeros", "good is there twice", "same is the same key as good"} {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q isn't said: %v", s, err)
		}
	}
	if strings.Contains(err.Error(), key[:10]) {
		t.Errorf("a key is shown: %v", err)
	}
	r, err := codec.Parse("keys", good+", "+strings.TrimRight(line(t, "b"), "="))
	if err != nil || fmt.Sprint(r.IDs()) != "[good b]" || len(r.Sum("good")) != 8 || r.Sum("good") == r.Sum("b") || r.Sum("x") != "" {
		t.Errorf("two keys: %v, %v", r.IDs(), err)
	}
	if _, err := codec.Parse("keys", "# none\n"); err == nil {
		t.Error("a file without keys is taken: nothing would be encrypted")
	}
	if _, err := codec.NewKey("Bad"); err == nil {
		t.Error("a bad id is taken")
	}
	if _, err := codec.Open(codec.Source{Text: good, File: "x"}); err == nil {
		t.Error("both sources are taken")
	}
}

// TestAFileIsFollowed: a key is changed while programs run, in the order of
// docs/security.md, and a broken file leaves the keys as they were.
func TestAFileIsFollowed(t *testing.T) {
	now := time.Now()
	path := filepath.Join(t.TempDir(), "keys")
	write := func(lines ...string) {
		t.Helper()
		if err := os.WriteFile(path+".new", []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		now = now.Add(2 * time.Second)
	}
	old, next := line(t, "old"), line(t, "new")
	write(old)
	k, err := codec.Open(codec.Source{File: path, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	var told []error
	k.Tell(func(err error) {
		k.Ring() // as who logs does
		told = append(told, err)
	})
	encode := func(want string) *commonpb.Payload {
		t.Helper()
		p, err := options(k).DataConverter.ToPayload(prompt)
		if err != nil || string(p.Metadata[codec.KeyIDTag]) != want {
			t.Fatalf("encrypted with %s, want %s: %v", p.GetMetadata()[codec.KeyIDTag], want, err)
		}
		return p
	}
	before := encode("old")
	write(old, next)
	encode("old")
	write(next, old)
	encode("new")
	var s string
	if err := options(k).DataConverter.FromPayload(before, &s); err != nil || s != prompt {
		t.Errorf("after the change, with both keys: %q, %v", s, err)
	}
	write("nonsense")
	encode("new")
	if k.Trouble() == nil {
		t.Error("a broken file is no trouble")
	}
	write(next)
	if err := options(k).DataConverter.FromPayload(before, &s); !errors.Is(err, codec.ErrKey) {
		t.Errorf("after the old key went: %v", err)
	}
	if len(told) != 4 || told[2] == nil || errors.Join(told[0], told[1], told[3]) != nil {
		t.Errorf("told %v", told)
	}
}

// TestSize: encryption adds the same few bytes to whatever there is.
func TestSize(t *testing.T) {
	k := open(t, line(t, "2026-11"))
	for _, n := range []int{0, 1, 100, 10_000, 1_000_000} {
		p := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: bytes.Repeat([]byte("x"), n)}
		out, err := k.Encode([]*commonpb.Payload{p})
		if err != nil {
			t.Fatal(err)
		}
		grown := proto.Size(out[0]) - proto.Size(p)
		t.Logf("%d bytes become %d: %d more", proto.Size(p), proto.Size(out[0]), grown)
		if grown < 28 || grown > 110 {
			t.Errorf("%d bytes grow by %d", n, grown)
		}
		again, err := k.Encode(out)
		if err != nil || !proto.Equal(again[0], out[0]) {
			t.Errorf("encrypted twice: %v", err)
		}
	}
}

// FuzzDecode: nothing that somebody writes into Temporal breaks who reads it.
func FuzzDecode(f *testing.F) {
	good, err := codec.NewKey("k")
	if err != nil {
		f.Fatal(err)
	}
	k, err := codec.Open(codec.Source{Text: good})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("binary/encrypted"), []byte("k"), []byte("0123456789012345678901234567890123456789"))
	f.Add([]byte("json/plain"), []byte(""), []byte("{}"))
	f.Fuzz(func(t *testing.T, encoding, id, data []byte) {
		out, err := k.Decode([]*commonpb.Payload{{Metadata: map[string][]byte{"encoding": encoding, codec.KeyIDTag: id}, Data: data}})
		if string(encoding) == codec.Encoding && !errors.Is(err, codec.ErrKey) {
			t.Errorf("it was read: %v, %v", out, err)
		}
	})
}
