package simulator_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/simulator"
)

func TestWhoIsHit(t *testing.T) {
	two := simulator.Chance(250_000)
	hits := func(r simulator.Rule, names ...string) string {
		r.Kind, r.Status = simulator.KindStatus, 503
		w := faulty(t, r)
		var out []string
		for _, n := range names {
			out = append(out, fmt.Sprint(w.post(job(n)).status))
		}
		return strings.Join(out, " ")
	}
	for _, c := range []struct {
		rule  simulator.Rule
		names []string
		want  string
	}{
		{simulator.Rule{Match: "EU"}, []string{"EU Market", "US Market"}, "503 200"},
		{simulator.Rule{Match: id(2)}, []string{tag("a", 1), tag("a", 2)}, "200 503"},
		{simulator.Rule{Match: "/Market$/"}, []string{tag("EU Market", 1), "Market share", "Market"}, "503 200 503"},
		{simulator.Rule{Match: "*", Attempts: simulator.Attempts{From: 1, To: 2}}, []string{"a", "a", "a", "b"}, "503 503 200 503"},
		{simulator.Rule{Match: "*", Attempts: simulator.Attempts{From: 2, To: 2}}, []string{"a", "a", "a"}, "200 503 200"},
		{simulator.Rule{Match: "*", Times: 2}, []string{"a", "b", "c"}, "503 503 200"},
		{simulator.Rule{Match: "*", Endpoint: "/v1/swarm/batch/completions"}, []string{"a"}, "200"},
	} {
		if got := hits(c.rule, c.names...); got != c.want {
			t.Errorf("%+v: %s, want %s", c.rule, got, c.want)
		}
	}
	var many []string
	for i := range 800 {
		many = append(many, fmt.Sprint("job ", i))
	}
	chancy := simulator.Rule{Match: "*", Probability: &two, Seed: 3}
	first := hits(chancy, many...)
	if n := strings.Count(first, "503"); n < 150 || n > 250 {
		t.Errorf("a quarter of 800 is %d", n)
	}
	if first != hits(chancy, many...) {
		t.Error("the same seed hits others the second time")
	}
	chancy.Seed = 4
	if first == hits(chancy, many...) {
		t.Error("another seed hits the same")
	}
}
