package config

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// Config is every setting of offpeak's own.
type Config struct {
	Key       Secret    // SWARMS_API_KEY; Empty when not set, which only some commands mind
	BaseURL   string    // SWARMS_BASE_URL
	Ledger    string    // OFFPEAK_LEDGER, with its default: "sqlite:/home/.../offpeak.db"
	Archive   string    // OFFPEAK_ARCHIVE, with its default
	Lake      string    // OFFPEAK_LAKE; lake below the archive when not set
	LogLevel  string    // debug, info, warn or error
	LogFormat string    // console, json or "" to decide by the terminal
	HTTPAddr  string    // OFFPEAK_HTTP_ADDR
	HTTPKeys  []Secret  // OFFPEAK_HTTP_KEYS
	HTTPFile  string    // OFFPEAK_HTTP_KEYS_FILE
	HTTPRoots []string  // OFFPEAK_HTTP_ROOTS
	HTTPCert  string    // OFFPEAK_HTTP_TLS_CERT
	HTTPKey   string    // OFFPEAK_HTTP_TLS_KEY: the file, not the key
	Limits    []Limit   // OFFPEAK_LIMITS
	CapDay    money.USD // OFFPEAK_CAP_DAY; 0 for none
	CapKey    money.USD // OFFPEAK_CAP_KEY; 0 for none

	Notify       Secret        // OFFPEAK_NOTIFY, or what its file holds: addresses, which hold secrets
	NotifySecret Secret        // OFFPEAK_NOTIFY_SECRET
	NotifyQuiet  time.Duration // OFFPEAK_NOTIFY_QUIET

	WatchFloor money.USD // OFFPEAK_WATCH_FLOOR
	CreditsLow money.USD // OFFPEAK_CREDITS_LOW; 0 for none

	// Keep is how long prompts, answers, receipts and logs are kept; what isn't
	// in it is kept for ever (OFFPEAK_KEEP_...).
	Keep map[batch.Kept]time.Duration

	Dialects string // OFFPEAK_DIALECTS: where declarations of other providers are

	// Others looks up what dialects name; see Variable. Nil: nothing is set.
	Others func(name string) string `json:"-"`

	Deployment string // OFFPEAK_DEPLOYMENT; "" for none: whichever worker is free goes on with a night
	BuildID    string // OFFPEAK_BUILD_ID; "" for the commit

	Warnings []string // names that look like ours and aren't
}

// DefaultBaseURL is the public Swarms API.
const DefaultBaseURL = "https://api.swarms.world"

// DefaultHTTPAddr is loopback: whoever wants more says so.
const DefaultHTTPAddr = "127.0.0.1:8780"

// Env is an environment; os.Environ() is one.
type Env []string

// Lookup is the last value of a name; an empty value counts as not set, since
// that is what an unset variable of a compose file looks like.
func (e Env) Lookup(name string) string {
	value := ""
	for _, kv := range e {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name {
			value = v
		}
	}
	return value
}

// Load reads all settings and says all that is wrong with them at once, as a
// fault of kind BadInput. A missing key is no error here: see NeedKey.
func Load(env Env) (Config, error) {
	c := Config{
		BaseURL:   env.Lookup("SWARMS_BASE_URL"),
		Dialects:  env.Lookup("OFFPEAK_DIALECTS"),
		Others:    env.Lookup,
		Ledger:    env.Lookup("OFFPEAK_LEDGER"),
		Archive:   env.Lookup("OFFPEAK_ARCHIVE"),
		Lake:      env.Lookup("OFFPEAK_LAKE"),
		LogLevel:  strings.ToLower(env.Lookup("OFFPEAK_LOG_LEVEL")),
		LogFormat: strings.ToLower(env.Lookup("OFFPEAK_LOG_FORMAT")),
		HTTPAddr:  env.Lookup("OFFPEAK_HTTP_ADDR"),
		HTTPFile:  env.Lookup("OFFPEAK_HTTP_KEYS_FILE"),
		HTTPCert:  env.Lookup("OFFPEAK_HTTP_TLS_CERT"),
		HTTPKey:   env.Lookup("OFFPEAK_HTTP_TLS_KEY"),

		Deployment: env.Lookup("OFFPEAK_DEPLOYMENT"),
		BuildID:    env.Lookup("OFFPEAK_BUILD_ID"),

		NotifySecret: NewSecret(strings.TrimSpace(env.Lookup("OFFPEAK_NOTIFY_SECRET"))),

		Warnings: strangers(env),
	}
	var wrong []error
	key, err := readKey(env)
	wrong = append(wrong, err)
	c.Key = key
	c.Notify, err = readNotify(env)
	wrong = append(wrong, err)
	c.NotifyQuiet, err = readQuiet(env.Lookup("OFFPEAK_NOTIFY_QUIET"))
	wrong = append(wrong, err)
	c.Keep, err = readKeeps(env)
	wrong = append(wrong, err)
	c.Limits, err = parseLimits(env.Lookup("OFFPEAK_LIMITS"))
	wrong = append(wrong, err)
	for _, limit := range []struct {
		name string
		into *money.USD
	}{{"OFFPEAK_CAP_DAY", &c.CapDay}, {"OFFPEAK_CAP_KEY", &c.CapKey}} {
		*limit.into, err = readCap(env, limit.name)
		wrong = append(wrong, err)
	}
	for _, limit := range []struct {
		name      string
		into      *money.USD
		otherwise money.USD
	}{{"OFFPEAK_WATCH_FLOOR", &c.WatchFloor, money.Dollar}, {"OFFPEAK_CREDITS_LOW", &c.CreditsLow, 0}} {
		*limit.into, err = readDollars(env, limit.name, limit.otherwise)
		wrong = append(wrong, err)
	}
	for k := range strings.SplitSeq(env.Lookup("OFFPEAK_HTTP_KEYS"), ",") {
		if k = strings.TrimSpace(k); k != "" {
			c.HTTPKeys = append(c.HTTPKeys, NewSecret(k))
		}
	}
	for r := range strings.SplitSeq(env.Lookup("OFFPEAK_HTTP_ROOTS"), ",") {
		if r = strings.TrimSpace(r); r != "" {
			c.HTTPRoots = append(c.HTTPRoots, r)
		}
	}
	c.defaults(env)
	if w := trusting(c.Ledger); w != "" {
		c.Warnings = append(c.Warnings, w)
	}
	wrong = append(wrong, checkDeployment(c.Deployment), checkBuildID(c.BuildID))
	wrong = append(wrong, checkLedger(c.Ledger), checkStore("OFFPEAK_ARCHIVE", c.Archive), checkStore("OFFPEAK_LAKE", c.Lake),
		oneOf("OFFPEAK_LOG_LEVEL", c.LogLevel, "debug", "info", "warn", "error"),
		oneOf("OFFPEAK_LOG_FORMAT", c.LogFormat, "", "console", "json"))
	if err := errors.Join(wrong...); err != nil {
		return c, &batch.Fault{Kind: batch.BadInput, Op: "read settings", Detail: err.Error(), Err: err, Hint: "worker --help describes every setting"}
	}
	return c, nil
}

func (c *Config) defaults(env Env) {
	state := stateDir(env)
	for _, d := range []struct {
		value *string
		def   string
	}{
		{&c.BaseURL, DefaultBaseURL},
		{&c.Ledger, "sqlite:" + filepath.Join(state, "offpeak.db")},
		{&c.Archive, (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(state, "archive"))}).String()},
		{&c.LogLevel, "info"},
		{&c.HTTPAddr, DefaultHTTPAddr},
	} {
		if *d.value == "" {
			*d.value = d.def
		}
	}
	if c.Lake == "" {
		c.Lake = below(c.Archive, "lake")
	}
}

// below is a folder of a store. One whose URL can't be read is said to be wrong
// once, as the store's.
func below(store, folder string) string {
	u, err := url.Parse(store)
	if err != nil || u.Scheme != "file" && u.Scheme != "s3" {
		return "file:///" + folder
	}
	return u.JoinPath(folder).String()
}

// stateDir is where the books are when nobody said otherwise: they have to
// outlive a login and a working directory, or a night would forget what it
// paid for.
func stateDir(env Env) string {
	if dir := env.Lookup("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "offpeak")
	}
	if home := env.Lookup("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", "offpeak")
	}
	if abs, err := filepath.Abs(".data"); err == nil {
		return abs
	}
	return ".data"
}

// NeedKey is the fault of a command that needs the key and has none.
func (c Config) NeedKey() error {
	if !c.Key.Empty() {
		return nil
	}
	return &batch.Fault{
		Kind: batch.BadInput, Op: "read setting", Thing: "SWARMS_API_KEY", Detail: "there is no API key",
		Hint: "make one at https://swarms.world/platform/api-keys, then: export SWARMS_API_KEY=sk-... (or SWARMS_API_KEY_FILE=/path/to/it)",
	}
}

func readCap(env Env, name string) (money.USD, error) {
	text := strings.TrimPrefix(env.Lookup(name), "$")
	if text == "" {
		return 0, nil
	}
	v, err := money.Parse(text)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%s: %q is not an amount of dollars: write it as 25.00", name, text)
	case v <= 0:
		return 0, fmt.Errorf("%s: %s sends nothing: leave it out for no cap, and use starter stop to have nothing sent", name, text)
	}
	return v, nil
}

// readDollars reads an amount of zero or more.
func readDollars(env Env, name string, otherwise money.USD) (money.USD, error) {
	text := strings.TrimPrefix(env.Lookup(name), "$")
	if text == "" {
		return otherwise, nil
	}
	v, err := money.Parse(text)
	switch {
	case err != nil:
		return otherwise, fmt.Errorf("%s: %q is not an amount of dollars: write it as 25.00", name, text)
	case v < 0:
		return otherwise, fmt.Errorf("%s: %s is below zero", name, text)
	}
	return v, nil
}

func readKey(env Env) (Secret, error) {
	key, file := env.Lookup("SWARMS_API_KEY"), env.Lookup("SWARMS_API_KEY_FILE")
	if file == "" {
		return NewSecret(strings.TrimSpace(key)), nil
	}
	if key != "" {
		return Secret{}, errors.New("SWARMS_API_KEY and SWARMS_API_KEY_FILE are both set: unset one, so that it is clear which key pays")
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return Secret{}, fmt.Errorf("SWARMS_API_KEY_FILE: %w", err)
	}
	k := strings.TrimSpace(string(b))
	if k == "" {
		return Secret{}, fmt.Errorf("SWARMS_API_KEY_FILE: %s is empty", file)
	}
	return NewSecret(k), nil
}

func checkLedger(v string) error {
	switch {
	case strings.HasPrefix(v, "sqlite:") && strings.TrimPrefix(v, "sqlite:") != "",
		strings.HasPrefix(v, "postgres://"), strings.HasPrefix(v, "postgresql://"):
		return nil
	}
	// The value isn't shown: it may be a URL with a password and a slip in its scheme.
	return errors.New("OFFPEAK_LEDGER: neither sqlite:PATH nor postgres://user@host/database")
}

func checkStore(name, v string) error {
	if strings.HasPrefix(v, "file:///") || strings.HasPrefix(v, "s3://") && v != "s3://" {
		return nil
	}
	// The value isn't shown: somebody may have put credentials into it.
	return errors.New(name + ": neither file:///absolute/folder nor s3://bucket/prefix?region=REGION")
}

func oneOf(name, v string, allowed ...string) error {
	for _, a := range allowed {
		if v == a {
			return nil
		}
	}
	return fmt.Errorf("%s: %q is none of %s", name, v, strings.TrimPrefix(strings.Join(allowed, ", "), ", "))
}
