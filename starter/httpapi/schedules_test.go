package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

// TestSchedules makes one, holds it, lets it start a night at once, and removes
// it.
func TestSchedules(t *testing.T) {
	t.Parallel()
	const all = "/v1/schedules"
	type scheduleAs struct {
		ID, Kind, Zone, At, Note string
		Paused                   bool
		Next                     []time.Time
		Recent                   []struct{ State string }
	}
	post := func(path, body string) call { return call{method: http.MethodPost, path: path, body: body} }
	m := nightOf("scheduled", 6*time.Hour, "one")
	made := want[scheduleAs](t, http.StatusCreated, post(all, fmt.Sprintf(`{"id":"mine","manifest":%s,"paused":true,"note":"for a test","days":["mon","tue"],"catch_up":"1h"}`, m)))
	if made.ID != "mine" || made.Zone != "UTC" || !made.Paused {
		t.Errorf("%+v", made)
	}
	if p := want[problem.Problem](t, http.StatusConflict, post(all, fmt.Sprintf(`{"id":"mine","manifest":%s}`, m))); p.Kind != problem.Conflict {
		t.Errorf("%+v", p)
	}
	p := want[problem.Problem](t, http.StatusUnprocessableEntity, post(all, fmt.Sprintf(`{"manifest":%s,"at":"25:00","zone":"Mars/Olympus"}`, m)))
	if len(p.Errors) != 2 || p.Errors[0].Field != "at" || p.Errors[1].Field != "zone" {
		t.Errorf("%+v", p)
	}
	want[problem.Problem](t, http.StatusUnprocessableEntity, post(all, `{"days":["someday"],"surprise":1}`))
	want[problem.Problem](t, http.StatusUnprocessableEntity, post(all, `{"reconcile":true,"catch_up":"soon"}`))
	want[problem.Problem](t, http.StatusNotFound, post(all, fmt.Sprintf(`{"manifest":"file://%s/roots/none.yaml"}`, world.dir)))
	want[problem.Problem](t, http.StatusForbidden, post(all, `{"manifest":"file:///etc/passwd","name":"x"}`))
	if s := want[scheduleAs](t, http.StatusOK, post(all+"/mine/resume", `{"why":"let it go"}`)); s.Paused || !strings.Contains(s.Note, "a-operate-key") {
		t.Errorf("%+v", s)
	}
	if s := want[scheduleAs](t, http.StatusOK, post(all+"/mine/pause", "")); !s.Paused {
		t.Errorf("%+v", s)
	}
	until(t, call{path: all, key: world.read}, func(a answer) bool { return strings.Contains(a.body, `"mine"`) }) // a list is a moment behind

	want[scheduleAs](t, http.StatusAccepted, call{method: http.MethodPost, path: all + "/mine/trigger"})
	until(t, call{path: all + "/mine"}, func(a answer) bool { return len(read[scheduleAs](t, a).Recent) == 1 })
	for _, again := range []call{{method: http.MethodPost, path: all + "/mine/trigger"}} {
		if p := want[problem.Problem](t, http.StatusConflict, again); p.Kind != batch.NightClaimed {
			t.Errorf("%+v", p)
		}
	}
	want[scheduleAs](t, http.StatusCreated, post(all, `{"reconcile":true,"paused":true}`))
	now := time.Now().UTC()
	stretch := fmt.Sprintf(`{"from":%q,"to":%q}`, now.Add(-50*time.Hour).Format(time.RFC3339), now.Add(-time.Hour).Format(time.RFC3339))
	want[scheduleAs](t, http.StatusAccepted, post(all+"/reconcile/backfill", stretch))
	if p := want[problem.Problem](t, http.StatusUnprocessableEntity, post(all+"/mine/backfill", stretch)); p.Kind != batch.BadInput {
		t.Errorf("%+v", p)
	}
	for _, id := range []string{"mine", "reconcile"} {
		if a := do(t, call{method: http.MethodDelete, path: all + "/" + id}); a.status != http.StatusNoContent || a.body != "" {
			t.Errorf("%d %s", a.status, a.body)
		}
		until(t, call{path: all + "/" + id}, func(a answer) bool { return a.status == http.StatusNotFound })
	}
}
