package lake

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider/swarms"
)

// tally is a day of a key as its parts have it: what is known already, and what
// it comes to. Its memory is some 100 bytes a row.
type tally struct {
	rows  []ranked
	known map[rowHash]bool
	ids   map[uint64]int // number of an id: position in costs
	costs []cost         // of each row with its newest version
}

// ranked is a row's place in the day.
type ranked struct {
	at   int64
	id   uint64
	hash rowHash
}

// cost is what a row contributes to the day's dollars.
type cost struct {
	run
	request [16]byte // zero: not tagged
}

func newTally() *tally { return &tally{known: map[rowHash]bool{}, ids: map[uint64]int{}} }

// add takes in a row of a part; revised says that an earlier part has its id.
func (t *tally) add(line []byte, row swarms.LogRow) (revised bool) {
	r := ranked{id: number(row.ID), hash: rowHashOf(line)}
	if at := Time(row.CreatedAt); !at.IsZero() {
		r.at = at.UnixMicro()
	}
	t.rows = append(t.rows, r)
	t.known[r.hash] = true
	c := cost{request: tag(row.Run.SwarmName)}
	c.logged, c.priced = price(row)
	if c.request != [16]byte{} {
		c.row, c.job = row.ID, row.Run.JobID
	}
	if row.ID != "" {
		if i, there := t.ids[r.id]; there {
			t.costs[i] = c
			return true
		}
		t.ids[r.id] = len(t.costs)
	}
	t.costs = append(t.costs, c)
	return false
}

// price is what a row cost by its own words; false when it doesn't say.
func price(row swarms.LogRow) (money.USD, bool) {
	if u := row.Run.Usage; u != nil && u.TotalCost.Known {
		return u.TotalCost.USD, true
	}
	return 0, false
}

// digest names the rows of a day, in whatever parts they are.
func (t *tally) digest() string {
	slices.SortFunc(t.rows, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id), bytes.Compare(a.hash[:], b.hash[:]))
	})
	sum := sha256.New()
	for _, r := range t.rows {
		sum.Write(r.hash[:]) // a hash never fails
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// digestOf is digest of rows of the spool.
func digestOf(rows []entry) string {
	sum := sha256.New()
	for _, e := range rows {
		sum.Write(e.Hash[:])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// purse adds rows up.
type purse struct {
	Money
	tagged map[[16]byte]money.USD // what rows with a request id come to; whose they are is asked later
}

func (p *purse) add(request [16]byte, amount money.USD, priced bool) {
	if !priced {
		p.Unpriced++
		return
	}
	p.Priced++
	p.All = plus(p.All, amount)
	if request == [16]byte{} {
		return
	}
	if p.tagged == nil {
		p.tagged = map[[16]byte]money.USD{}
	}
	p.tagged[request] = plus(p.tagged[request], amount)
}

// split says whose the dollars are, by the request ids that the books know;
// nil: there are none, and every tag counts.
func (p *purse) split(known map[string]bool) Money {
	m := p.Money
	for request, amount := range p.tagged {
		if known == nil || known[uuid(request)] {
			m.Ours = plus(m.Ours, amount)
		}
	}
	m.Foreign = plus(m.All, -m.Ours)
	return m
}

// plus adds; beyond what can be held it stays at the largest or smallest.
func plus(a, b money.USD) money.USD {
	const most, least = money.USD(1<<63 - 1), money.USD(-1 << 63)
	switch {
	case b > 0 && a > most-b:
		return most
	case b < 0 && a < least-b:
		return least
	}
	return a + b
}

// uuid is a request id as it is written.
func uuid(b [16]byte) string {
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}
