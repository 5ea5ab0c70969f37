package nightly

import (
	"context"
	"io"

	"github.com/offpeak/offpeak/batch"
)

// Books is the read side of the ledger and the archive, where a night's answers
// are: Temporal has none of them. *books.Books of starter/books is one.
type Books interface {
	// WriteResults writes a line for each of a batch's jobs, as JSON Lines, in the
	// manifest's order. NotFound when these books have no such batch.
	WriteResults(ctx context.Context, id batch.ID, w io.Writer) error
}

// WithBooks returns a Client that reads results from b, which stays the
// caller's to close. Everything else needs Temporal alone.
func (c *Client) WithBooks(b Books) *Client {
	twin := *c
	twin.books = b
	return &twin
}

// Results writes every job of a batch with its answer, as JSON Lines, as of
// now, also while the night runs. It needs books: see [Client.WithBooks].
func (c *Client) Results(ctx context.Context, id batch.ID, w io.Writer) error {
	const op = "read results"
	if _, err := batch.ParseID(string(id)); err != nil {
		return &batch.Fault{Kind: batch.BadInput, Op: op, Thing: string(id), Err: err}
	}
	if c.books == nil {
		return &batch.Fault{
			Kind: batch.BadInput, Op: op, Thing: string(id), Detail: "this client has no books: answers are in the ledger and the archive, and not in Temporal",
			Hint: "open them with books.Open of starter/books, hand them over with WithBooks; starter results prints the same",
		}
	}
	return c.books.WriteResults(ctx, id, w)
}
