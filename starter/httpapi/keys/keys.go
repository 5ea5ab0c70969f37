// Package keys holds who may use the HTTP API: bearer keys, of which only
// SHA-256 hashes are stored, each with an id that logs may show and a scope.
// starter serve checks every request against a Ring; starter keys new makes one.
//
// A key is 256 random bits, so that a plain hash is enough: there is nothing to
// guess, and a salt or a slow hash would protect what no dictionary holds.
package keys

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"github.com/offpeak/offpeak/batch"
)

// Scope is what a key is good for.
type Scope string

// The two scopes.
const (
	Read    Scope = "read"    // looks, estimates, validates
	Operate Scope = "operate" // starts, steers and deletes as well
)

// Allows says whether a key of scope s may do what needs the other.
func (s Scope) Allows(need Scope) bool { return s == Operate || s == Read && need == Read }

// Key is who asks.
type Key struct {
	ID    string // names it in logs and as who steered; "" when the server has no keys
	Scope Scope
	hash  [sha256.Size]byte
}

// Cookie holds the secret of who signed in to the page for people.
const Cookie = "offpeak_key"

// Prefix begins every secret, so that scanners of repositories know one.
const Prefix = "offpeak_"

var (
	idRE   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	hashRE = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// New makes a key: the secret, which is shown once and stored nowhere, and the
// line that the server keeps.
func New(id string, scope Scope) (secret, line string, err error) {
	var wrong []string
	if !idRE.MatchString(id) {
		wrong = append(wrong, fmt.Sprintf("the id %q isn't 1 to 63 letters, digits, dots, dashes or underscores, beginning with a letter or digit", id))
	}
	if !scope.Allows(Read) {
		wrong = append(wrong, fmt.Sprintf("the scope %q isn't read or operate", scope))
	}
	if len(wrong) > 0 {
		return "", "", &batch.Fault{Kind: batch.BadInput, Op: "make key", Detail: strings.Join(wrong, "\n"), Hint: "starter keys new --id ci --scope read"}
	}
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	secret = Prefix + base64.RawURLEncoding.EncodeToString(b[:])
	sum := sha256.Sum256([]byte(secret))
	return secret, id + ":" + string(scope) + ":sha256=" + hex.EncodeToString(sum[:]), nil
}

// parse reads one line. The error never shows it: somebody may have put the
// secret itself there.
func parse(line string) (Key, error) {
	id, rest, _ := strings.Cut(line, ":")
	scope, hash, ok := strings.Cut(rest, ":")
	hash, sum := strings.CutPrefix(hash, "sha256=")
	switch {
	case !ok || !sum:
		return Key{}, fmt.Errorf("isn't ID:SCOPE:sha256=HEX; a secret itself is not taken")
	case !idRE.MatchString(id) || strings.HasPrefix(id, Prefix):
		return Key{}, fmt.Errorf("its id isn't 1 to 63 letters, digits, dots, dashes or underscores")
	case !Scope(scope).Allows(Read):
		return Key{}, fmt.Errorf("its scope isn't read or operate")
	case !hashRE.MatchString(hash):
		return Key{}, fmt.Errorf("its hash isn't 64 hex digits in lower case")
	}
	k := Key{ID: id, Scope: Scope(scope)}
	_, err := hex.Decode(k.hash[:], []byte(hash))
	return k, err
}

// find looks a secret up in constant time: over hashes, and to the end of the
// list, so that the time says neither how much of a guess was right nor which
// key it was.
func find(all []Key, secret string) (Key, bool) {
	sum := sha256.Sum256([]byte(secret))
	at := -1
	for i := range all {
		hit := subtle.ConstantTimeCompare(sum[:], all[i].hash[:])
		at = subtle.ConstantTimeSelect(hit, i, at)
	}
	if at < 0 {
		return Key{}, false
	}
	return all[at], true
}

type inContext struct{}

// With says in a request's context who asks.
func With(ctx context.Context, k Key) context.Context { return context.WithValue(ctx, inContext{}, k) }

// From is who asks; false where nobody was asked. On a server without keys it
// is a key without an id that may operate.
func From(ctx context.Context) (Key, bool) {
	k, ok := ctx.Value(inContext{}).(Key)
	return k, ok
}
