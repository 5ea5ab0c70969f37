package stage

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Switch is one way in which an API may behave, where the public sources
// differ, are silent, or changed with time.
type Switch struct {
	Name  string
	Words []string // its positions, the default first
	Means string   // one line, for --help and docs/simulator.md
}

// Positions are switches by name; one that isn't named stands at its default.
type Positions map[string]string

// fill is a copy of p with every switch of the play, or all that is wrong.
func (p Positions) fill(switches []Switch) (Positions, error) {
	out := Positions{}
	for _, s := range switches {
		out[s.Name] = s.Words[0]
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(p)) {
		i := slices.IndexFunc(switches, func(s Switch) bool { return s.Name == name })
		switch {
		case i < 0:
			errs = append(errs, fmt.Errorf("switch %s: there is none; there are %s", name, strings.Join(slices.Sorted(maps.Keys(out)), ", ")))
		case !slices.Contains(switches[i].Words, p[name]):
			errs = append(errs, fmt.Errorf("switch %s: %q is none of %s", name, p[name], strings.Join(switches[i].Words, ", ")))
		default:
			out[name] = p[name]
		}
	}
	return out, errors.Join(errs...)
}

// Switches are the switches as they stand.
func (s *Server) Switches() Positions { return maps.Clone(*s.switches.Load()) }

// SetSwitches moves those that are named, from the next request on.
func (s *Server) SetSwitches(p Positions) error {
	all := s.Switches()
	maps.Copy(all, p)
	filled, err := all.fill(s.play.Switches)
	if err != nil {
		return fmt.Errorf("set switches: %w", err)
	}
	s.switches.Store(&filled)
	return nil
}

func (s *Server) adminSwitches(set bool, body []byte) (any, error) {
	if set {
		var p Positions
		if err := json.Unmarshal(body, &p); err != nil {
			return nil, fmt.Errorf(`set switches: %w; send {"name": "position"}`, err)
		}
		if err := s.SetSwitches(p); err != nil {
			return nil, err
		}
	}
	return s.Switches(), nil
}
