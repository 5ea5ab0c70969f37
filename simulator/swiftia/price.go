package swiftia

import (
	"encoding/json"
	"math/big"
	"strings"
	"time"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
)

// The prices (app.swiftia.io/docs): by the minute and plan, by the gigabyte
// that is fetched from YouTube, and at least so much for a job.
var perMinute = map[string]money.USD{
	PlanFree: 30 * money.Dollar / 1000, PlanStarter: 30 * money.Dollar / 1000,
	PlanPro: 26 * money.Dollar / 1000, PlanSwift: 23 * money.Dollar / 1000,
}

const (
	perGigabyte = 60 * money.Dollar / 100
	minimum     = 30 * money.Dollar / 100
)

// bill is what a job costs, in parts.
type bill struct{ processing, fetch, total money.USD }

func price(plan string, src Source) bill {
	b := bill{
		processing: part(perMinute[plan], int64(src.Length/time.Second), 60),
		fetch:      part(perGigabyte, src.Bytes, 1_000_000_000),
	}
	b.total = max(minimum, b.processing+b.fetch)
	return b
}

// part is rate * n / of, to the nearest micro-dollar.
func part(rate money.USD, n, of int64) money.USD {
	p := new(big.Int).Mul(big.NewInt(int64(rate)), big.NewInt(n))
	p.Add(p, big.NewInt(of/2)).Div(p, big.NewInt(of))
	return money.USD(p.Int64())
}

// source is a video's length and size: as set, or by a hash of its id from 1
// to 45 minutes and from 20 MB to 1 GB.
func (s *Server) source(video string) Source {
	src, h := s.opt.Source, simulator.Digest(s.Seed(), "source", video)
	if src.Length == 0 {
		src.Length = time.Duration(60+h%(44*60)) * time.Second
	}
	if src.Bytes == 0 {
		src.Bytes = int64(20_000_000 + (h>>32)%980_000_000)
	}
	return src
}

// number is an amount as JavaScript prints it: 0.3, not 0.300000.
func number(u money.USD) json.RawMessage {
	s := u.String()
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return json.RawMessage(s)
}
