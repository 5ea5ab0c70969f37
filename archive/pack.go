package archive

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/offpeak/offpeak/batch"
)

// A pack is one object that holds what several callers of Gather kept in the
// same moment: written once and whole like any other, and so as durable, at
// the price of one. In it each content follows a line of JSON that says what
// it is:
//
//	{"key":"market-digest/2026-11-22/answers/4b0f...-....json","bytes":812,"sha256":"..."}
//	<812 bytes>
//
// A reference names the pack and the bytes of one content with its line:
//
//	market-digest/2026-11-22/answers/pack-3KD....txt@0+985
//
// Whoever reads compares the line with what follows it, so a pack that was cut
// short or changed is a fault and never another answer.

const (
	// packers bounds the packs that are written at the same time. With one, an
	// answer that comes just after a pack has begun waits for two; from the third
	// on packs only get smaller, and each costs two syncs of the disk.
	packers = 2
	// packMost and packBytes bound a pack: enough to spread its price thin, little
	// enough that nobody waits long for others' bytes.
	packMost  = 256
	packBytes = 4 << 20
	// unpackable is too large to gain from company, in bytes.
	unpackable = 1 << 20
)

// gathering is one content on its way into a pack.
type gathering struct {
	key     string
	content []byte
	done    chan struct{}
	ref     string
	err     error
}

// gatherer writes what comes while others are written together.
type gatherer struct {
	mu    sync.Mutex
	queue []*gathering
	busy  int
}

// Gather is Put for many callers at once: those that come while others are
// being written share one object. It returns the reference that Get and Read
// take, which is the key itself for a content that came alone or is large.
// On disk before it returns. It never waits for company.
//
// A reference is the only way to a content in a pack, so two contents under
// one key are both kept, and nobody is told: the caller's books decide.
func (a *Archive) Gather(ctx context.Context, key string, content []byte) (ref string, err error) {
	if err := a.writable(key); err != nil {
		return "", err
	}
	if len(content) > unpackable {
		return key, a.Put(ctx, key, content)
	}
	g := &gathering{key: key, content: content, done: make(chan struct{})}
	a.gather.mu.Lock()
	a.gather.queue = append(a.gather.queue, g)
	if a.gather.busy < packers {
		a.gather.busy++
		go a.pack(context.WithoutCancel(ctx)) // others' contents don't end with one caller
	}
	a.gather.mu.Unlock()
	select {
	case <-g.done:
		return g.ref, g.err
	case <-ctx.Done(): // it may be kept all the same, under a reference that nobody knows
		return "", ctx.Err()
	}
}

// pack writes until nobody waits.
func (a *Archive) pack(ctx context.Context) {
	for {
		group := a.gather.take()
		if len(group) == 0 {
			return
		}
		a.together(ctx, group)
		for _, g := range group {
			close(g.done)
		}
		runtime.Gosched() // those who were just answered may bring more
	}
}

// take is the next group, of one folder; with none left one packer is free.
func (q *gatherer) take() []*gathering {
	q.mu.Lock()
	defer q.mu.Unlock()
	var group []*gathering
	bytes := 0
	q.queue = slices.DeleteFunc(q.queue, func(g *gathering) bool {
		if len(group) == packMost || bytes > packBytes || len(group) > 0 && path.Dir(g.key) != path.Dir(group[0].key) {
			return false
		}
		group, bytes = append(group, g), bytes+len(g.content)
		return true
	})
	if len(group) == 0 {
		q.busy--
	}
	return group
}

// together writes a group as one object. Where that can't be done each is
// tried by itself: one bad moment of a store must not cost many answers.
func (a *Archive) together(ctx context.Context, group []*gathering) {
	if len(group) > 1 {
		name := path.Join(path.Dir(group[0].key), "pack-"+rand.Text()+".txt")
		if a.Put(ctx, name, fill(name, group)) == nil {
			return
		}
	}
	for _, g := range group {
		g.ref, g.err = g.key, a.Put(ctx, g.key, g.content)
	}
}

// fill is a pack's content; each of the group learns its reference.
func fill(name string, group []*gathering) []byte {
	var b bytes.Buffer
	for _, g := range group {
		from := b.Len()
		sum := sha256.Sum256(g.content)
		line, _ := json.Marshal(packed{g.key, len(g.content), hex.EncodeToString(sum[:])}) // strings and a number
		b.Write(line)
		b.WriteByte('\n')
		b.Write(g.content)
		g.ref = fmt.Sprintf("%s@%d+%d", name, from, b.Len()-from)
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// packed is the line before a content.
type packed struct {
	Key    string `json:"key"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// An '@' is in no key.
var refRE = regexp.MustCompile(`^([^@]+)@([0-9]{1,12})\+([0-9]{1,12})$`)

// unpack reads a content out of a pack; NotFound when there is no such pack.
func (a *Archive) unpack(ctx context.Context, ref string) ([]byte, error) {
	parts := refRE.FindStringSubmatch(ref)
	if parts == nil {
		return nil, &batch.Fault{Kind: batch.Internal, Op: opRead, Thing: clip(ref), Detail: "not a reference into a pack: key@from+bytes"}
	}
	if err := checkKey(opRead, parts[1]); err != nil {
		return nil, err
	}
	from, _ := strconv.ParseInt(parts[2], 10, 64) // at most twelve digits
	size, _ := strconv.ParseInt(parts[3], 10, 64)
	if size > 2*unpackable {
		return nil, damaged(ref, "no content in a pack is as long")
	}
	r, err := a.bucket.NewRangeReader(ctx, parts[1], from, size, nil)
	if err != nil {
		return nil, a.unread(parts[1], err)
	}
	entry, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, a.store.fault(opRead, ref, err)
	}
	line, content, _ := bytes.Cut(entry, []byte{'\n'})
	var is packed
	sum := sha256.Sum256(content)
	if int64(len(entry)) != size || json.Unmarshal(line, &is) != nil || is.Bytes != len(content) || is.SHA256 != hex.EncodeToString(sum[:]) {
		return nil, damaged(ref, "the pack doesn't hold what was written there")
	}
	return content, nil
}

func damaged(ref, why string) error {
	return &batch.Fault{
		Kind: batch.Internal, Op: opRead, Thing: ref, Detail: "it is damaged: " + why,
		Hint: "the provider's log may still have the answer; restore the archive from a backup",
	}
}

func inPack(ref string) bool { return strings.Contains(ref, "@") }
