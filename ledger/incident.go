package ledger

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// Incident is what all alerts of one key are about, from the first one until
// it is over. One that comes again after the quiet period is opened anew.
type Incident struct {
	Alert    batch.Alert // as it was last seen
	OpenedAt time.Time
	SeenAt   time.Time
	Count    int       // how often it was seen since it opened
	OverAt   time.Time // zero while it is open

	Told         batch.Occasion // the last thing that was told of it; "" when nothing was
	ToldAt       time.Time
	ToldSeverity batch.Severity // the gravest that was told since it opened
	Tellings     int            // of its whole life
	First        int            // the first of them since it opened; 0 when none was

	Silenced Silence
	By       string // the announcement that touched it last: asking twice changes nothing
}

// Open says whether it isn't over.
func (i Incident) Open() bool { return i.OverAt.IsZero() }

// Silence is a person's wish not to be told of an incident for a while.
type Silence struct {
	Until time.Time
	By    string
	Why   string
}

// On says whether it holds.
func (s Silence) On(now time.Time) bool { return s.Until.After(now) }

// Outlet is where an incident may be told.
type Outlet struct {
	Sink  string // names it in the books: a hash, never its address
	Place string // for people
	// Takes says whether the sink is for such an alert. It is asked inside a
	// transaction, perhaps twice.
	Takes func(batch.Alert) bool
}

// RaiseAlerts enters alerts and says what is to be told now, and where. It is one
// transaction: two workers that see the same thing at once tell it once.
//
// An incident is told when it opens, when its severity rises, again when it
// still lasts after the quiet period, and once when it is over. One that comes
// back within the quiet period after it was told is reopened without a word.
// That it is over is told wherever it was told before, silenced or not; an
// alert that is older than what is known changes nothing. by is the
// announcement: entering it again returns what it had to tell.
func (l *Ledger) RaiseAlerts(ctx context.Context, by string, alerts []batch.Alert, outlets []Outlet, quiet time.Duration) ([]Delivery, error) {
	var out []Delivery
	if by == "" || quiet <= 0 {
		return nil, internal("raise alerts", by, "it needs an announcement and a quiet period")
	}
	alerts, err := oneEach(alerts)
	if err != nil {
		return nil, err
	}
	err = l.write(ctx, nil, func(w *work) error {
		out = nil
		if err := w.flush(); err != nil { // what others of the group have raised is asked for below
			return err
		}
		for _, a := range alerts {
			told, err := w.raise(by, a, outlets, quiet)
			if err != nil {
				return err
			}
			out = append(out, told...)
		}
		return nil
	})
	return out, err
}

// oneEach leaves one alert a key: the last one that isn't over, else the last.
func oneEach(alerts []batch.Alert) ([]batch.Alert, error) {
	var out []batch.Alert
	for _, a := range alerts {
		if a.Key == "" || len(a.Key) > maxText || a.Kind == "" || a.Severity.Rank() == 0 {
			return nil, internal("raise alerts", a.Key, "an alert needs a key of at most %d bytes, a kind and a severity", maxText)
		}
		a.Key, a.Title, a.Remedy = clean(a.Key), clean(a.Title), clean(a.Remedy)
		i := slices.IndexFunc(out, func(b batch.Alert) bool { return b.Key == a.Key })
		switch {
		case i < 0:
			out = append(out, a)
		case !a.Over || out[i].Over:
			out[i] = a
		}
	}
	slices.SortStableFunc(out, func(a, b batch.Alert) int { return cmp.Compare(b.Severity.Rank(), a.Severity.Rank()) })
	return out, nil
}

func (w *work) raise(by string, a batch.Alert, outlets []Outlet, quiet time.Duration) ([]Delivery, error) {
	i, found, err := w.incidents.get(a.Key)
	if err != nil {
		return nil, err
	}
	before, err := w.tx.DeliveriesOf(a.Key)
	if err := w.check(err); err != nil {
		return nil, err
	}
	if a.At = instant(a.At); a.At.IsZero() {
		a.At = w.now
	}
	if found && i.By == by {
		return slices.DeleteFunc(before, func(d Delivery) bool { return d.By != by }), nil
	}
	fresh := !found
	var occasion batch.Occasion
	switch {
	case a.Kind.Once():
		if found {
			return nil, nil
		}
		i.OverAt, occasion = a.At, batch.JustOne
	case a.Over:
		if !found || !i.Open() || a.At.Before(i.SeenAt) {
			return nil, nil
		}
		i.OverAt = a.At
		if i.Told != "" && i.Told != batch.IsOver {
			occasion = batch.IsOver
		}
		a = i.ending(a)
	case found && !i.Open() && !a.At.After(i.OverAt):
		return nil, nil
	case found && !i.Open() && (i.Told == "" || w.now.Sub(i.ToldAt) >= quietFor(a.Kind, quiet)):
		i = Incident{Tellings: i.Tellings, Silenced: i.Silenced}
		fresh = true
	default:
		i.OverAt = time.Time{}
	}
	if fresh {
		i.OpenedAt = a.At
	}
	if !a.Over {
		i.Count++
		i.SeenAt = laterOf(a.At, i.SeenAt)
		if occasion == "" {
			occasion = i.due(a, w.now, quiet)
		}
	}
	i.Alert, i.By = a, by
	told := i.tell(occasion, w.now, outlets, before)
	w.incidents.put(a.Key, i)
	for _, d := range told {
		w.deliveries.put(d.ID, d)
	}
	return told, nil
}

// due says on which occasion an alert of an open incident is told now, if any.
func (i *Incident) due(a batch.Alert, now time.Time, quiet time.Duration) batch.Occasion {
	switch {
	case i.Silenced.On(now):
		return ""
	case i.Told == "":
		return batch.Opened
	case a.Severity.Rank() > i.ToldSeverity.Rank():
		return batch.Worse
	case now.Sub(i.ToldAt) < quietFor(a.Kind, quiet):
		return ""
	case i.Told == batch.IsOver:
		return batch.Opened
	}
	return batch.Lasts
}

// quietFor is a week where nothing is wrong: advice is there every day.
func quietFor(k batch.AlertKind, quiet time.Duration) time.Duration {
	if k == batch.AlertAdvice {
		return 7 * quiet
	}
	return quiet
}

// ending is the alert that says that an incident is over: in the words of
// whoever saw its end, of the kind and the severity that it had.
func (i *Incident) ending(a batch.Alert) batch.Alert {
	a.Kind, a.Severity = i.Alert.Kind, i.Alert.Severity
	if a.Title == "" {
		a.Title = i.Alert.Title
	}
	if a.Batch == "" {
		a.Batch = i.Alert.Batch
	}
	return a
}

// tell makes the tellings of an occasion. One that no sink takes isn't told:
// it is tried again when the incident is seen next.
func (i *Incident) tell(o batch.Occasion, now time.Time, outlets []Outlet, before []Delivery) []Delivery {
	if o == "" {
		return nil
	}
	var (
		told []Delivery
		n    = i.Tellings + 1
	)
	for _, out := range outlets {
		knows := slices.ContainsFunc(before, func(d Delivery) bool { return d.Sink == out.Sink && i.First > 0 && d.N >= i.First })
		as := o
		switch {
		case o == batch.IsOver && !knows, o != batch.IsOver && !out.Takes(i.Alert):
			continue
		case (o == batch.Worse || o == batch.Lasts) && !knows:
			as = batch.Opened // to this sink it is new
		}
		told = append(told, Delivery{
			ID: deliveryID(i.Alert.Key, n, out.Sink), Key: i.Alert.Key, N: n, Occasion: as, Sink: out.Sink, Place: clean(out.Place),
			State: batch.DeliveryDue, At: now, By: i.By, Alert: i.Alert,
		})
	}
	if len(told) == 0 {
		return nil
	}
	i.Tellings, i.Told, i.ToldAt = n, o, now
	if i.First == 0 {
		i.First = n
	}
	if i.Alert.Severity.Rank() > i.ToldSeverity.Rank() {
		i.ToldSeverity = i.Alert.Severity
	}
	return told
}

// deliveryID is the same whoever makes it.
func deliveryID(key string, n int, sink string) string {
	sum := sha256.Sum256([]byte(key + "\x00" + strconv.Itoa(n) + "\x00" + sink))
	return hex.EncodeToString(sum[:16])
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// SilenceIncident has an incident that is open told no more until then; a time
// that has passed ends that. Its end is told all the same.
func (l *Ledger) SilenceIncident(ctx context.Context, key string, s Silence) (Incident, error) {
	var out Incident
	err := l.write(ctx, nil, func(w *work) error {
		i, found, err := w.incidents.get(key)
		switch {
		case err != nil:
			return err
		case !found:
			return noIncident("silence", key)
		case !i.Open() && s.On(w.now):
			return &batch.Fault{
				Kind: batch.BadInput, Op: "silence", Thing: key, Detail: "it was over at " + i.OverAt.Format(time.RFC3339),
				Hint: "starter alerts lists what is open",
			}
		}
		i.Silenced = Silence{Until: instant(s.Until), By: clean(s.By), Why: clean(s.Why)}
		if !s.On(w.now) {
			i.Silenced = Silence{}
		}
		w.incidents.put(key, i)
		out = i
		return nil
	})
	return out, err
}

func noIncident(op, key string) error {
	return &batch.Fault{Kind: batch.NotFound, Op: op, Thing: key, Detail: "no such incident in the ledger", Hint: "starter alerts --all lists them"}
}

// Incident is one with everything that was told of it, in order. NotFound when
// there is none.
func (l *Ledger) Incident(ctx context.Context, key string) (Incident, []Delivery, error) {
	var (
		out  Incident
		told []Delivery
	)
	err := l.read(ctx, func(tx Tx) error {
		i, found, err := tx.Incident(key)
		switch {
		case err != nil:
			return err
		case !found:
			return noIncident("read", key)
		}
		out = i
		told, err = tx.DeliveriesOf(key)
		return err
	})
	return out, told, err
}

// Incidents lists those that are open, or all, the last seen first; at most
// limit of them.
func (l *Ledger) Incidents(ctx context.Context, all bool, limit int) ([]Incident, error) {
	var out []Incident
	err := l.read(ctx, func(tx Tx) (err error) {
		out, err = tx.Incidents(all, limit)
		return err
	})
	return out, err
}
