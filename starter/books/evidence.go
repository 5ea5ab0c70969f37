package books

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/evidence"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider/swarms"
)

// Where the provider's rows of a bundle come from.
const (
	LogAuto = "auto" // the lake when it shows every job that was charged, else the provider when there is a key
	LogLake = "lake" // the log lake
	LogLive = "live" // GET /v1/swarm/logs
	LogNone = "none"
)

// Wish says what evidence is wanted, and where to.
type Wish struct {
	Batch   string // NAME/NIGHT, or NAME for its latest night
	Out     string // a file; "" for the writer that is handed over
	Force   bool   // write over a file that is there
	Prompts bool   // with the requests
	Answers bool   // with the answers
	Log     string // one of the above
	Key     ed25519.PrivateKey
	Program string // which offpeak writes it
}

// Bundled is what was written, as it was read back.
type Bundled struct {
	File string `json:"file,omitempty"`
	Sum  string `json:"sha256_file,omitempty"` // beside it: its SHA-256, for sha256sum -c
	evidence.Verified
}

// SumFile is where the SHA-256 of a bundle is kept, beside it.
func SumFile(file string) string { return file + ".sha256" }

// Evidence writes the bundle of one batch that was judged: see package
// evidence. It reads one snapshot of the books, holds no more than ids of jobs
// and what the provider says of them, and verifies what it writes while it
// does. A file gets its name when it is complete. far is told now and then how
// far it is.
func (b *Books) Evidence(ctx context.Context, q Wish, out io.Writer, far func(doing string, n int)) (made Bundled, err error) {
	o, sums := Order{Out: q.Out, Force: q.Force, what: "evidence"}, Order{Out: SumFile(q.Out), Force: q.Force, what: "evidence"}
	if q.Out != "" && !q.Force {
		for _, o := range []Order{o, sums} {
			if _, err := os.Lstat(o.Out); err == nil {
				return made, there(o)
			}
		}
	}
	id, err := b.Find(ctx, q.Batch)
	if err != nil {
		return made, err
	}
	g := &gathering{Books: b, wish: q, far: far}
	g.bundle = evidence.NewBuilder(func() (evidence.Spool, error) { return hidden(q.Out) })
	defer func() { _ = g.bundle.Close() }() // they have no names any more
	if err := g.gather(ctx, id); err != nil {
		if g.early != nil {
			return made, g.early
		}
		return made, b.unknown(ctx, err)
	}
	fill := func(w io.Writer) error {
		made.Verified, err = g.write(w)
		return err
	}
	if q.Out == "" {
		return made, fill(out)
	}
	if err := whole(o, fill); err != nil {
		return made, err
	}
	made.File, made.Sum = q.Out, sums.Out
	return made, whole(sums, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s  %s\n", made.Digest, filepath.Base(q.Out))
		return err
	})
}

// hidden is a file without a name, beside the one that is to be written: what
// is in it is gone with the program, however that ends.
func hidden(beside string) (evidence.Spool, error) {
	dir := ""
	if beside != "" {
		dir = filepath.Dir(beside)
	}
	f, err := os.CreateTemp(dir, ".evidence.*")
	if err != nil {
		return nil, refuse(Order{Out: beside, what: "evidence"}, "", err)
	}
	return f, os.Remove(f.Name())
}

// gathering is one bundle in the making.
type gathering struct {
	*Books
	wish   Wish
	far    func(string, int)
	bundle *evidence.Builder

	batch   ledger.Batch
	seqs    map[string]int // of every job that was sent, by request id
	charged map[int]bool
	kept    []kept // answers
	gone    int    // requests that aren't kept any more
	deleted map[batch.Kept]string
	last    ledger.Charge
	early   error // there is no evidence yet
}

// swarmsProvider is the one whose requests get a tag on their way, and that has
// a log.
const swarmsProvider = "swarms"

// kept is where a job's answer is.
type kept struct {
	seq       int
	id, where string
}

func (g *gathering) gather(ctx context.Context, id batch.ID) error {
	g.seqs, g.charged, g.deleted = map[string]int{}, map[int]bool{}, map[batch.Kept]string{}
	for _, name := range []string{evidence.FileJobs, evidence.FilePins, evidence.FileReceipts, evidence.FileCharges} {
		if err := g.bundle.Has(name); err != nil {
			return err
		}
	}
	notes, err := g.ledger.Purges(ctx, id)
	if err != nil {
		return err
	}
	for _, p := range notes {
		g.deleted[p.What] = ": " + p.Said()
	}
	jobs := 0
	err = g.ledger.ReadBatch(ctx, id, ledger.Dossier{
		Batch: g.head,
		Job: func(f ledger.Folder) error {
			if jobs++; jobs%1000 == 0 {
				g.far("reading the books: jobs", jobs)
			}
			return errors.Join(ctx.Err(), g.folder(f))
		},
		Charge: g.link,
	})
	if err != nil {
		return err
	}
	if !g.wish.Prompts {
		g.bundle.Lacks(evidence.FileRequests, "the requests weren't asked for (--with-prompts); pins.jsonl has the SHA-256 of each")
	}
	if g.gone > 0 {
		g.bundle.Lacks("pins", fmt.Sprintf("of %d jobs the request isn't kept any more%s; jobs.jsonl has its SHA-256", g.gone, g.deleted[batch.KeptPrompts]))
	}
	if said := g.deleted[batch.KeptReceipts]; said != "" {
		g.bundle.Lacks("receipts", "headers and hashes of answers aren't kept any more"+said+"; that each request was made, when and with which status is")
	}
	if err := g.rows(ctx); err != nil {
		return err
	}
	return g.verdict(ctx)
}

// head is what the bundle is about. A night that still runs has no evidence
// yet.
func (g *gathering) head(b ledger.Batch, t ledger.Totals) error {
	g.batch = b
	switch {
	case t.Planned+t.Reserved+t.Sending > 0:
		g.early = &batch.Fault{
			Kind: batch.NotFound, Op: "write evidence of", Thing: string(b.ID), Detail: fmt.Sprintf("%d of its %d jobs are still on their way", t.Planned+t.Reserved+t.Sending, t.Jobs.Total),
			Hint: "wait for its end: starter watch " + string(b.ID),
		}
	case len(b.Result) == 0:
		g.early = &batch.Fault{
			Kind: batch.NotFound, Op: "write evidence of", Thing: string(b.ID), Detail: "the night wasn't judged yet",
			Hint: "starter status " + string(b.ID) + " says how it stands; starter reconcile judges a night that was cut short",
		}
	}
	if g.early != nil {
		return g.early
	}
	m := g.bundle.Manifest()
	m.Program, m.Batch, m.Provider, m.Key, m.Digest, m.PlannedAt = g.wish.Program, b.ID, b.Provider, b.Key, b.Digest, b.PlannedAt
	m.Workflow = evidence.Workflow{ID: b.Owner.WorkflowID, Run: b.Owner.RunID}
	m.Span, m.Card, m.Budget, m.Policy, m.Jobs = b.Span, b.Card, b.Budget, b.Policy, t.Jobs
	return nil
}

// folder adds one job with everything that was sent for it.
func (g *gathering) folder(f ledger.Folder) error {
	j := f.Job
	if j.Models == nil {
		j.Models = []string{}
	}
	err := g.bundle.Job(evidence.Job{
		Seq: j.Seq, Name: j.Name, RequestID: j.RequestID, State: j.State, Why: j.Why, Type: j.Type, Models: j.Models, Agents: j.Agents,
		Estimate: j.Estimate, Ceiling: j.Ceiling, Attempts: j.Attempts, Planned: f.Digest,
	})
	if err != nil {
		return err
	}
	if len(f.Request) == 0 {
		g.gone++
	} else {
		sent := f.Request
		if g.batch.Provider == swarmsProvider {
			if tagged, err := swarms.Payload(f.Request, j.Name, j.RequestID); err == nil { // else it never left, for the same reason
				sent = tagged
			}
		}
		if err := g.bundle.Pin(j.Seq, j.RequestID, sent, g.wish.Prompts); err != nil {
			return err
		}
	}
	for _, a := range f.Attempts {
		err := g.bundle.Receipt(evidence.Receipt{
			Seq: j.Seq, RequestID: j.RequestID, Attempt: a.N, Key: a.Key, Together: a.Batched, Free: a.Free, Step: a.Step, SentAt: a.SentAt, EndedAt: a.EndedAt,
			Status: a.Status, Ending: a.Ending, Outcome: a.Outcome, Receipt: a.Receipt,
		})
		if err != nil {
			return err
		}
	}
	if len(f.Attempts) > 0 {
		g.seqs[j.RequestID] = j.Seq
	}
	if len(f.Charges) > 0 {
		g.charged[j.Seq] = true
	}
	if j.State == batch.Succeeded && g.wish.Answers {
		g.kept = append(g.kept, kept{j.Seq, j.RequestID, j.Output})
	}
	return nil
}

// link adds a charge. Also those of other batches are hashed anew here, where
// their content can be read: whoever gets the bundle sees their hashes only.
func (g *gathering) link(c ledger.Charge) error {
	if c.Digest() != c.Hash || g.last.N > 0 && (c.Prev != g.last.Hash || c.N != g.last.N+1) {
		return &batch.Fault{
			Kind: batch.BooksDisagree, Op: "write evidence of", Thing: fmt.Sprintf("charge %d", c.N), Detail: "the chain of charges doesn't hold there; nothing was written",
			Hint: "starter ledger verify says more",
		}
	}
	g.last = c
	return g.bundle.Charge(c)
}

// verdict adds how the night was judged, and the answers.
func (g *gathering) verdict(ctx context.Context) error {
	var r batch.Result
	if err := json.Unmarshal(g.batch.Result, &r); err != nil {
		return &batch.Fault{Kind: batch.BooksDisagree, Op: "read the verdict of", Thing: string(g.batch.ID), Detail: "it isn't the JSON that was written", Err: err}
	}
	if err := g.bundle.Page(evidence.FileAudit, r); err != nil {
		return err
	}
	store, err := archive.Reader(ctx, g.archive)
	if batch.KindOf(err) == batch.NotFound {
		g.bundle.Lacks(evidence.FileReport, "there is no archive at OFFPEAK_ARCHIVE")
		g.bundle.Lacks(evidence.FileAnswers, "there is no archive at OFFPEAK_ARCHIVE")
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }() // it was only read
	if err := g.report(ctx, store, r.Report); err != nil {
		return err
	}
	if !g.wish.Answers {
		g.bundle.Lacks(evidence.FileAnswers, "the answers weren't asked for (--with-answers)")
		return nil
	}
	if err := g.bundle.Has(evidence.FileAnswers); err != nil {
		return err
	}
	for i, k := range g.kept {
		answer, why := []byte(nil), "no answer was kept"
		if k.where != "" {
			answer, err = store.Get(ctx, k.where)
			switch batch.KindOf(err) {
			case "":
				why = ""
			case batch.NotFound, batch.Internal: // gone, or damaged
				why = "the archive has nothing under " + k.where + g.deleted[batch.KeptAnswers]
				if batch.KindOf(err) == batch.Internal {
					why = "the answer in the archive can't be read"
				}
			default:
				return err
			}
		}
		if err := g.bundle.Answer(k.seq, k.id, answer, why); err != nil {
			return err
		}
		if (i+1)%100 == 0 {
			g.far("reading the archive: answers", i+1)
		}
	}
	return nil
}

func (g *gathering) report(ctx context.Context, store *archive.Archive, url string) error {
	key, here := strings.CutPrefix(url, store.URL(""))
	if url == "" || !here {
		g.bundle.Lacks(evidence.FileReport, "it was written to another archive than OFFPEAK_ARCHIVE names")
		return nil
	}
	text, err := store.Get(ctx, key+".json")
	if batch.KindOf(err) == batch.NotFound {
		g.bundle.Lacks(evidence.FileReport, "the archive has nothing under "+key+".json")
		return nil
	}
	if err != nil {
		return err
	}
	return g.bundle.Verbatim(evidence.FileReport, text)
}

// write writes the bundle, and reads along.
func (g *gathering) write(w io.Writer) (evidence.Verified, error) {
	type read struct {
		v   evidence.Verified
		err error
	}
	end, along := io.Pipe()
	seen := make(chan read, 1)
	go func() {
		v, err := evidence.Verify(end, evidence.Options{Far: func(n int64) { g.far("writing: bytes", int(n)) }})
		_ = end.CloseWithError(err) // whoever writes hears of it
		seen <- read{v, err}
	}()
	digest, err := g.bundle.Write(io.MultiWriter(w, along), g.wish.Key)
	_ = along.CloseWithError(err) // with nil, its end
	r := <-seen
	switch {
	case err != nil:
		return r.v, err
	case r.err != nil:
		return r.v, r.err
	case r.v.Digest != digest:
		return r.v, &batch.Fault{Kind: batch.Internal, Op: "write evidence of", Thing: string(g.batch.ID), Detail: "what was read isn't what was written"}
	}
	return r.v, nil
}
