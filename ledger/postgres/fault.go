package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/offpeak/offpeak/batch"
)

// there says whether what should be made is there already: two processes made
// it at the same time.
func there(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "42P06" || e.Code == "23505") // duplicate_schema, unique_violation
}

// fault says what a driver's error means, and whether the connection may be
// used again. Codes: PostgreSQL documentation, appendix A.
func fault(op string, err error) (*batch.Fault, bool) {
	f := &batch.Fault{Kind: batch.OutOfReach, Op: op, Err: err}
	var e *pgconn.PgError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		f.Detail, f.Hint = "the server took too long", "look at its load, and for a transaction that holds a lock"
		return f, false
	case !errors.As(err, &e):
		if detail, hint := handshake(err); hint != "" {
			f.Kind, f.Detail, f.Hint = batch.BadInput, detail, hint
			return f, false
		}
		f.Detail, f.Hint = "the connection to the server is lost, or can't be made", "look whether PostgreSQL runs and can be reached"
		return f, false
	}
	f.Detail = e.Message + " (SQLSTATE " + e.Code + ")" // never e.Detail: it quotes rows
	class := e.Code[:min(2, len(e.Code))]
	switch {
	case class == "08" || class == "57": // connection lost; shutting down, starting up, cancelled
		f.Hint = "look whether PostgreSQL runs and can be reached"
		return f, false
	case class == "53": // no disk, no memory, too many connections
		f.Hint = "the server lacks room: nothing was written, and everything goes on from where it is"
		return f, e.Code != "53300"
	case class == "40" || e.Code == "55P03": // serialisation, deadlock, lock not available
		f.Hint = "try again"
		return f, true
	case e.Code == "25006": // read only: a standby, after a failover
		f.Hint = "the server only reads: look for the new primary"
		return f, false
	case class == "25": // the transaction was ended for us
		return f, false
	case class == "28" && strings.Contains(e.Message, "certificate"):
		f.Kind, f.Hint = batch.BadInput, "sslcert and sslkey in the ledger's URL name the PEM files of a certificate whose name is the user's, and that the server's authority has signed"
		return f, false
	case class == "28" && strings.Contains(e.Message, "no encryption"):
		f.Kind, f.Hint = batch.BadInput, "the server takes nobody without TLS: write sslmode=verify-full in the ledger's URL, and sslrootcert for an authority of your own"
		return f, false
	case class == "28" || e.Code == "3D000" || e.Code == "42501": // user, password, database, rights
		f.Kind, f.Hint = batch.BadInput, "look at user, password, database and rights in the ledger's URL"
		return f, false
	}
	f.Kind = batch.Internal
	return f, true
}
