package stage

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/offpeak/offpeak/simulator"
)

// Exchange is one request under way.
type Exchange struct {
	Server *Server
	W      http.ResponseWriter // for headers; the answer goes through Answer
	R      *http.Request
	Route  *Route // nil when there is none
	Body   []byte // read to its end

	vars     map[string]string
	switches Positions
	arrived  time.Time
	rec      *record
	cues     cues
	bought   []string
	account  string
	key      int
}

// Now is when the request came; after [Exchange.Admitted], when the limiter saw it.
func (x *Exchange) Now() time.Time { return x.arrived }

// Var is what stands in the path where the route has {name}.
func (x *Exchange) Var(name string) string { return x.vars[name] }

// Is says whether a switch stood at a position when the request came.
func (x *Exchange) Is(name, word string) bool {
	at, ok := x.switches[name]
	if !ok {
		panic("simulator: no switch " + name)
	}
	return at == word
}

// Caller books whose request it is; key says which of the account's keys.
func (x *Exchange) Caller(account string, key int) {
	x.account, x.key = account, key
	x.Server.books.whose(x.rec, account, key)
}

// Account is whose request it is; empty before [Exchange.Caller].
func (x *Exchange) Account() string { return x.account }

// Admitted books that a limiter counted or refused the request, and when.
func (x *Exchange) Admitted(at time.Time, refused bool) {
	x.arrived = at
	x.Server.books.limited(x.rec, at, refused)
}

// Bought books a purchase that this request made.
func (x *Exchange) Bought(p Purchase) {
	x.bought = append(x.bought, p.ID)
	x.Server.books.bought(x.rec, p)
}

func (x *Exchange) read() bool {
	body, err := io.ReadAll(io.LimitReader(x.R.Body, x.Server.opt.MaxBody+1))
	if err != nil { // it left while it was talking
		panic(http.ErrAbortHandler)
	}
	if int64(len(body)) > x.Server.opt.MaxBody {
		x.Fail(http.StatusRequestEntityTooLarge, "", fmt.Sprintf("The body is longer than %d bytes.", x.Server.opt.MaxBody))
		return false
	}
	x.Body = body
	return true
}

// Fail answers with the API's error envelope. See [Play].
func (x *Exchange) Fail(status int, code, detail string) { x.Server.play.Fail(x, status, code, detail) }

// Code books the API's own code of an error that is about to be answered.
func (x *Exchange) Code(code string) { x.Server.books.coded(x.rec, code) }

// Ticket books the id that the API gives the request.
func (x *Exchange) Ticket(id string) { x.Server.books.ticketed(x.rec, id) }

// Number is which arrival this is, from 1.
func (x *Exchange) Number() int { return x.rec.number }

// Key is which of the account's keys the request carried, from 1.
func (x *Exchange) Key() int { return x.key }

// JSON answers with a value.
func (x *Exchange) JSON(status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // a bug here, not in the request
	}
	x.Answer(status, "application/json", body)
}

// Answer books and sends a whole answer, unless a fault comes between.
func (x *Exchange) Answer(status int, contentType string, body []byte) {
	spoil := ""
	if status < http.StatusBadRequest {
		if x.mishap(true) {
			return
		}
		if w := x.cues.wire; w != nil {
			spoil = w.Kind
			x.lost()
		}
	}
	if spoil == KindBadJSON {
		body = append(append([]byte{}, body[:len(body)*2/3]...), "NaN NaN"...)
	}
	x.Server.books.answered(x.rec, status)
	h := x.W.Header()
	if len(body) > 0 {
		h.Set("Content-Type", contentType)
	}
	h.Set("Date", x.Server.clock.Now().UTC().Format(http.TimeFormat))
	h.Set("Content-Length", strconv.Itoa(len(body)))
	x.W.WriteHeader(status)
	if spoil == KindTruncate {
		x.W.Write(body[:len(body)/2])
		http.NewResponseController(x.W).Flush()
		panic(http.ErrAbortHandler) // closes the connection, half of the body short
	}
	x.W.Write(body) // a client that has left is its own loss
}

// lost books that what was bought was answered by something else.
func (x *Exchange) lost() {
	for _, id := range x.bought {
		x.Server.books.lost(id)
	}
}

// mishap does the wire fault if its time has come; after is whether the work
// is done. It says whether the exchange is over.
func (x *Exchange) mishap(after bool) bool {
	a := x.cues.wire
	if a == nil || a.AfterWork != after || a.Kind == KindTruncate || a.Kind == KindBadJSON {
		return false
	}
	x.cues.wire = nil
	x.lost()
	switch a.Kind {
	case KindStatus:
		x.Fail(a.Status, a.Code, a.Detail)
	case KindHTML502:
		x.Answer(http.StatusBadGateway, "text/html; charset=UTF-8", []byte(html502))
	case KindRate429:
		x.Server.play.Turn(x, a.RetryAfter)
	case KindHang:
		simulator.Hang(x.R, x.Server.life)
	case KindReset:
		simulator.Reset(x.W)
	default:
		panic("simulator: fault of kind " + a.Kind + " isn't played")
	}
	return true
}

const html502 = `<html>
<head><title>502 Server Error</title></head>
<body><h1>Error: Server Error</h1><h2>Please try again in 30 seconds.</h2></body>
</html>
`
