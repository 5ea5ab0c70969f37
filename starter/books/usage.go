package books

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// Day is what one night came to with one key, over all of its batches.
type Day struct {
	Night     tariff.Night `json:"night"`
	Key       string       `json:"key"` // a hash's first digits; "" on a night without any batch
	Batches   int          `json:"batches"`
	Jobs      int          `json:"jobs"`
	Succeeded int          `json:"succeeded"`
	Money     Sums         `json:"money"`
	Foreign   batch.Spend  `json:"foreign"` // on the same key and not from these books, as far as a comparison saw

	// Mean is what was billed on average on the seven nights before, those
	// without a job counted as zero. Null while the books are younger than that.
	Mean *money.USD `json:"mean_before"`
}

// Usage is the spend of some nights, the latest first, and their sum.
type Usage struct {
	Days  []Day `json:"nights"`
	Total Sums  `json:"total"`
}

// trailing is how many nights a night is compared with.
const trailing = 7

// Usage adds up the last nights of the books, by key. The last is the newest
// one that has a batch.
func (b *Books) Usage(ctx context.Context, nights int, now time.Time) (Usage, error) {
	out := Usage{Days: []Day{}}
	ids, err := b.ledger.Nights(ctx, "")
	if err != nil {
		return out, stopped(ctx, err)
	}
	if len(ids) == 0 {
		return out, nil
	}
	slices.SortFunc(ids, newest)
	last, first := ids[0].Night(), ids[len(ids)-1].Night()
	type row struct {
		night tariff.Night
		key   string
	}
	days := map[row]*Day{}
	keys := map[string]bool{}
	for _, id := range ids {
		if id.Night() < back(last, nights+trailing-1) {
			break
		}
		n, err := b.night(ctx, id, now)
		if err != nil {
			return out, err
		}
		d := days[row{n.Night, n.Key}]
		if d == nil {
			d = &Day{Night: n.Night, Key: n.Key}
			days[row{n.Night, n.Key}] = d
			keys[n.Key] = true
		}
		d.add(n)
	}
	for i := range nights {
		night := back(last, i)
		if night < first {
			break
		}
		none := true
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			d := days[row{night, key}]
			if d == nil {
				continue
			}
			none = false
			if back(night, trailing) >= first {
				var sum money.USD
				for k := 1; k <= trailing; k++ {
					if e := days[row{back(night, k), key}]; e != nil {
						sum += e.Money.Billed
					}
				}
				mean := sum / trailing
				d.Mean = &mean
			}
			out.Days = append(out.Days, *d)
			out.Total.Charges += d.Money.Charges
			out.Total.Billed += d.Money.Billed
			out.Total.DayPrice += d.Money.DayPrice
			out.Total.Saved += d.Money.Saved
		}
		if none {
			out.Days = append(out.Days, Day{Night: night})
		}
	}
	return out, nil
}

func (d *Day) add(n Night) {
	d.Batches++
	d.Jobs += n.Jobs.Total
	d.Succeeded += n.Jobs.Succeeded
	d.Money.Charges += n.Money.Charges
	d.Money.Billed += n.Money.Billed
	d.Money.DayPrice += n.Money.DayPrice
	d.Money.Saved += n.Money.Saved
	if n.foreign.Runs > d.Foreign.Runs { // each batch of a night saw the same strangers on the key
		d.Foreign = n.foreign
	}
}

// back is the night so many days before.
func back(n tariff.Night, days int) tariff.Night {
	t, err := time.Parse(time.DateOnly, string(n))
	if err != nil {
		return n // no batch id holds one that isn't a date
	}
	return tariff.Night(t.AddDate(0, 0, -days).Format(time.DateOnly))
}
