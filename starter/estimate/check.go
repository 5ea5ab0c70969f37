package estimate

import (
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/provider/dialect"
	"github.com/offpeak/offpeak/tariff"
)

// Checked is a manifest in which nothing is wrong. Its JSON is what starter
// validate --json prints.
type Checked struct {
	OK       bool          `json:"ok"`
	Name     batch.Name    `json:"name"`
	Provider string        `json:"provider"`
	Jobs     int           `json:"jobs"`
	JobsFrom string        `json:"jobs_from,omitempty"`
	JobsRead bool          `json:"jobs_read"` // false: jobs_from can't be read from here, and its jobs aren't counted
	Window   tariff.Window `json:"window"`
	Budget   batch.Budget  `json:"budget"`
	Fit      batch.Fit     `json:"-"` // into one night, by OFFPEAK_LIMITS alone
	Limits   string        `json:"-"` // why OFFPEAK_LIMITS isn't counted; "" when it is
}

// Check reads every job of a manifest that was read before, and counts them.
// The manifest's own mistakes were said by who read it; those of the jobs that
// jobs_from names are said here, all at once.
func Check(m batch.Manifest, each Jobs, env config.Env, now time.Time) (Checked, error) {
	c := Checked{OK: true, Name: m.Name, Provider: m.Provider, JobsFrom: m.JobsFrom, Window: m.Window, Budget: m.Budget}
	settings, unset := config.Load(env)
	wrong := wrongJobs{Terms: Terms{}}
	if m.Metered() {
		if apis, err := dialect.Load(settings.Dialects); err == nil {
			wrong.APIs = apis
		}
	}
	elsewhere, err := each(func(j batch.Job) error {
		c.Jobs++
		wrong.job(m, j)
		return nil
	})
	if err == nil {
		err = wrong.fault(m)
	}
	if err != nil {
		return Checked{}, err
	}
	c.JobsRead = !elsewhere
	if err := unset; err != nil { // a manifest is as good as it is, whatever this machine's settings are
		c.Limits = plain(err)
	}
	begins, err := starts(m, now)
	if err != nil {
		return Checked{}, err
	}
	c.Fit = batch.FitNight(c.Jobs, begins, m.Policy.RequestTimeout, "", own(settings))
	return c, nil
}
