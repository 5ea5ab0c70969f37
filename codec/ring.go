package codec

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/offpeak/offpeak/batch"
)

// KeyBytes is how long a key is: AES-256.
const KeyBytes = 32

// mostKeys bounds a ring: who needs more has forgotten to take old ones away.
const mostKeys = 100

var idShape = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// Ring is keys as they were read at one time. The first encrypts, each
// decrypts. The zero Ring has none: it encrypts nothing.
type Ring struct {
	ids   []string
	seals map[string]cipher.AEAD
	sums  map[string]string
}

// IDs are the keys' names, the one that encrypts first.
func (r Ring) IDs() []string { return r.ids }

// Sum tells two keys of one id apart without showing either: 8 hexadecimal
// digits of an HMAC-SHA256 made with it. "" for an id that isn't there.
func (r Ring) Sum(id string) string { return r.sums[id] }

// Empty says that nothing is encrypted.
func (r Ring) Empty() bool { return len(r.ids) == 0 }

// Parse reads keys: ID:BASE64 each, of 32 bytes, separated by line ends or
// commas; # begins a comment. All that is wrong with them is one fault of kind
// BadInput, which shows ids and never a key. Thing names where they come from.
func Parse(thing, text string) (Ring, error) {
	r := Ring{seals: map[string]cipher.AEAD{}, sums: map[string]string{}}
	var (
		wrong []string
		have  = map[string][]byte{}
	)
	n := 0
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		for entry := range strings.SplitSeq(line, ",") {
			if entry = strings.TrimSpace(entry); entry == "" {
				continue
			}
			n++
			id, key, err := parse(entry)
			for other, b := range have {
				switch {
				case err != nil:
				case other == id:
					err = fmt.Errorf("the id %s is there twice", id)
				case bytes.Equal(b, key):
					err = fmt.Errorf("%s is the same key as %s", id, other)
				}
			}
			if err != nil {
				wrong = append(wrong, fmt.Sprintf("key %d: %v", n, err))
				continue
			}
			have[id] = key
			r.ids = append(r.ids, id)
			mac := hmac.New(sha256.New, key)
			mac.Write([]byte("offpeak codec key"))
			r.sums[id] = hex.EncodeToString(mac.Sum(nil)[:4])
			if r.seals[id], err = seal(key); err != nil {
				wrong = append(wrong, fmt.Sprintf("key %d: %v", n, err))
			}
		}
	}
	if n == 0 {
		wrong = append(wrong, "it holds no key")
	}
	if n > mostKeys {
		wrong = append(wrong, fmt.Sprintf("%d keys; at most %d", n, mostKeys))
	}
	if len(wrong) > 0 {
		detail := strings.Join(wrong, "\n")
		return Ring{}, &batch.Fault{
			Kind: batch.BadInput, Op: "read the codec's keys", Thing: thing, Detail: detail, Err: errors.New(detail),
			Hint: "starter codec new-key --id ID makes a key and prints the line to keep",
		}
	}
	return r, nil
}

// parse reads one entry. Its errors show nothing of it: somebody may have put
// the key where the id belongs.
func parse(entry string) (id string, key []byte, err error) {
	id, text, ok := strings.Cut(entry, ":")
	if !ok {
		return "", nil, errors.New("it isn't ID:BASE64")
	}
	if id = strings.TrimSpace(id); !idShape.MatchString(id) {
		return "", nil, errors.New("its id isn't 1 to 64 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit")
	}
	key, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(text), "="))
	switch {
	case err != nil:
		return "", nil, fmt.Errorf("%s isn't base64", id)
	case len(key) != KeyBytes:
		return "", nil, fmt.Errorf("%s has %d bytes, and AES-256 takes %d", id, len(key), KeyBytes)
	case bytes.Equal(key, make([]byte, KeyBytes)):
		return "", nil, fmt.Errorf("%s is all zeros", id)
	}
	return id, key, nil
}

// seal is the cipher of a key. Each payload gets a nonce of its own at random,
// which is safe for 2^32 of them with one key (NIST SP 800-38D, 8.3).
func seal(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// NewKey makes a key and is the line to keep.
func NewKey(id string) (string, error) {
	if !idShape.MatchString(id) {
		return "", &batch.Fault{
			Kind: batch.BadInput, Op: "make a key", Thing: id, Detail: "an id is 1 to 64 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit",
			Hint: "name it by when it was made, such as 2026-11: it stands in clear beside all that it encrypts",
		}
	}
	key := make([]byte, KeyBytes)
	_, _ = rand.Read(key) // it never fails: the program ends instead
	return id + ":" + base64.StdEncoding.EncodeToString(key), nil
}
