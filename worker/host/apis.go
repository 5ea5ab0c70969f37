package host

import (
	"errors"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/provider/dialect"
	"github.com/offpeak/offpeak/provider/swarms"
)

// providers makes the clients of the providers whose secrets there are: Swarms,
// which is nil without its key, and those that dialects speak to. There must be
// one.
func providers(c config.Config) (*swarms.Client, []*dialect.Client, error) {
	all, err := dialect.Load(c.Dialects)
	if err != nil {
		return nil, nil, err
	}
	var (
		wrong []error
		apis  []*dialect.Client
	)
	value := func(name string) string {
		v, err := c.Variable(name)
		if err != nil {
			wrong = append(wrong, err)
		}
		return v.Reveal()
	}
	for _, d := range all {
		if _, some := dialect.Missing(d, value); !some {
			continue
		}
		api, err := dialect.New(d, dialect.Options{Value: value})
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		apis = append(apis, api)
	}
	if len(wrong) > 0 {
		var said []string
		for _, err := range wrong {
			var f *batch.Fault
			if errors.As(err, &f) {
				said = append(said, f.Detail)
			} else {
				said = append(said, err.Error())
			}
		}
		return nil, nil, &batch.Fault{Kind: batch.BadInput, Op: "read settings", Detail: strings.Join(said, "\n"), Hint: "starter providers describes what each API needs"}
	}
	if c.Key.Empty() && len(apis) > 0 {
		return nil, apis, nil
	}
	if err := c.NeedKey(); err != nil {
		return nil, nil, err
	}
	api, err := swarms.New(swarms.Options{BaseURL: c.BaseURL, Key: c.Key.Reveal()})
	return api, apis, err
}

// served names the providers, for the ready line.
func served(api *swarms.Client, apis []*dialect.Client) string {
	var names []string
	if api != nil {
		names = append(names, api.BaseURL())
	}
	for _, a := range apis {
		names = append(names, a.Dialect().Name+" "+a.BaseURL())
	}
	return strings.Join(names, ", ")
}
