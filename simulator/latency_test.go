package simulator

import (
	"slices"
	"testing"
	"time"
)

func TestLatencyDistributions(t *testing.T) {
	const n = 20_001
	draw := func(l Latency) []time.Duration {
		d := make([]time.Duration, n)
		for i := range d {
			d[i] = l.Of(Digest(uint64(i)))
		}
		slices.Sort(d)
		return d
	}
	within := func(what string, got, want, by time.Duration) {
		t.Helper()
		if got < want-by || got > want+by {
			t.Errorf("%s: %s, want %s within %s", what, got, want, by)
		}
	}
	u := draw(Latency{Kind: "uniform", Low: 20 * time.Second, High: 80 * time.Second})
	within("least", u[0], 20*time.Second, 100*time.Millisecond)
	within("median", u[n/2], 50*time.Second, time.Second)
	within("most", u[n-1], 80*time.Second, 100*time.Millisecond)
	if u[0] < 20*time.Second || u[n-1] > 80*time.Second {
		t.Errorf("uniform leaves its bounds: %s to %s", u[0], u[n-1])
	}
	l := draw(Latency{Kind: "lognormal", Median: 45 * time.Second, Sigma: 0.5, Floor: 30 * time.Second})
	within("floor", l[0], 30*time.Second, 0)
	within("median", l[n/2], 45*time.Second, time.Second)
	within("p99", l[n*99/100], 144*time.Second, 10*time.Second) // 45 s x e^(0.5 x 2.326)
	if d := (Latency{}).Of(1); d != 20*time.Millisecond {
		t.Errorf("by default %s", d)
	}
}
