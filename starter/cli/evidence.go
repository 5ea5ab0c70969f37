package cli

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/evidence"
	"github.com/offpeak/offpeak/internal/build"
	"github.com/offpeak/offpeak/starter/books"
)

func (a *app) evidenceCmd() *cobra.Command {
	var (
		q    books.Wish
		sign string
	)
	logs := []string{books.LogAuto, books.LogLake, books.LogLive, books.LogNone}
	cmd := &cobra.Command{
		Use:   "evidence NAME/NIGHT|NAME",
		Short: "Write a batch's evidence as one file, for whoever has only that",
		Long: `Writes one file that proves a batch that was judged: its terms, its jobs and how
each ended, what pins each answer (models, temperatures, loops) with the SHA-256
of each request, a receipt of every HTTP request, every charge with the chain of
hashes, the provider's own log rows, the audit's verdict and the report. A name
alone means its latest night.

It is a plain tar that sha256sum can check, and starter evidence verify does: it
needs no settings, no network and no books. While it is written it is verified;
its SHA-256 is printed and kept beside it, in FILE.sha256. The same books make
the same bytes.

Prompts and answers are left out unless they are asked for. What else isn't in
it is said in it, with the reason. The provider's rows come from the log lake
when it shows every job that was charged, else from the provider itself when
SWARMS_API_KEY is set: --log lake, live or none decides otherwise.

With --sign it is signed with an Ed25519 key:
openssl genpkey -algorithm ed25519 -out key.pem makes one, and
openssl pkey -in key.pem -pubout -out pub.pem its public half.

It reads the ledger that OFFPEAK_LEDGER names and the archive that
OFFPEAK_ARCHIVE names, beside running workers, and needs neither Temporal nor a
worker.`,
		Example: `  starter evidence market-digest/2026-11-22 -o night.tar --sign key.pem
  starter evidence verify night.tar --key pub.pem
  starter evidence market-digest -o - | ssh vault 'cat > night.tar'`,
		Args: a.night,
		RunE: func(c *cobra.Command, args []string) error {
			if !slices.Contains(logs, q.Log) {
				return &batch.Fault{Kind: batch.BadInput, Op: "read --log", Thing: q.Log, Detail: "it is none of " + strings.Join(logs, ", ")}
			}
			if sign != "" {
				text, err := readKey("--sign", sign)
				if err != nil {
					return err
				}
				if q.Key, err = evidence.PrivateKey(text); err != nil {
					return &batch.Fault{Kind: batch.BadInput, Op: "read --sign", Thing: sign, Detail: err.Error(), Hint: "openssl genpkey -algorithm ed25519 -out key.pem makes one"}
				}
			}
			b := build.This()
			q.Batch, q.Program = args[0], fmt.Sprintf("offpeak %s, commit %s", b.Version, b.Commit)
			return a.onBooks(c.Context(), func(b *books.Books) error {
				id, err := b.Find(c.Context(), q.Batch)
				if err != nil {
					return err
				}
				q := q
				switch q.Batch = string(id); q.Out {
				case "":
					q.Out = strings.ReplaceAll(string(id), "/", "-") + ".evidence.tar"
				case "-":
					q.Out = ""
				}
				far := a.far()
				made, err := b.Evidence(c.Context(), q, a.Out, func(doing string, n int) { far("%s so far: %s", doing, grouped(n)) })
				if err != nil {
					return err
				}
				return a.bundled(made)
			})
		},
	}
	f := cmd.Flags()
	f.StringVarP(&q.Out, "output", "o", "", "the file to write, - for standard output; NAME-NIGHT.evidence.tar in this folder when not given")
	f.BoolVar(&q.Answers, "with-answers", false, "with the answers, from the archive")
	f.BoolVar(&q.Prompts, "with-prompts", false, "with the requests as they were sent")
	f.StringVar(&q.Log, "log", books.LogAuto, "where the provider's rows come from: "+strings.Join(logs, ", "))
	f.StringVar(&sign, "sign", "", "sign with the Ed25519 key in this file (PEM, PKCS#8)")
	f.BoolVar(&q.Force, "force", false, "write over a file that is there")
	cmd.AddCommand(a.evidenceVerifyCmd())
	return cmd
}

// bundled says what was written. Evidence of books that don't agree is written
// all the same, and ends with 5.
func (a *app) bundled(made books.Bundled) error {
	switch {
	case made.File == "": // it went to standard output
		for _, n := range made.Notes {
			a.note("note: %s", printable(n))
		}
		a.note("sha256: %s", made.Digest)
	case a.json:
		if err := a.object(made); err != nil {
			return err
		}
	default:
		a.checked(made.File, "written and verified", made.Verified)
	}
	return a.unproven(made.Verified)
}

func (a *app) evidenceVerifyCmd() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use:   "verify BUNDLE|-",
		Short: "Check a file of evidence, without books, settings or network",
		Long: `Reads a file that starter evidence wrote, from its first byte to its last. Every
byte is one that could be nothing else: headers and padding are compared with
their only form, contents with two hashes on record, lines with their only way
of being written. Then all of it is held against all of it: each charge against
its hash, its place in the chain, the job, the receipt and the provider's row;
sums against report, verdict and manifest; pins against the rule of regulated
work, where that is the batch's policy.

All that doesn't hold is said at once, with entry, line and field. FILE.sha256
is compared, too, when it lies beside the file.

A signature is checked against the key that the file brings along, which says
that nothing was changed since, and not by whom it was signed; --key says whose
it must be.

Ends with 0 when everything holds, with 5 when something doesn't, and with 2 for
what is no evidence at all.`,
		Example: `  starter evidence verify night.tar
  starter evidence verify night.tar --key pub.pem --json`,
		Args: one("a file of evidence, or - for standard input"),
		RunE: func(_ *cobra.Command, args []string) error {
			o := evidence.Options{}
			if key != "" {
				pub, err := publicKey(key)
				if err != nil {
					return err
				}
				o.Key = pub
			}
			far := a.far()
			o.Far = func(n int64) { far("verifying: %s bytes so far", grouped(int(n))) }
			v, err := a.verifyFile(args[0], o)
			if err != nil {
				return err
			}
			if a.json {
				if err := a.object(v); err != nil {
					return err
				}
			} else {
				a.checked(args[0], "everything holds", v)
			}
			return a.unproven(v)
		},
	}
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"tar"}, cobra.ShellCompDirectiveFilterFileExt
	}
	cmd.Flags().StringVar(&key, "key", "", "the Ed25519 public key that must have signed it (PEM)")
	return cmd
}

// verifyFile verifies a file, and what its neighbour says of it.
func (a *app) verifyFile(name string, o evidence.Options) (evidence.Verified, error) {
	if name == "-" {
		return evidence.Verify(a.In, o)
	}
	f, err := os.Open(name)
	if err != nil {
		return evidence.Verified{}, unopened("verify evidence", name, err)
	}
	defer func() { _ = f.Close() }() // it was only read
	v, err := evidence.Verify(f, o)
	if err != nil {
		var f *batch.Fault
		if errors.As(err, &f) && f.Thing == "" {
			f.Thing = name
		}
		return v, err
	}
	beside, err := os.ReadFile(books.SumFile(name))
	if err != nil {
		return v, nil //nolint:nilerr // it needn't be there
	}
	if digest, _, _ := strings.Cut(string(beside), " "); digest != v.Digest {
		v.OK = false
		v.Problems = append(v.Problems, evidence.Problem{
			Entry: filepath.Base(books.SumFile(name)),
			What:  fmt.Sprintf("it says %.12s, and the file hashes to %.12s: another file, or a changed one", digest, v.Digest),
		})
	}
	return v, nil
}

// unproven ends a command whose evidence doesn't hold.
func (a *app) unproven(v evidence.Verified) error {
	if v.OK {
		return nil
	}
	if !a.json {
		for _, p := range v.Problems {
			a.note("error: %s", printable(p.String()))
		}
		if v.More > 0 {
			a.note("and %s more", grouped(v.More))
		}
		a.note("hint: compare with another copy; a batch whose books didn't agree has evidence that doesn't either: starter report %s says why", printable(string(v.Batch)))
	}
	return exit(batch.ExitAudit)
}

// checked shows what a verification went through.
func (a *app) checked(file, fine string, v evidence.Verified) {
	word, rows := a.paint(green, "OK"), fine
	if !v.OK {
		word, rows = a.paint(red, "FAILED"), plural(len(v.Problems)+v.More, "thing")+" in it that can't be right"
	}
	fmt.Fprintf(a.Out, "%s: %s, %s\n\n", word, printable(file), rows)
	t := newTable(a.Out)
	t.row("batch", printable(string(v.Batch)))
	t.row("jobs", fmt.Sprintf("%s, of which %s succeeded; %s", grouped(v.Jobs.Total), grouped(v.Jobs.Succeeded), plural(v.Receipts, "receipt")))
	t.row("billed", fmt.Sprintf("%s in %s; by day %s, saved %s", v.Money.Billed.Dollars(), plural(v.Money.Charges, "charge"), v.Money.DayPrice.Dollars(), v.Money.Saved.Dollars()))
	if v.Chain.First > 0 {
		t.row("chain", chainText(v.Chain))
	}
	t.row("pins", pinsText(v))
	rowsText := "none: see the notes"
	if v.Rows > 0 {
		rowsText = plural(v.Rows, "row") + ", the same amounts"
		if !v.OK {
			rowsText = plural(v.Rows, "row")
		}
	}
	t.row("provider's log", rowsText)
	t.row("audit", map[bool]string{true: "passed", false: a.paint(red, "did not pass")}[v.Passed])
	t.row("signed", signedText(v))
	t.row("entries", fmt.Sprintf("%s, %s bytes", grouped(len(v.Files)), grouped(int(v.Bytes))))
	t.row("sha256", v.Digest)
	t.flush()
	for _, n := range v.Notes {
		a.note("note: %s", printable(n))
	}
}

func chainText(c evidence.Chain) string {
	s := fmt.Sprintf("charges %s to %s", grouped(int(c.First)), grouped(int(c.Last)))
	if c.First == c.Last {
		s = "charge " + grouped(int(c.First))
	}
	if c.Others > 0 {
		s += fmt.Sprintf(", of which %s of other batches are links without content", grouped(int(c.Others)))
	}
	return s
}

func pinsText(v evidence.Verified) string {
	s := plural(v.Pins, "request")
	if v.Compliance == batch.ComplianceRegulated {
		if !v.OK {
			return s + ": regulated"
		}
		return s + ": regulated, and all that were sent keep the rule"
	}
	return s + "; no rule is set for them (policy.compliance: none)"
}

func signedText(v evidence.Verified) string {
	switch {
	case v.SignedBy == "":
		return "no"
	case v.Trusted:
		return "by the key that was given, " + v.SignedBy[:12]
	}
	return "by the key in it, " + v.SignedBy[:12] + "; whose that is, --key would say"
}

// readKey reads a file of a key. Its content is never shown.
func readKey(flag, name string) ([]byte, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, unopened("read "+flag, name, err)
	}
	return text, nil
}

func publicKey(name string) (ed25519.PublicKey, error) {
	text, err := readKey("--key", name)
	if err != nil {
		return nil, err
	}
	pub, err := evidence.PublicKey(text)
	if err != nil {
		return nil, &batch.Fault{Kind: batch.BadInput, Op: "read --key", Thing: name, Detail: err.Error(), Hint: "openssl pkey -in key.pem -pubout -out pub.pem makes it of the private one"}
	}
	return pub, nil
}

// unopened is a file that can't be read.
func unopened(op, name string, err error) error {
	f := &batch.Fault{Kind: batch.BadInput, Op: op, Thing: name, Err: err}
	var p *fs.PathError
	if errors.As(err, &p) {
		f.Detail = p.Err.Error()
	}
	if errors.Is(err, fs.ErrNotExist) {
		f.Kind = batch.NotFound
	}
	return f
}
