package activities

import (
	"fmt"
	"math"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider/dialect"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/tariff"
)

// survey is the first reading of a night's jobs: it prices and checks all of
// them before anything is claimed or written, and so says all that is wrong at
// once.
type survey struct {
	card     tariff.Card
	caps     ledger.Caps
	manifest batch.Manifest
	start    tariff.Start

	api      *dialect.Client // of another provider than Swarms
	digest   *manifest.Digester
	days     []money.USD // expected day price of each job, in order
	estimate money.USD
	ceiling  money.USD
	guessed  int

	wrong    names // requests that the dialect doesn't take
	dear     names // ceiling above the cap per job
	early    names // needed before the night can give it
	squeezed names // needed before the night is over
}

// names counts jobs and remembers the first.
type names struct {
	count int
	first []string
}

const namesShown = 10

func (n *names) add(s string) {
	if n.count++; n.count <= namesShown {
		n.first = append(n.first, s)
	}
}

func (n names) String() string {
	s := strings.Join(n.first, "; ")
	if n.count > namesShown {
		s += fmt.Sprintf("; and %d more", n.count-namesShown)
	}
	return s
}

func newSurvey(m batch.Manifest, card tariff.Card, start tariff.Start, caps ledger.Caps) *survey {
	return &survey{card: card, caps: caps, manifest: m, start: start, digest: manifest.NewDigester(m)}
}

// job takes in the next job and is its price.
func (s *survey) job(j batch.Job) (swarms.Quote, error) {
	var q swarms.Quote
	if s.api != nil {
		var wrong []string
		if q, wrong = quote(s.api.Dialect(), j); len(wrong) > 0 {
			s.wrong.add(fmt.Sprintf("%q: %s", j.Name, strings.Join(wrong, ", ")))
		}
	} else {
		var err error
		if q, err = swarms.Price(j, s.card); err != nil {
			return q, &batch.Fault{Kind: batch.BadInput, Op: "price job", Thing: fmt.Sprintf("%q", j.Name), Detail: err.Error(), Err: err}
		}
	}
	s.digest.Add(j)
	s.days = append(s.days, q.DayPrice)
	s.estimate, s.ceiling = plus(s.estimate, q.Estimate), plus(s.ceiling, q.Ceiling)
	if q.Guessed {
		s.guessed++
	}
	if q.Ceiling > s.manifest.Budget.PerJob {
		s.dear.add(fmt.Sprintf("%q up to %s", j.Name, q.Ceiling.Dollars()))
	}
	if by := j.NeededBy; !by.IsZero() {
		name := fmt.Sprintf("%q by %s", j.Name, by.In(s.start.Span.Location()).Format("2006-01-02 15:04 MST"))
		switch soonest := s.start.At.Add(s.manifest.Policy.RequestTimeout); {
		case by.Before(soonest):
			s.early.add(name)
		case by.Before(s.start.Span.Deadline):
			s.squeezed.add(name)
		}
	}
	return q, nil
}

// refuse says why the night can't be, or nil.
func (s *survey) refuse() error {
	fault := func(k batch.Kind, detail, hint string) error {
		return &batch.Fault{Kind: k, Op: "plan", Thing: string(s.manifest.Name), Moved: batch.MovedNo, Detail: detail, Hint: hint}
	}
	budget := s.manifest.Budget
	switch {
	case s.wrong.count > 0:
		return fault(batch.BadInput, count(s.wrong.count, "job isn't", "jobs aren't")+" what "+s.manifest.Provider+" takes: "+s.wrong.String(),
			"starter providers "+s.manifest.Provider+" says what a job needs")
	case s.early.count > 0:
		return fault(batch.BadInput,
			fmt.Sprintf("%s needed before the night that begins at %s can give it: this is not work for the night: %s",
				count(s.early.count, "answer is", "answers are"), s.start.At.Format("2006-01-02 15:04 MST"), s.early),
			"run these by day, or take needed_by out")
	case s.dear.count > 0:
		return fault(batch.OverBudget,
			fmt.Sprintf("%s cost more than budget.per_job of %s allows, in the worst case: %s", count(s.dear.count, "job can", "jobs can"), budget.PerJob.Dollars(), s.dear),
			"lower max_tokens, max_loops or the number of agents of these jobs, or raise budget.per_job")
	case s.aboveNight() != "":
		return fault(batch.OverBudget,
			fmt.Sprintf("%s are expected to cost %s at night, %s", count(len(s.days), "job", "jobs"), s.estimate.Dollars(), s.aboveNight()),
			"send fewer jobs, say in expect what they use if that is less, or raise that cap")
	case s.estimate > budget.Batch:
		return fault(batch.OverBudget,
			fmt.Sprintf("%s are expected to cost %s at night, budget.batch is %s", count(len(s.days), "job", "jobs"), s.estimate.Dollars(), budget.Batch.Dollars()),
			"send fewer jobs, say in expect what they use if that is less, or raise budget.batch")
	}
	return nil
}

// aboveNight names the cap on the whole night that the estimate alone is above.
func (s *survey) aboveNight() string {
	for _, c := range []struct {
		name  string
		limit money.USD
	}{{"budget.day", s.manifest.Budget.Day}, {"OFFPEAK_CAP_KEY", s.caps.Key}, {"OFFPEAK_CAP_DAY", s.caps.Night}} {
		if c.limit > 0 && s.estimate > c.limit {
			return c.name + " is " + c.limit.Dollars()
		}
	}
	return ""
}

// warnings are what a person should know and nothing refuses.
func (s *survey) warnings() []string {
	var out []string
	budget := s.manifest.Budget.Batch
	if s.ceiling > budget {
		out = append(out, fmt.Sprintf("in the worst case the jobs cost %s, more than budget.batch of %s: sends wait for room under it, and what finds none is skipped",
			s.ceiling.Dollars(), budget.Dollars()))
	}
	if s.guessed > 0 {
		out = append(out, fmt.Sprintf("%s what to expect: estimates are guesses from the size of the request", count(s.guessed, "job doesn't say", "jobs don't say")))
	}
	if s.squeezed.count > 0 {
		out = append(out, fmt.Sprintf("%s needed before the night ends, and may come later: %s", count(s.squeezed.count, "answer is", "answers are"), s.squeezed))
	}
	return out
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// plus adds amounts above zero and stays at the largest.
func plus(a, b money.USD) money.USD {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
