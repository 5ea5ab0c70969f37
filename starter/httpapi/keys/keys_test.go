package keys_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/httpapi/keys"
)

func TestANewKeyIsGood(t *testing.T) {
	secret, line, err := keys.New("ci", keys.Read)
	if err != nil {
		t.Fatal(err)
	}
	// offpeak_ and 256 bits in base64 without padding.
	if !strings.HasPrefix(secret, "offpeak_") || len(secret) != len("offpeak_")+43 {
		t.Errorf("secret of %d characters", len(secret))
	}
	if !strings.HasPrefix(line, "ci:read:sha256=") || strings.Contains(line, secret[8:]) {
		t.Errorf("line %q", line)
	}
	again, _, err := keys.New("ci", keys.Read)
	if err != nil || again == secret {
		t.Errorf("the same secret twice, %v", err)
	}
	_, other, err := keys.New("night-desk", keys.Operate)
	if err != nil {
		t.Fatal(err)
	}
	r, err := keys.Open(keys.Source{Lines: []string{other, line}})
	if err != nil {
		t.Fatal(err)
	}
	k, ok := r.Check(secret)
	if !ok || k.ID != "ci" || k.Scope != keys.Read || r.Empty() || !r.Holds(k) {
		t.Errorf("%+v, %v", k, ok)
	}
	for _, bad := range []string{"", secret[:len(secret)-1], secret + "x", again, "ci", line} {
		if k, ok := r.Check(bad); ok {
			t.Errorf("a wrong secret is %s's", k.ID)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, id := range []string{"", "a b", "a:b", "-a", "é", strings.Repeat("a", 64)} {
		if _, _, err := keys.New(id, keys.Read); batch.KindOf(err) != batch.BadInput {
			t.Errorf("%q: %v", id, err)
		}
	}
	_, _, err := keys.New("a b", "write")
	if err == nil || !strings.Contains(err.Error(), "id") || !strings.Contains(err.Error(), "scope") {
		t.Errorf("both mistakes at once: %v", err)
	}
}

func TestScopes(t *testing.T) {
	for _, c := range []struct {
		has, need keys.Scope
		want      bool
	}{
		{keys.Read, keys.Read, true},
		{keys.Read, keys.Operate, false},
		{keys.Operate, keys.Read, true},
		{keys.Operate, keys.Operate, true},
		{"", keys.Read, false},
		{"write", keys.Operate, false},
	} {
		if c.has.Allows(c.need) != c.want {
			t.Errorf("%q for %q: want %v", c.has, c.need, c.want)
		}
	}
}

// TestMistakes: all at once, by line, and nothing of what was written there.
func TestMistakes(t *testing.T) {
	secret, line, err := keys.New("ci", keys.Read)
	if err != nil {
		t.Fatal(err)
	}
	hash := strings.Repeat("a", 64)
	file := filepath.Join(t.TempDir(), "keys")
	write(t, file, "# who may\n"+line+"  # until May\n\n"+secret+"\nci:admin:sha256="+hash+"\n:read:sha256="+hash+"\nx:read:sha256="+strings.ToUpper(hash)+"\n"+line+"\n"+secret+":read:sha256="+hash+"\n")
	_, err = keys.Open(keys.Source{File: file})
	if batch.KindOf(err) != batch.BadInput {
		t.Fatalf("%v", err)
	}
	for _, want := range []string{file, "line 4: isn't ID:SCOPE:sha256=HEX", "line 5: its scope", "line 6: its id", "line 7: its hash", "line 8: has the hash of line 2", "line 9: its id"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q isn't said: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), hash) {
		t.Errorf("a secret or hash is printed: %v", err)
	}
	if _, err = keys.Open(keys.Source{Lines: []string{line, secret}}); err == nil || !strings.Contains(err.Error(), "entry 2") || strings.Contains(err.Error(), secret) {
		t.Errorf("%v", err)
	}
	if _, err = keys.Open(keys.Source{Lines: []string{line}, File: file}); batch.KindOf(err) != batch.BadInput {
		t.Errorf("two sources: %v", err)
	}
	for _, text := range []string{"", "# nobody\n", strings.Repeat("#", 1<<20+1)} {
		write(t, file, text)
		if _, err = keys.Open(keys.Source{File: file}); batch.KindOf(err) != batch.BadInput {
			t.Errorf("a file of %d bytes: %v", len(text), err)
		}
	}
	if _, err = keys.Open(keys.Source{File: file + ".missing"}); batch.KindOf(err) != batch.BadInput {
		t.Errorf("no file: %v", err)
	}
}

// TestRotation: the file is followed, at most once a second; one that isn't
// right, or is gone, leaves the keys as they were and says so.
func TestRotation(t *testing.T) {
	oldSecret, oldLine, _ := keys.New("ci", keys.Read)
	newSecret, newLine, _ := keys.New("ci", keys.Operate)
	file := filepath.Join(t.TempDir(), "keys")
	write(t, file, oldLine)
	var clock atomic.Int64
	var told []error
	r, err := keys.Open(keys.Source{
		File: file, Now: func() time.Time { return time.Unix(clock.Load(), 0) },
		Changed: func(err error) { told = append(told, err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	good := func(step string, oldGood, newGood, trouble bool) {
		t.Helper()
		_, o := r.Check(oldSecret)
		_, n := r.Check(newSecret)
		if o != oldGood || n != newGood || (r.Trouble() != nil) != trouble {
			t.Errorf("%s: old %v, new %v, trouble %v", step, o, n, r.Trouble())
		}
	}
	good("at first", true, false, false)
	first, _ := r.Check(oldSecret)

	write(t, file, oldLine+"\n"+newLine)
	good("in the same second", true, false, false)
	clock.Add(1)
	good("both, while clients change over", true, true, false)

	write(t, file, newLine+"\n"+newSecret)
	clock.Add(1)
	good("a broken file", true, true, true)
	if strings.Contains(r.Trouble().Error(), newSecret) {
		t.Errorf("the secret is said: %v", r.Trouble())
	}
	clock.Add(1)
	good("still broken", true, true, true)

	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	clock.Add(1)
	good("gone", true, true, true)
	clock.Add(1)
	good("still gone", true, true, true)

	write(t, file, newLine)
	good("not looked at yet", true, true, true)
	r.Reload()
	good("told to look", false, true, false)
	if now, _ := r.Check(newSecret); r.Holds(first) || !r.Holds(now) {
		t.Error("what was revoked is held, or what is good isn't")
	}
	// Once for each file as it was, not for each look at it.
	if len(told) != 4 || told[0] != nil || told[1] == nil || told[2] == nil || told[3] != nil {
		t.Errorf("told %v", told)
	}
}

func TestNobody(t *testing.T) {
	r, err := keys.Open(keys.Source{Lines: []string{" ", ""}})
	if err != nil || !r.Empty() || r.Trouble() != nil {
		t.Fatalf("%v", err)
	}
	if _, ok := r.Check(""); ok {
		t.Error("nothing is a key")
	}
	if !r.Holds(keys.Key{Scope: keys.Operate}) || r.Holds(keys.Key{ID: "ci", Scope: keys.Operate}) {
		t.Error("without keys everybody may, and nobody is known")
	}
	ctx := keys.With(context.Background(), keys.Key{ID: "ci", Scope: keys.Read})
	if k, ok := keys.From(ctx); !ok || k.ID != "ci" {
		t.Errorf("%+v, %v", k, ok)
	}
	if _, ok := keys.From(context.Background()); ok {
		t.Error("nobody asked")
	}
}

// write replaces a file, as an operator's editor does.
func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}
