package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/pgtest"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/ledgertest"
	"github.com/offpeak/offpeak/ledger/postgres"
)

func TestMain(m *testing.M) {
	if books := os.Getenv(ledgertest.ChildEnv); books != "" {
		ledgertest.Child(opener(books)(ledger.Options{}))
		return
	}
	os.Exit(pgtest.Main(m))
}

func opener(url string) func(ledger.Options) (*ledger.Ledger, error) {
	return func(o ledger.Options) (*ledger.Ledger, error) { return postgres.Open(context.Background(), url, o) }
}

func TestExam(t *testing.T) {
	ledgertest.Run(t, func(t testing.TB) ledgertest.Place {
		url := pgtest.Database(t)
		return ledgertest.Place{Open: opener(url), Exec: func(statement string) error {
			return behind(url, "ALTER TABLE charges DISABLE TRIGGER USER; "+statement+"; ALTER TABLE charges ENABLE TRIGGER USER")
		}, Ask: func(question string) ([][]string, error) {
			db, err := sql.Open("pgx", url)
			if err != nil {
				return nil, err
			}
			defer db.Close()
			db.SetMaxOpenConns(1)
			if _, err := db.Exec("SET search_path = offpeak; SET TIME ZONE 'UTC'"); err != nil {
				return nil, err
			}
			return ledgertest.Ask(db, question)
		}}
	})
}

func TestKill(t *testing.T) {
	url := pgtest.Database(t)
	ledgertest.Kill(t, url, opener(url))
}

// behind runs statements past the ledger.
func behind(url, statements string) error {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return err
	}
	_, err = db.Exec("SET search_path = offpeak; " + statements)
	return errors.Join(err, db.Close())
}

func TestAppendOnly(t *testing.T) {
	url := pgtest.Database(t)
	l, err := opener(url)(ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ledgertest.OneCharge(t, l)
	for _, statement := range []string{"UPDATE charges SET total = 0", "DELETE FROM charges", "TRUNCATE charges"} {
		if err := behind(url, statement); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// TestPlaces opens what isn't, or isn't quite, a ledger. No error may show the
// password.
func TestPlaces(t *testing.T) {
	const secret = "hunter2-secret"
	good, err := url.Parse(pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	place := func(change func(*url.URL)) string {
		u := *good
		u.User = url.UserPassword(u.User.Username(), secret)
		change(&u)
		return u.String()
	}
	newer := pgtest.Database(t)
	l, err := opener(newer)(ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := behind(newer, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, TRUE)"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, url string
		kind      batch.Kind
		says      string
	}{
		{"no URL", "postgres://offpeak:" + secret + "@local host:x/y", batch.BadInput, "not the URL"},
		{"no database", place(func(u *url.URL) { u.Path = "/none" }), batch.BadInput, "does not exist"},
		{"no user", place(func(u *url.URL) { u.User = url.UserPassword("nobody-such", secret) }), batch.BadInput, "nobody-such"},
		{"no server", place(func(u *url.URL) { u.Host = "127.0.0.1:1" }), batch.OutOfReach, "127.0.0.1:1"},
		{"a newer schema", newer, batch.BadInput, "version 99"},
	} {
		_, err := opener(c.url)(ledger.Options{})
		if batch.KindOf(err) != c.kind || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%s: got %v, want %s that says %q", c.what, err, c.kind, c.says)
		}
		if strings.Contains(fmt.Sprintf("%v %+v", err, err), secret) {
			t.Errorf("%s: the error shows the password", c.what)
		}
	}
}

func BenchmarkNightJob(b *testing.B) {
	url := pgtest.Database(b)
	ledgertest.BenchmarkNightJob(b, 64, func() (*ledger.Ledger, error) { return opener(url)(ledger.Options{}) })
}

func BenchmarkFullDay(b *testing.B) {
	url := pgtest.Database(b)
	ledgertest.BenchmarkFullDay(b, func() (*ledger.Ledger, error) { return opener(url)(ledger.Options{}) },
		func(statement string) error { return behind(url, statement) })
}

func BenchmarkReading(b *testing.B) {
	url := pgtest.Database(b)
	ledgertest.BenchmarkReading(b, func() (*ledger.Ledger, error) { return opener(url)(ledger.Options{}) })
}
