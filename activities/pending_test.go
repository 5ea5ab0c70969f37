package activities

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// Priority, then what was begun, then what saves most, then the manifest; from
// whatever order they come in.
func TestOrder(t *testing.T) {
	card := tariff.Swarms()
	jobs := []ledger.Job{
		{Seq: 0, Estimate: 5 * money.Cent, Agents: 2},
		{Seq: 1, Estimate: 50 * money.Cent, Agents: 2},
		{Seq: 2, Estimate: 51 * money.Cent, Agents: 40}, // dearer, and the fee of its agents is most of it
		{Seq: 3, Estimate: 50 * money.Cent, Agents: 2},
		{Seq: 4, Estimate: 1 * money.Cent, Agents: 1, Attempts: 1},
		{Seq: 5, Estimate: 2 * money.Cent, Agents: 1, Attempts: 3},
		{Seq: 6, Estimate: 1 * money.Cent, Agents: 1, Priority: 1},
		{Seq: 7, Estimate: 90 * money.Cent, Agents: 1, Priority: -1, Attempts: 2},
		{Seq: 8}, // nothing is known of it
	}
	for range 100 {
		rand.Shuffle(len(jobs), func(i, j int) { jobs[i], jobs[j] = jobs[j], jobs[i] })
		line(jobs, card)
		var got []int
		for _, j := range jobs {
			got = append(got, j.Seq)
		}
		if want := []int{6, 5, 4, 1, 3, 2, 0, 8, 7}; !slices.Equal(got, want) {
			t.Fatalf("order %v, want %v", got, want)
		}
	}
	// Without a night price nothing saves anything, and the manifest's order stands.
	card.Night = money.One
	slices.SortFunc(jobs, func(a, b ledger.Job) int { return b.Seq - a.Seq })
	line(jobs, card)
	if jobs[3].Seq != 0 || jobs[4].Seq != 1 {
		t.Errorf("jobs %d and %d come fourth and fifth, want 0 and 1", jobs[3].Seq, jobs[4].Seq)
	}
}
