package batch

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/offpeak/offpeak/tariff"
)

// ID names a batch: a manifest on one night, "market-digest/2026-11-22".
type ID string

// Name is a manifest's name. It becomes part of workflow ids, file names and
// URLs, hence the narrow alphabet.
type Name string

var nameRE = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// MaxName is the longest manifest name in characters.
const MaxName = 63

// Valid says what is wrong with the name, or nil.
func (n Name) Valid() error {
	if nameRE.MatchString(string(n)) {
		return nil
	}
	return fmt.Errorf("%q is not a batch name: use 1 to %d of a-z, 0-9, '.', '_', '-', beginning with a letter or digit", string(n), MaxName)
}

// NewID joins a name and a night.
func NewID(n Name, night tariff.Night) ID { return ID(string(n) + "/" + string(night)) }

// ParseID reads "name/2006-01-02" and checks both halves.
func ParseID(s string) (ID, error) {
	name, night, ok := strings.Cut(s, "/")
	if !ok {
		return "", fmt.Errorf("%q is not a batch id: write NAME/NIGHT, such as market-digest/2026-11-22", s)
	}
	if err := Name(name).Valid(); err != nil {
		return "", err
	}
	if _, err := time.Parse(time.DateOnly, night); err != nil {
		return "", fmt.Errorf("%q is not a night: write a date such as 2026-11-22", night)
	}
	return ID(s), nil
}

// Name is the half before the slash.
func (id ID) Name() Name { n, _, _ := strings.Cut(string(id), "/"); return Name(n) }

// Night is the half behind the slash.
func (id ID) Night() tariff.Night { _, n, _ := strings.Cut(string(id), "/"); return tariff.Night(n) }

// WorkflowID is the id under which a batch's night runs when a door of ours
// started it: one per night. The UI, schedules and cron choose their own.
func (id ID) WorkflowID() string { return "nightly/" + string(id) }
