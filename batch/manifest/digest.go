package manifest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"

	"github.com/offpeak/offpeak/batch"
)

// Digester sums up what a manifest buys, to tell whether a night that was
// planned before is being asked for with other work: SHA-256 over the
// manifest's name and provider, and over the name and the request of each job
// in order. Budget, policy, window, priorities and expectations aren't in it:
// they may change between two attempts at the same night.
//
// Each part is preceded by its length, so no two manifests share a sum by
// moving text from one part to the next. Requests have sorted keys, so neither
// the order of keys nor YAML or JSON makes a difference.
type Digester struct{ h hash.Hash }

// NewDigester begins the sum of a manifest; its inline jobs aren't added yet.
func NewDigester(m batch.Manifest) *Digester {
	d := &Digester{h: sha256.New()}
	d.part("offpeak manifest 1")
	d.part(string(m.Name))
	d.part(m.Provider)
	return d
}

// Add adds the next job, inline or streamed.
func (d *Digester) Add(j batch.Job) {
	d.part(j.Name)
	d.part(string(j.Request))
}

// Sum is the sum so far, in hexadecimal. More jobs may be added after.
func (d *Digester) Sum() string { return hex.EncodeToString(d.h.Sum(nil)) }

func (d *Digester) part(s string) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(s)))
	d.h.Write(length[:]) // never returns an error (hash.Hash)
	d.h.Write([]byte(s))
}

// Digest is the sum over a manifest with all its jobs inline.
func Digest(m batch.Manifest) string {
	d := NewDigester(m)
	for _, j := range m.Jobs {
		d.Add(j)
	}
	return d.Sum()
}
