package swiftia

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"
)

var errNotLoopback = errors.New("not called: the simulator calls loopback only")

// Call is one call of a webhook.
type Call struct {
	Job    string    `json:"job"`
	At     time.Time `json:"at"`
	Status int       `json:"status,omitempty"` // what was answered; 0 for nothing
	Error  string    `json:"error,omitempty"`
}

// Calls are the webhooks that were called, in order.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// callBack calls a job's webhook when the job has ended. The payload is a
// guess: the job as GET /api/jobs/{id} shows it. There is no second try.
func (s *Server) callBack(j *job, in time.Duration, twice bool) {
	s.Go(func(ctx context.Context) {
		if s.Clock().Wait(ctx, in) != nil {
			return
		}
		s.call(ctx, j)
		if twice {
			s.call(ctx, j)
		}
	})
}

func (s *Server) call(ctx context.Context, j *job) {
	c := Call{Job: j.id, At: s.Clock().Now().UTC()}
	status, err := post(ctx, j)
	if c.Status = status; err != nil {
		c.Error = err.Error()
	}
	s.mu.Lock()
	s.calls = append(s.calls, c)
	s.mu.Unlock()
}

func post(ctx context.Context, j *job) (int, error) {
	u, err := url.Parse(j.webhook)
	if err != nil {
		return 0, err
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return 0, errNotLoopback
	}
	body, err := json.Marshal(j.view(j.ends))
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, j.webhook, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "swiftia-simulator")
	transport := &http.Transport{DisableKeepAlives: true} // one call, and no proxy in between
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
