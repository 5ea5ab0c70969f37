package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/books"
	"github.com/offpeak/offpeak/tariff"
)

type (
	listInput struct {
		Name  string   `query:"name" maxLength:"63" doc:"Only this manifest's" example:"market-digest"`
		Night string   `query:"night" maxLength:"10" doc:"Only of this night" example:"2026-11-22"`
		State []string `query:"state" enum:"planning,waiting,sending,auditing,done,failed,unfinished" doc:"Only in these states, as the books have them, separated by commas"`
		Limit int      `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"At most so many"`
		After string   `query:"after" maxLength:"80" doc:"Only behind this batch: next of the page before" example:"market-digest/2026-11-22"`
	}
	// listed is a batch in a list.
	listed struct {
		books.Night
		Links links `json:"links"`
	}
	batches struct {
		Batches []listed  `json:"batches" nullable:"false"`
		Next    *batch.ID `json:"next" doc:"Goes into after for the next page; null on the last"`
	}
	listOutput struct{ Body batches }
)

func (a *API) listOperation() {
	register(a, operation{
		id: "list-batches", method: http.MethodGet, path: "/v1/batches", tag: tagLook, scope: read,
		summary: "List batches, the newest first",
		text: `As the ledger has them: a night enters it when a worker has planned it. States are those that the books can tell; what Temporal and the
workers know of a running night is in its status.`,
	}, func(ctx context.Context, in *listInput) (*listOutput, error) {
		b, err := a.books.get(ctx)
		if err != nil {
			return nil, err
		}
		c := books.Choice{Name: batch.Name(in.Name), Night: tariff.Night(in.Night), States: in.State, After: batch.ID(in.After), Limit: in.Limit}
		if in.Name != "" {
			if err := c.Name.Valid(); err != nil {
				return nil, bad("list batches", "query.name", err.Error(), "")
			}
		}
		if in.Night != "" {
			if _, err := time.Parse(time.DateOnly, in.Night); err != nil {
				return nil, bad("list batches", "query.night", quoted(in.Night)+" is no night", "write a date such as 2026-11-22")
			}
		}
		if in.After != "" {
			if _, err := batch.ParseID(in.After); err != nil {
				return nil, bad("list batches", "query.after", err.Error(), "hand in next of the page before")
			}
		}
		page, err := b.Nights(ctx, c, a.Now())
		if err != nil {
			return nil, err
		}
		out := batches{Batches: make([]listed, len(page.Batches)), Next: page.Next}
		for i, n := range page.Batches {
			out.Batches[i] = listed{n, linksOf(n.Batch)}
		}
		return &listOutput{out}, nil
	})
}

// booksOpen is the books if they are open.
func (a *API) booksOpen() *books.Books {
	b, _ := a.books.peek()
	return b
}
