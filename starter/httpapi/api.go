package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/starter/books"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/starter/once"
)

// Options are what the door gets from outside. Only Client and Env are required.
type Options struct {
	Client *nightly.Client
	Books  *books.Books // who hands them over closes them; nil: opened by Env at their first use, and kept
	Env    config.Env
	Events Follower // nil: nobody can follow
	Roots  Roots    // which files and objects a request may name; the uploads' own place always is

	MaxUpload int64            // bytes of one upload; 1 GiB when 0
	Now       func() time.Time // the clock; time.Now when nil
	Log       *zap.Logger      // of what is wrong on this side; nil for none
	Version   string           // of the program, for the document; "dev" when empty
}

// Follower follows a batch's night for one client, as *events.Hub does: it
// writes the whole answer, or nothing and returns why.
type Follower interface {
	Stream(ctx context.Context, id batch.ID, lastEventID string, w http.ResponseWriter) error
}

// DefaultMaxUpload is what one upload may have in bytes.
const DefaultMaxUpload = 1 << 30

// API is the handler. It is safe for concurrent use; Close it after the server.
type API struct {
	Options
	mux     *http.ServeMux
	huma    huma.API
	books   lazy[*books.Books]
	uploads lazy[*uploads]
	once    lazy[*once.Desk]
}

// New makes the handler. Its settings are read once, here; what is wrong with
// them is a fault of kind BadInput. Neither the ledger nor the archive is
// opened before it is needed, so that a server may start before its worker.
func New(o Options) (*API, error) {
	c, err := config.Load(o.Env)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.MaxUpload <= 0 {
		o.MaxUpload = DefaultMaxUpload
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	a := &API{Options: o, mux: http.NewServeMux()}
	place, err := uploadsPlace(c.Archive)
	if err != nil {
		return nil, err
	}
	a.Roots = a.Roots.with(place)
	a.uploads.open = func(ctx context.Context) (*uploads, error) { return openUploads(ctx, c.Archive, place, o.MaxUpload) }
	a.uploads.close = (*uploads).close
	a.books.open = func(ctx context.Context) (*books.Books, error) { return books.Open(ctx, o.Env) }
	a.books.close = (*books.Books).Close
	a.once.open = func(ctx context.Context) (*once.Desk, error) { return once.Open(ctx, o.Env) }
	a.once.close = (*once.Desk).Close
	if o.Books != nil {
		a.books.have(o.Books)
	}
	a.huma = humago.New(a.mux, a.config())
	a.huma.UseMiddleware(a.authorise, a.negotiate)
	a.operations()
	if err := a.document(); err != nil {
		return nil, err
	}
	return a, nil
}

// Close lets go of what was opened here.
func (a *API) Close() error {
	return errors.Join(a.uploads.end(), a.books.end(), a.once.end())
}

// operations registers all, in the order of the documentation.
func (a *API) operations() {
	a.startOperations()
	a.lookOperations()
	a.readOperations()
	a.evidenceOperation()
	a.alertsOperation()
	a.steerOperations()
	a.priceOperations()
	a.uploadOperations()
	a.scheduleOperations()
}
