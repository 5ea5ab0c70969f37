package codec

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/fresh"
)

// Source is where keys come from: a text, or a file of lines, not both.
type Source struct {
	Text string           // OFFPEAK_CODEC_KEYS
	File string           // OFFPEAK_CODEC_KEYS_FILE: looked at every second while it is used, and read anew when it has changed
	Now  func() time.Time // time.Now when nil
}

// Keys are the keys that are good now. It is safe for concurrent use.
type Keys struct {
	ring Ring
	file *fresh.Value[Ring]
	tell atomic.Pointer[func(error)]
}

// Open reads the keys. No source is no keys: nothing is encrypted, and what is
// can't be read, which is said.
func Open(s Source) (*Keys, error) {
	if s.Now == nil {
		s.Now = time.Now
	}
	k := &Keys{}
	var err error
	switch {
	case s.File != "" && s.Text != "":
		return nil, &batch.Fault{
			Kind: batch.BadInput, Op: "read the codec's keys", Detail: "OFFPEAK_CODEC_KEYS and OFFPEAK_CODEC_KEYS_FILE are both set",
			Hint: "keep one: a file can be changed while programs run",
		}
	case s.File != "":
		k.file, err = fresh.Open(s.Now, k.changed, func() (Ring, error) { return read(s.File) }, s.File)
	case s.Text != "":
		k.ring, err = Parse("OFFPEAK_CODEC_KEYS", s.Text)
	}
	if err != nil {
		return nil, err
	}
	return k, nil
}

// Tell has f told of each later reading of the file; an error means that the
// keys from before hold.
func (k *Keys) Tell(f func(error)) { k.tell.Store(&f) }

func (k *Keys) changed(err error) {
	if f := k.tell.Load(); f != nil {
		(*f)(err)
	}
}

// Ring is the keys as they are now.
func (k *Keys) Ring() Ring {
	if k.file != nil {
		return k.file.Get()
	}
	return k.ring
}

// Trouble is why the file as it stands isn't taken.
func (k *Keys) Trouble() error {
	if k.file == nil {
		return nil
	}
	return k.file.Trouble()
}

const mostText = 1 << 20

// read is the keys of a file.
func read(path string) (Ring, error) {
	bad := func(err error) (Ring, error) {
		return Ring{}, &batch.Fault{
			Kind: batch.BadInput, Op: "read the codec's keys", Thing: path, Err: err,
			Hint: "OFFPEAK_CODEC_KEYS_FILE names a file with a line ID:BASE64 for each key; starter codec new-key makes one",
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return bad(err)
	}
	defer f.Close() //nolint:errcheck // it was read
	text, err := io.ReadAll(io.LimitReader(f, mostText+1))
	if err != nil {
		return bad(err)
	}
	if len(text) > mostText {
		return bad(fmt.Errorf("it is larger than %d bytes", mostText))
	}
	return Parse(path, string(text))
}
