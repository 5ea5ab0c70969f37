package httpapi_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/httpapi"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

const batches = "/v1/batches"

// TestManifestMistakes: everything at once, each with its place.
func TestManifestMistakes(t *testing.T) {
	t.Parallel()
	bad := "name: Bad Name\nbudgt: {batch: 1}\njobs:\n  - {name: a, tsk: 1}\n  - {name: a}\n"
	for _, path := range []string{batches, "/v1/validations", "/v1/estimates"} {
		p := want[problem.Problem](t, http.StatusUnprocessableEntity, call{method: http.MethodPost, path: path, body: bad, contentType: "application/yaml"})
		fields := map[string]int{}
		for _, e := range p.Errors {
			fields[e.Field] = e.Line
			if e.Source != "body" || e.Line == 0 || e.Column == 0 || e.Detail == "" {
				t.Errorf("%+v", e)
			}
		}
		if fields["name"] != 1 || fields["budgt"] != 2 || fields["jobs[1].name"] != 5 || p.Hint == "" {
			t.Errorf("%s: %+v", path, p)
		}
		for _, body := range []string{"[]", "name", `{"manifest":7}`, `{"manifest":"file:///x","jobs":[]}`, `{"manifest":"file:///x","name":"No Name"}`, `{"name":"a","jobs_from":"jobs.jsonl"}`, "{}"} {
			if p := want[problem.Problem](t, http.StatusUnprocessableEntity, call{method: http.MethodPost, path: path, body: body}); p.Kind != batch.BadInput {
				t.Errorf("%s %s: %+v", path, body, p)
			}
		}
	}
}

// TestIdempotency: the same key and body is one start, at the same moment, from
// another server, after a restart, and when the night is over.
func TestIdempotency(t *testing.T) {
	t.Parallel()
	m := nightOf("idempotent", -2*time.Hour, "one")
	c := call{method: http.MethodPost, path: batches, body: m, header: map[string]string{"Idempotency-Key": "monday's"}}
	answers := make([]answer, 10)
	var crew sync.WaitGroup
	for i := range answers {
		crew.Go(func() { answers[i] = do(t, c) })
	}
	crew.Wait()
	replayed := 0
	for _, a := range answers {
		if a.status != http.StatusCreated || a.body != answers[0].body || a.header.Get("Location") != "/v1/batches/"+string(read[startedAs](t, a).Batch) {
			t.Errorf("%d %v %s", a.status, a.header, a.body)
		}
		if a.header.Get("Idempotency-Replayed") == "true" {
			replayed++
		}
	}
	if replayed != len(answers)-1 {
		t.Errorf("%d of %d are replays", replayed, len(answers))
	}
	n := read[startedAs](t, answers[0])
	over(t, n)

	// A server that was started since, and the night is over: still the first run.
	api, err := httpapi.New(httpapi.Options{Client: world.client, Env: world.env})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := api.Close(); err != nil {
			t.Error(err)
		}
	}()
	c.server = serve(t, api)
	if a := do(t, c); a.status != http.StatusCreated || a.body != answers[0].body || a.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if n := want[startedAs](t, http.StatusCreated, call{method: http.MethodPost, path: batches, body: m}); n.RunID == read[startedAs](t, answers[0]).RunID {
		t.Error("without the key a night that is over isn't started again")
	}

	// Other work under the same key; the key of somebody else.
	c.body = nightOf("idempotent", -2*time.Hour, "two")
	if p := want[problem.Problem](t, http.StatusUnprocessableEntity, c); p.Kind != problem.KeyReused || strings.Contains(p.Error(), "monday") {
		t.Errorf("%+v", p)
	}

	// An error isn't kept: the same key goes with the body that was mended.
	c = call{method: http.MethodPost, path: batches, body: `{"name":"mended"}`, header: map[string]string{"Idempotency-Key": "tuesday's"}}
	want[problem.Problem](t, http.StatusUnprocessableEntity, c)
	c.body = nightOf("mended", 6*time.Hour, "one")
	want[startedAs](t, http.StatusCreated, c)
}

// TestRoots: a URL may only name what lies below an allowed root.
func TestRoots(t *testing.T) {
	t.Parallel()
	root := filepath.Join(world.dir, "roots")
	if err := os.MkdirAll(filepath.Join(root, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return "file://" + path
	}
	jobs := write("sub/jobs.jsonl", `{"name":"one","task":"t","agents":[{"agent_name":"A","model_name":"gpt-4o-mini","max_tokens":64}]}`+"\n")
	header := "window: {timezone: UTC, open: \"" + time.Now().UTC().Add(6*time.Hour).Format("15:04") + "\", close: \"" + time.Now().UTC().Add(14*time.Hour).Format("15:04") + "\"}\n"
	good := write("night.yaml", "name: by-url\njobs_from: sub/jobs.jsonl\n"+header)
	out := write("out.yaml", "name: out\njobs_from: ../../offpeak.db\n"+header)
	for _, path := range []string{batches, "/v1/validations", "/v1/estimates"} {
		refused := func(status int, kind batch.Kind, body string) {
			t.Helper()
			if p := want[problem.Problem](t, status, call{method: http.MethodPost, path: path, body: body}); p.Kind != kind || p.Hint == "" {
				t.Errorf("%s %s: %+v", path, body, p)
			}
		}
		for _, url := range []string{
			"file:///etc/passwd", "file://" + root, "file://" + root + "-else/x.yaml", "file://" + world.dir + "/offpeak.db",
			"s3://other/x.yaml", "s3://nights/in/x.yaml", "s3://nights/in/x.yaml?region=r&endpoint=http://169.254.169.254",
		} {
			refused(http.StatusForbidden, problem.Forbidden, fmt.Sprintf(`{"manifest":%q,"name":"x"}`, url))
			refused(http.StatusForbidden, problem.Forbidden, fmt.Sprintf(`{"name":"x","jobs_from":%q}`, url))
		}
		for _, url := range []string{"file://" + root + "/../offpeak.db", "file://" + root + "/%2e%2e/offpeak.db", "file://" + root + "/%252e%252e/x", "file://host/x", "http://127.0.0.1/x", "s3://user:secret@b/x", "file://" + root + "//x"} {
			refused(http.StatusUnprocessableEntity, batch.BadInput, fmt.Sprintf(`{"name":"x","jobs_from":%q}`, url))
		}
		refused(http.StatusUnprocessableEntity, batch.BadInput, fmt.Sprintf(`{"manifest":%q}`, out))
		refused(http.StatusUnprocessableEntity, batch.BadInput, fmt.Sprintf(`{"manifest":%q,"name":"another"}`, good))
		refused(http.StatusNotFound, batch.NotFound, fmt.Sprintf(`{"manifest":"file://%s/none.yaml"}`, root))
		refused(http.StatusServiceUnavailable, batch.OutOfReach, `{"manifest":"s3://nights/in/x.yaml?endpoint=http://127.0.0.1:1&region=r"}`)
	}
	for _, path := range []string{"/v1/validations", "/v1/estimates"} {
		c := want[struct{ Jobs int }](t, http.StatusOK, call{method: http.MethodPost, path: path, body: fmt.Sprintf(`{"manifest":%q}`, good), key: world.read})
		if c.Jobs != 1 {
			t.Errorf("%s: %+v", path, c)
		}
		p := want[problem.Problem](t, http.StatusConflict, call{method: http.MethodPost, path: path, body: fmt.Sprintf(`{"manifest":"file://%s/none.yaml","name":"far"}`, root)})
		if p.Kind != problem.Conflict {
			t.Errorf("%+v", p)
		}
	}
	if n := startOf(t, fmt.Sprintf(`{"manifest":%q}`, good)); n.Batch.Name() != "by-url" {
		t.Errorf("%+v", n)
	}
	if n := startOf(t, fmt.Sprintf(`{"manifest":"file://%s/none.yaml","name":"far"}`, root)); n.Batch.Name() != "far" {
		t.Errorf("%+v", n)
	}
	e := want[map[string]any](t, http.StatusOK, call{
		method: http.MethodPost, path: "/v1/estimates", contentType: "application/yaml", key: world.read,
		body: "name: inline\njobs_from: " + strings.TrimPrefix(jobs, "file://") + "\n",
	})
	if e["jobs"] != 1.0 || e["by_night"] == "0.000000" {
		t.Errorf("%+v", e)
	}
}

// TestLoopbackRoots: one user on loopback may name anything but the places
// where clouds keep credentials.
func TestLoopbackRoots(t *testing.T) {
	t.Parallel()
	r := httpapi.AnyRoot()
	for url, want := range map[string]batch.Kind{
		"file:///srv/x.yaml": "", "/srv/x.jsonl": "", "s3://b/x?region=r": "", "s3://b/x?endpoint=https://minio.internal:9000": "",
		"s3://b/x?endpoint=http://169.254.169.254": problem.Forbidden, "s3://b/x?endpoint=http://[fe80::1]:80": problem.Forbidden,
		"s3://b/x?endpoint=http://[::ffff:169.254.169.254]": problem.Forbidden, "s3://b/x?endpoint=http://[fd00:ec2::254]": problem.Forbidden,
		"s3://b/x?endpoint=%zz": batch.BadInput, "file:///srv/../etc/x": batch.BadInput, "x.jsonl": batch.BadInput, "s3://b/": batch.BadInput,
	} {
		if err := r.Allow("jobs_from", url); batch.KindOf(err) != want {
			t.Errorf("%s: %v, want %s", url, err, want)
		}
	}
	_, err := httpapi.ParseRoots([]string{"file:///ok/", "file://host/x", "https://x", "s3://", "s3://u:hunter2@b/", "file:///a/../b"})
	if batch.KindOf(err) != batch.BadInput || strings.Count(err.Error(), "entry ") != 5 || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}

// TestUpload: what is uploaded runs; what is wrong leaves nothing.
func TestUpload(t *testing.T) {
	t.Parallel()
	up := func(body string) call {
		return call{method: http.MethodPost, path: "/v1/uploads", body: body, contentType: "application/x-ndjson"}
	}
	var lines strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&lines, `{"name":"job %d","task":"t","swarm_type":"AgentRearrange"}`+"\n", i)
	}
	u := want[struct {
		URL, SHA256 string
		Jobs        int
		Bytes       int64
	}](t, http.StatusCreated, up(lines.String()))
	if u.Jobs != 2000 || u.Bytes != int64(lines.Len()) || len(u.SHA256) != 64 {
		t.Errorf("%+v", u)
	}
	var large strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&large, `{"name":"another job %d","task":"t","agents":[]}`+"\n", i)
	}
	files := func() int {
		all, err := filepath.Glob(filepath.Join(world.dir, "archive", "uploads", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	if files() != 1 {
		t.Errorf("%d uploads", files())
	}
	p := want[problem.Problem](t, http.StatusUnprocessableEntity, up(`{"name":"a","task":"t"}`+"\n"+`{"name":"a"}`+"\n"+`{"task":7}`+"\n{"))
	if len(p.Errors) < 4 || p.Errors[0].Line != 2 || p.Errors[len(p.Errors)-1].Line != 4 {
		t.Errorf("%+v", p)
	}
	want[problem.Problem](t, http.StatusUnprocessableEntity, up("\n\n"))
	want[problem.Problem](t, http.StatusRequestEntityTooLarge, up(lines.String()+large.String()))
	if files() != 1 {
		t.Errorf("%d uploads after broken ones", files())
	}
	body := strings.Replace(nightOf("uploaded", -2*time.Hour), `"jobs":[]`, fmt.Sprintf(`"jobs_from":%q`, u.URL), 1)
	if c := want[struct{ Jobs int }](t, http.StatusOK, call{method: http.MethodPost, path: "/v1/validations", body: strings.Replace(body, `"defaults":{`, `"defaults":{"rearrange_flow":"A",`, 1)}); c.Jobs != 2000 {
		t.Errorf("%+v", c)
	}
	one := want[struct{ URL string }](t, http.StatusCreated, up(`{"name":"one","task":"t"}`))
	n := startOf(t, strings.Replace(nightOf("uploaded", -2*time.Hour), `"jobs":[]`, fmt.Sprintf(`"jobs_from":%q`, one.URL), 1))
	over(t, n)
	if s := want[statusAs](t, http.StatusOK, call{path: n.Links["self"]}); s.Jobs.Succeeded != 1 {
		t.Errorf("%+v", s)
	}
}

// TestRefusedForMoney: a night that may not be sent has no report, and says why.
func TestRefusedForMoney(t *testing.T) {
	t.Parallel()
	n := startOf(t, strings.Replace(nightOf("poor", -2*time.Hour, "one"), `"policy"`, `"budget":{"per_job":"0.000001","batch":"0.000001"},"policy"`, 1))
	over(t, n)
	if p := want[problem.Problem](t, http.StatusPaymentRequired, call{path: n.Links["report"]}); p.Kind != batch.OverBudget || p.Hint == "" {
		t.Errorf("%+v", p)
	}
}
