package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/dialect"
)

// spoken is a provider as starter providers --json shows it: no value of a
// setting is in it.
type spoken struct {
	Name     string   `json:"name"`
	About    string   `json:"about"`
	BaseURL  string   `json:"base_url"`
	Limits   []string `json:"limits"`
	Steps    []string `json:"steps"`             // of a job; the paid one is marked
	Missing  []string `json:"missing,omitempty"` // settings that this environment lacks; the worker's may be another
	Settings []want   `json:"settings"`
	Fields   []want   `json:"request"` // of a job
	Others   bool     `json:"other_fields,omitempty"`
	Price    string   `json:"price"`
	Unknown  string   `json:"unknown"` // what becomes of a job whose answer was lost
}

// want is a setting or a field.
type want struct {
	Name     string `json:"name"`
	Required bool   `json:"required,omitempty"`
	About    string `json:"about,omitempty"`
}

func (a *app) providersCmd() *cobra.Command {
	var check string
	cmd := &cobra.Command{
		Use:   "providers [NAME]",
		Short: "List the metered APIs that a manifest may name, or show what one needs",
		Long: "Lists Swarms, the built-in dialects and those that OFFPEAK_DIALECTS names. With\n" +
			"a NAME: its limits, the settings that its worker needs, the steps of a job and\n" +
			"the fields of its request. --check reads a declaration and says everything that\n" +
			"is wrong with it, with line and column.",
		Example: "  starter providers\n  starter providers allswap\n  starter providers --check examples/custom/glyphmill.yaml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if check != "" {
				d, err := dialect.ReadFile(check)
				if err != nil {
					return err
				}
				return a.writeProvider(a.spoken(d))
			}
			c, err := config.Load(a.Env)
			if err != nil {
				return err
			}
			all, err := dialect.Load(c.Dialects)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return a.oneProvider(all, args[0])
			}
			return a.writeProviders(all)
		},
	}
	cmd.Flags().StringVar(&check, "check", "", "read this declaration and say what is wrong with it")
	return cmd
}

func (a *app) oneProvider(all []*dialect.Dialect, name string) error {
	i := slices.IndexFunc(all, func(d *dialect.Dialect) bool { return d.Name == name })
	if i >= 0 {
		return a.writeProvider(a.spoken(all[i]))
	}
	f := &batch.Fault{Kind: batch.NotFound, Op: "show provider", Thing: name, Detail: "there is no such dialect", Hint: "starter providers lists them; OFFPEAK_DIALECTS names files of your own"}
	if name == batch.Swarms {
		f.Detail, f.Hint = "it is no dialect: its client is written in Go", "starter validate and docs/manifest.md say what its jobs need"
	}
	return f
}

// spoken is a dialect in words.
func (a *app) spoken(d *dialect.Dialect) spoken {
	s := spoken{Name: d.Name, About: d.About, BaseURL: d.BaseURL, Limits: []string{}, Settings: []want{}, Fields: []want{}, Others: d.Job.Open || len(d.Job.Fields) == 0}
	s.Missing, _ = dialect.Missing(d, a.Env.Lookup)
	for _, l := range d.Limits {
		limit := dialect.Describe(provider.Window{Name: l.Name, Span: l.Span, Limit: l.Limit, Step: l.Step})
		if from := d.Settings[l.From].From; from != "" {
			limit += " (" + from + ")"
		}
		s.Limits = append(s.Limits, limit)
	}
	for _, step := range d.Steps {
		text := step.Name + ": " + step.Method + " " + string(step.Path)
		if step.Paid {
			text += " (paid)"
		}
		s.Steps = append(s.Steps, text)
	}
	for _, vars := range []struct {
		required bool
		all      map[string]dialect.Variable
	}{{true, d.Secrets}, {false, d.Settings}} {
		for _, name := range slices.Sorted(maps.Keys(vars.all)) {
			v := vars.all[name]
			s.Settings = append(s.Settings, want{v.From, vars.required, v.About})
		}
	}
	if d.BaseFrom != "" {
		s.Settings = append(s.Settings, want{Name: d.BaseFrom, About: "another address than " + d.BaseURL})
	}
	for _, name := range slices.Sorted(maps.Keys(d.Job.Fields)) {
		f := d.Job.Fields[name]
		about := f.Type
		if len(f.OneOf) > 0 {
			about = strings.Join(f.OneOf, " or ")
		}
		s.Fields = append(s.Fields, want{name, f.Required, about})
	}
	switch p := d.Price; {
	case p.Fixed != nil:
		s.Price = p.Fixed.Dollars() + " a job"
	case len(p.At) > 0:
		s.Price = "what its answer says; each job declares a ceiling"
	default:
		s.Price = "its answers don't say: the ceiling that a job declares is booked"
	}
	if p := d.Price.Ceiling; p != nil {
		s.Price += ", at most " + p.Dollars() + " unless a job says otherwise"
	}
	switch paid := d.Steps[d.Paid()]; {
	case d.Lookup != nil:
		s.Unknown = "looked up, and sent again only when the API has no such job"
	case paid.Once != "":
		s.Unknown = "repeated with the same " + paid.Once + ", which is good once; never bought with another"
	default:
		s.Unknown = "stays unknown, is named by the audit, and is never bought again"
	}
	return s
}

func (a *app) writeProviders(all []*dialect.Dialect) error {
	list := []spoken{}
	for _, d := range all {
		list = append(list, a.spoken(d))
	}
	if a.json {
		return a.object(map[string]any{"providers": list})
	}
	t := newTable(a.Out)
	t.row("provider", "settings", "what it is")
	t.row(batch.Swarms, "SWARMS_API_KEY", "swarms of agents, at half price by night (the provider of a manifest that names none)")
	for _, s := range list {
		var needs []string
		for _, v := range s.Settings {
			if v.Required {
				needs = append(needs, v.Name)
			}
		}
		t.row(s.Name, strings.Join(needs, ", "), printable(s.About))
	}
	t.flush()
	return nil
}

func (a *app) writeProvider(s spoken) error {
	if a.json {
		return a.object(s)
	}
	fmt.Fprintf(a.Out, "%s: %s\n\n", s.Name, printable(s.About))
	t := newTable(a.Out)
	t.row("address", s.BaseURL)
	t.row("limits", strings.Join(s.Limits, "; "))
	t.row("steps", strings.Join(s.Steps, "; "))
	t.row("price", s.Price)
	t.row("lost answers", s.Unknown)
	t.flush()
	for _, part := range []struct {
		head string
		list []want
	}{{"settings of its worker", s.Settings}, {"request of a job", s.Fields}} {
		fmt.Fprintf(a.Out, "\n%s:\n", part.head)
		t := newTable(a.Out)
		for _, v := range part.list {
			must := "may be left out"
			if v.Required {
				must = "required"
			}
			t.row("  "+printable(v.Name), must, printable(v.About))
		}
		t.flush()
	}
	if s.Others {
		fmt.Fprintln(a.Out, "  other fields pass through")
	}
	if len(s.Missing) > 0 {
		a.note("note: %s not set in this environment; the worker's counts", strings.Join(s.Missing, ", "))
	}
	return nil
}
