package cli

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/starter/books"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
	"github.com/offpeak/offpeak/starter/web"
)

// shelf is where a server has its books from when they are wanted: a worker
// that makes them may start after it.
type shelf struct {
	env config.Env

	mu   sync.Mutex
	open *books.Books
	page http.Handler
}

// openTimeout bounds the opening, for whoever waits for it and those behind.
const openTimeout = 5 * time.Second

func (s *shelf) books(ctx context.Context) (*books.Books, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open != nil {
		return s.open, nil
	}
	// What is kept must not end with whoever came first.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	late := time.AfterFunc(openTimeout, cancel)
	b, err := books.Open(ctx, s.env)
	late.Stop()
	if err != nil {
		cancel()
		return nil, err
	}
	s.open = b
	return b, nil
}

// ping says whether the ledger is there and can be read.
func (s *shelf) ping(ctx context.Context) error {
	b, err := s.books(ctx)
	if err != nil {
		return err
	}
	return b.Ping(ctx)
}

// pages are the pages for people, as soon as there are books to show.
func (s *shelf) pages(o web.Options) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := s.books(r.Context())
		if err != nil {
			problem.Write(w, r, err)
			return
		}
		s.mu.Lock()
		if s.page == nil {
			o.Books = b
			s.page = web.New(o)
		}
		page := s.page
		s.mu.Unlock()
		page.ServeHTTP(w, r)
	})
}

func (s *shelf) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open != nil {
		_ = s.open.Close() // they were only read
	}
}
