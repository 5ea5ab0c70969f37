package chaos

import (
	"reflect"
	"strings"
	"testing"
)

// TestDrawAgain: a seed is the same night every time, says so in words, and
// another seed is another night.
func TestDrawAgain(t *testing.T) {
	t.Parallel()
	stories := map[string]uint64{}
	for seed := range uint64(500) {
		for _, size := range []Size{Short, Full} {
			p := Draw(seed, size, true)
			if !reflect.DeepEqual(p, Draw(seed, size, true)) {
				t.Fatalf("seed %d is drawn differently the second time", seed)
			}
			if p.Jobs < 50 || p.Jobs > size.Jobs || len(p.Events) < 1 || len(p.Events) > size.Events {
				t.Errorf("seed %d: %d jobs, %d events", seed, p.Jobs, len(p.Events))
			}
			_, told, _ := strings.Cut(p.Story(), ":")
			if other, ok := stories[told]; ok && other != seed {
				t.Errorf("seeds %d and %d are the same night", seed, other)
			}
			stories[told] = seed
			if strings.Count(told, "\nWhen ") != len(p.Events) {
				t.Errorf("seed %d doesn't tell all of its events:\n%s", seed, p.Story())
			}
			for _, e := range p.Events {
				if e.Link == ToPostgres && p.Store != Postgres || e.Do == KillPostgres && p.Store != Postgres {
					t.Errorf("seed %d: %s, with books on %s", seed, e, p.Store)
				}
			}
			if q := Draw(seed, size, false); q.Store == Postgres || strings.Contains(q.Story(), Postgres) {
				t.Errorf("seed %d has PostgreSQL where there is none:\n%s", seed, q.Story())
			}
		}
	}
}
