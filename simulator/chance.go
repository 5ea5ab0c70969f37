package simulator

import "encoding/binary"

// All that looks random is a hash of what it is about, so that the same
// script and the same requests give the same night on every machine.

// Digest is FNV-1a with a final mix: the plain sum's low bits are too regular
// for a modulus.
func Digest(seed uint64, parts ...string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], seed)
	for _, c := range b {
		h = (h ^ uint64(c)) * prime
	}
	for _, p := range parts {
		for i := range len(p) {
			h = (h ^ uint64(p[i])) * prime
		}
		h = (h ^ 0xff) * prime // "a","bc" is not "ab","c"
	}
	return mix(h)
}

// mix is the finalizer of splitmix64.
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// next is a stream of numbers from one digest.
func next(h *uint64) uint64 {
	*h += 0x9e3779b97f4a7c15
	return mix(*h)
}

// Falls draws from seed, name and attempt whether it happens: the same every
// time.
func (c Chance) Falls(seed uint64, name string, attempt int) bool {
	return Digest(seed+uint64(attempt)<<32, name)%uint64(Certain) < uint64(c)
}
