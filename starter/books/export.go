package books

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// Order says what to take out, and where to.
type Order struct {
	Out   string       // ends in .csv or .parquet
	Batch string       // NAME/NIGHT or NAME; "" for all
	Night tariff.Night // only this night's; "" for all
	Force bool         // write over a file that is there

	what string // which file it is, for messages: an export when empty
}

// Exported is what a file has, as read back from it. The ledger's own sums are
// the same, or there is no file.
type Exported struct {
	File    string `json:"file"`
	Format  string `json:"format"`
	Bytes   int64  `json:"bytes"`
	Batches int    `json:"batches"`
	Jobs    int    `json:"jobs"`
	Rows    int    `json:"rows"`
	Money   Sums   `json:"money"`
}

// sheet is a file being written.
type sheet interface {
	add(row) error
	end() error // nothing is complete before
}

// kinds are the files that can be written, by their ending.
var kinds = map[string]struct {
	write func(*os.File) sheet
	read  func(*os.File, func(billed, day *money.USD) error) error
}{
	".csv":     {newCSV, readCSV},
	".parquet": {newParquet, readParquet},
}

// Export writes the warehouse's table: a row for each charge, with its job,
// and a row without dollars for each job that has none. It reads one snapshot,
// so that a night may go on meanwhile, and has some thousand rows in memory at a
// time. The file gets its name when it is complete, its rows were read back, and
// their sum is the ledger's; one of that name is only replaced by force. far is
// told now and then how many rows there are.
func (b *Books) Export(ctx context.Context, o Order, far func(rows int)) (out Exported, err error) {
	kind, known := kinds[strings.ToLower(filepath.Ext(o.Out))]
	if !known {
		return out, refuse(o, "its name ends in neither .csv nor .parquet", nil)
	}
	if !o.Force {
		if _, err := os.Lstat(o.Out); err == nil {
			return out, there(o)
		}
	}
	ids, err := b.choose(ctx, o.Batch, o.Night)
	if err != nil {
		return out, err
	}
	// Beside its place, so that the last step is only a name.
	f, err := os.CreateTemp(filepath.Dir(o.Out), "."+filepath.Base(o.Out)+".*")
	if err != nil {
		return out, refuse(o, "", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // what went wrong is said already
		}
	}()
	defer func() { _ = f.Close() }() // closed below when all went well

	wrote := Exported{File: o.Out, Format: strings.ToLower(filepath.Ext(o.Out))[1:], Batches: len(ids)}
	s := kind.write(f)
	totals, err := b.ledger.Entries(ctx, ids, func(e ledger.Entry) error {
		wrote.Jobs++
		for _, r := range rowsOf(e) {
			if err := s.add(r); err != nil {
				return refuse(o, "", err)
			}
			if r.charged() {
				if r.charge.Digest() != r.charge.Hash {
					return &batch.Fault{
						Kind: batch.BooksDisagree, Op: "export", Thing: fmt.Sprintf("charge %d", r.charge.N), Detail: "its content was changed: it doesn't hash to what it says; nothing was written",
						Hint: "starter ledger verify says more",
					}
				}
				wrote.Money.add(r.charge.Total, r.charge.DayPrice)
			}
			if wrote.Rows++; wrote.Rows%1000 == 0 {
				far(wrote.Rows)
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return out, b.unknown(ctx, err)
	}
	if err := s.end(); err != nil {
		return out, refuse(o, "", err)
	}
	ours := Sums{totals.Charges, totals.Charged, totals.DayPrice, totals.DayPrice - totals.Charged}
	if wrote.Money != ours || wrote.Jobs != totals.Jobs.Total {
		return out, &batch.Fault{
			Kind: batch.BooksDisagree, Op: "export", Thing: b.place,
			Detail: fmt.Sprintf("%d jobs with %s were read, %d with %s is what the running sums say; nothing was written", wrote.Jobs, wrote.Money, totals.Jobs.Total, ours),
			Hint:   "starter ledger verify names the row",
		}
	}
	if err := reread(f, kind.read, wrote); err != nil {
		return out, refuse(o, "", err)
	}
	info, err := f.Stat()
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		return out, refuse(o, "", err)
	}
	wrote.Bytes = info.Size()
	if err := name(f.Name(), o); err != nil {
		return out, err
	}
	return wrote, nil
}

// choose is which batches to take out.
func (b *Books) choose(ctx context.Context, arg string, night tariff.Night) ([]batch.ID, error) {
	switch {
	case arg != "" && night != "" && !strings.Contains(arg, "/"):
		arg = string(batch.NewID(batch.Name(arg), night))
		fallthrough
	case arg != "":
		id, err := b.Find(ctx, arg)
		if err == nil && night != "" && id.Night() != night {
			err = &batch.Fault{Kind: batch.BadInput, Op: "choose batches", Thing: arg, Detail: "it isn't a batch of the night " + string(night), Hint: "name the batch or the night"}
		}
		return []batch.ID{id}, err
	}
	all, err := b.ledger.Nights(ctx, "")
	if err != nil || night == "" {
		return all, stopped(ctx, err)
	}
	var some []batch.ID
	for _, id := range all {
		if id.Night() == night {
			some = append(some, id)
		}
	}
	if len(some) == 0 {
		return nil, b.none("find batches of the night", string(night))
	}
	return some, nil
}

// String is "3 charges of $0.20, $0.34 by day".
func (s Sums) String() string {
	return fmt.Sprintf("%d charges of %s, %s by day", s.Charges, s.Billed.Dollars(), s.DayPrice.Dollars())
}

// reread adds up the file as any other program would read it.
func reread(f *os.File, read func(*os.File, func(billed, day *money.USD) error) error, want Exported) error {
	if _, err := f.Seek(0, 0); err != nil {
		return err
	}
	rows, sums := 0, Sums{}
	err := read(f, func(billed, day *money.USD) error {
		rows++
		switch {
		case billed != nil && day != nil:
			sums.add(*billed, *day)
		case billed != nil || day != nil:
			return fmt.Errorf("row %d has one price of two", rows)
		}
		return nil
	})
	if err == nil && (rows != want.Rows || sums != want.Money) {
		err = fmt.Errorf("%d rows with %s were written, %d with %s are in it", want.Rows, want.Money, rows, sums)
	}
	if err != nil {
		return &batch.Fault{Kind: batch.Internal, Op: "read back", Thing: want.File, Detail: err.Error(), Err: err}
	}
	return nil
}

// name gives a complete file its name. A link, unlike a renaming, fails when
// the name was taken meanwhile.
func name(temp string, o Order) error {
	if o.Force {
		if err := os.Rename(temp, o.Out); err != nil {
			return refuse(o, "", err)
		}
		return nil
	}
	err := os.Link(temp, o.Out)
	switch {
	case errors.Is(err, fs.ErrExist):
		return there(o)
	case err == nil:
		if err := os.Remove(temp); err != nil {
			return refuse(o, "", err)
		}
		return nil
	}
	// A file system without links.
	if _, err := os.Lstat(o.Out); err == nil {
		return there(o)
	}
	if err := os.Rename(temp, o.Out); err != nil {
		return refuse(o, "", err)
	}
	return nil
}

func there(o Order) error {
	f := refuse(o, "it is there already", nil)
	f.Hint = "name another file, or write over it with --force"
	return f
}

// refuse is a file that can't be written: a name that won't do, or a disk. A
// fault passes.
func refuse(o Order, why string, err error) *batch.Fault {
	var f *batch.Fault
	if errors.As(err, &f) {
		return f
	}
	f = &batch.Fault{Kind: batch.BadInput, Op: "write export", Thing: o.Out, Detail: why, Err: err, Hint: "name a file such as charges.parquet in a folder that may be written"}
	if o.what != "" {
		f.Op, f.Hint = "write "+o.what, "name a file in a folder that may be written"
	}
	if err == nil {
		return f
	}
	f.Detail = err.Error()
	var path *fs.PathError
	if errors.As(err, &path) {
		f.Detail = path.Err.Error() // its path is a passing one
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.ENOTDIR) {
		f.Kind, f.Hint = batch.OutOfReach, "look at the disk: no file was left behind, and it can be written again"
	}
	return f
}
