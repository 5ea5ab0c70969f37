package gate

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Shape is what jobs have in common that take about as long: the kind of swarm,
// its models and how many agents it has, to the power of two.
type Shape string

// ShapeOf is a job's shape. The order of the models says nothing.
func ShapeOf(swarmType string, models []string, agents int64) Shape {
	models = slices.Compact(slices.Sorted(slices.Values(models)))
	size := 0
	for n := max(agents, 0); n > 0; n >>= 1 {
		size++
	}
	return Shape(fmt.Sprintf("%s|%s|%d", swarmType, strings.Join(models, ","), size))
}

// How durations are learned.
const (
	// enough samples of a shape, before which nothing is believed of it: of a
	// hundred, the largest is about the p99.
	enough = 100

	// near the close the largest that was seen counts, not the p99: what is late
	// there pays the day price.
	near = 15 * time.Minute

	// aged is how many samples of a shape are kept at full weight: then all are
	// halved, so that what a provider did last month fades.
	aged = 20_000

	// mostShapes bounds memory: what comes beyond takes its request timeout.
	mostShapes = 1000

	least  = time.Millisecond // durations below are as long
	growth = 20               // one part in so many from one bucket to the next: what is learned is at most 5 % too long, and never too short
	last   = 400              // the largest bucket, beyond any request timeout: 1 ms x 1.05^400 is 83 h
)

// Durations learns how long the runs of each shape take, from those that
// ended. It is safe for concurrent use, and knows no clock.
type Durations struct {
	mu     sync.Mutex
	shapes map[Shape]*sample
}

// sample is a histogram of one shape.
type sample struct {
	count   int
	buckets [last + 1]uint32 // by upper bound, see bucket
	largest time.Duration    // since the last halving
	before  time.Duration    // the largest between the two halvings before
}

// See takes in one run. One whose end nobody saw counts as long as it can have
// taken: its request timeout.
func (d *Durations) See(shape Shape, took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.shapes[shape]
	if s == nil {
		if len(d.shapes) >= mostShapes {
			return
		}
		if d.shapes == nil {
			d.shapes = map[Shape]*sample{}
		}
		s = &sample{}
		d.shapes[shape] = s
	}
	if s.count >= aged {
		s.halve()
	}
	s.count++
	s.buckets[bucket(took)]++
	s.largest = max(s.largest, took)
}

// Slow is how long a job of a shape is taken to need at the most, with so much
// time left until its deadline: a quarter more than the p99 so far; near the
// deadline no less than the largest seen; never more than timeout, which is
// also the answer while too little is known.
//
// So a run that takes no longer than the largest seen of its shape never ends
// after the deadline: further away than that there is time for any request.
func (d *Durations) Slow(shape Shape, timeout, left time.Duration) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.shapes[shape]
	if s == nil || s.count < enough {
		return timeout
	}
	slow := s.quantile(99, 100)
	slow += slow / 4
	if left <= max(near, timeout) {
		slow = max(slow, s.largest, s.before)
	}
	return min(slow, timeout)
}

// quantile is the upper bound of the bucket in which the n/of quantile lies,
// though no more than the largest sample.
func (s *sample) quantile(n, of int) time.Duration {
	rank, sum := (s.count*n+of-1)/of, 0
	for i, c := range s.buckets {
		if sum += int(c); sum >= rank {
			return min(bounds[i], max(s.largest, s.before))
		}
	}
	return max(s.largest, s.before)
}

func (s *sample) halve() {
	s.count = 0
	for i, c := range s.buckets {
		s.buckets[i] = c / 2
		s.count += int(c / 2)
	}
	s.before, s.largest = s.largest, 0
}

// bounds are the upper bounds of the buckets, each a twentieth above the one
// before.
var bounds = func() (b [last + 1]time.Duration) {
	b[0] = least
	for i := range last {
		b[i+1] = b[i] + b[i]/growth
	}
	return b
}()

// bucket is the first one whose bound isn't below d; the last one for what is
// beyond all.
func bucket(d time.Duration) int {
	i, _ := slices.BinarySearch(bounds[:], d)
	return min(i, last)
}
