package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// Day is the unit in which it is said how long things are kept.
const Day = 24 * time.Hour

// LeastKept is the shortest time that anything may be kept: what a night parked
// is carried for seven days, and the days after are for whoever has to
// reconcile a night, or to ask for an answer.
const LeastKept = 14 * Day

// mostKept is where "for ever" is meant: a hundred years.
const mostKept = 36_500 * Day

// readKeeps reads how long each kind is kept; what is kept for ever isn't in
// the map.
func readKeeps(env Env) (map[batch.Kept]time.Duration, error) {
	keeps := map[batch.Kept]time.Duration{}
	var wrong []string
	for _, k := range batch.Keeps() {
		text := strings.ToLower(strings.TrimSpace(env.Lookup(k.Setting())))
		if text == "" || text == "forever" {
			continue
		}
		days, ok := strings.CutSuffix(text, "d")
		n, err := strconv.Atoi(days)
		switch d := time.Duration(n) * Day; {
		case !ok || err != nil || n < 0:
			wrong = append(wrong, fmt.Sprintf("%s: %q is no time: write days, such as 90d, or forever", k.Setting(), text))
		case n > int(mostKept/Day):
			wrong = append(wrong, fmt.Sprintf("%s: %q is longer than %d days: write forever", k.Setting(), text, int(mostKept/Day)))
		case d < LeastKept:
			wrong = append(wrong, fmt.Sprintf("%s: %q is shorter than %dd: jobs are carried for %d days, and a night may have to be reconciled in the week after", k.Setting(), text, int(LeastKept/Day), batch.MaxCarries))
		default:
			keeps[k] = d
		}
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("%s", strings.Join(wrong, "\n"))
	}
	return keeps, nil
}
