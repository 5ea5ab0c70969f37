package tariff_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offpeak/offpeak/tariff"
)

// Edges in the hour that is skipped or repeated: the span is the longest
// stretch that is never dear. Los Angeles goes 02:00 -> 03:00 on 2027-03-14
// and 02:00 -> 01:00 on 2026-11-01.
func TestMissingAndRepeatedHours(t *testing.T) {
	const change, back = "2027-03-14 10:00:00", "2026-11-01 09:00:00"
	for _, c := range []struct {
		name, clocks, zone string
		night              tariff.Night
		opens, closes      string
	}{
		{"closes in the missing hour", "20:00 02:30", pacific, "2027-03-13", "2027-03-14 04:00:00", change},
		{"closes as it begins", "20:00 02:00", pacific, "2027-03-13", "2027-03-14 04:00:00", change},
		{"closes as it ends", "20:00 03:00", pacific, "2027-03-13", "2027-03-14 04:00:00", change},
		{"opens in the missing hour", "02:30 06:00", pacific, "2027-03-14", change, "2027-03-14 13:00:00"},
		{"opens as it begins", "02:00 06:00", pacific, "2027-03-14", change, "2027-03-14 13:00:00"},
		{"opens as it ends", "03:00 06:00", pacific, "2027-03-14", change, "2027-03-14 13:00:00"},
		{"closes in the repeated hour: the first time", "20:00 01:30", pacific, "2026-10-31", "2026-11-01 03:00:00", "2026-11-01 08:30:00"},
		{"closes as it is over: it was whole", "20:00 02:00", pacific, "2026-10-31", "2026-11-01 03:00:00", "2026-11-01 10:00:00"},
		{"closes as it begins: the first time", "20:00 01:00", pacific, "2026-10-31", "2026-11-01 03:00:00", "2026-11-01 08:00:00"},
		{"opens in the repeated hour: the second time", "01:30 06:00", pacific, "2026-11-01", "2026-11-01 09:30:00", "2026-11-01 14:00:00"},
		{"opens as it begins: it is whole", "01:00 06:00", pacific, "2026-11-01", "2026-11-01 08:00:00", "2026-11-01 14:00:00"},
		{"opens as it is over", "02:00 06:00", pacific, "2026-11-01", "2026-11-01 10:00:00", "2026-11-01 14:00:00"},
		{"both in the repeated hour: the first time", "01:10 01:50", pacific, "2026-11-01", "2026-11-01 08:10:00", "2026-11-01 08:50:00"},
		{"both in it, cut by the change: the longer", "01:10 02:00", pacific, "2026-11-01", "2026-11-01 08:10:00", back},
		{"half an hour repeated", "20:00 01:45", "Australia/Lord_Howe", "2027-04-03", "2027-04-03 09:00:00", "2027-04-03 14:45:00"},
		{"half an hour missing", "02:15 06:00", "Australia/Lord_Howe", "2026-10-04", "2026-10-03 15:30:00", "2026-10-03 19:00:00"},
		{"midnight missing", "00:00 06:00", "America/Sao_Paulo", "2018-11-04", "2018-11-04 03:00:00", "2018-11-04 08:00:00"},
		{"midnight repeated", "20:00 00:00", "America/Sao_Paulo", "2018-02-17", "2018-02-17 22:00:00", "2018-02-18 03:00:00"},
	} {
		w := window(t, c.zone, c.clocks)
		s, err := w.On(c.night)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff([]time.Time{instant(t, c.opens), instant(t, c.closes)}, []time.Time{s.Opens, s.Closes}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		for at := s.Opens; at.Before(s.Closes); at = at.Add(time.Minute) {
			if !w.Cheap(at) {
				t.Errorf("%s: %s is in the span and dear", c.name, at)
				break
			}
		}
	}
}

// Working hours in the missing hour are reached at the change, in the repeated
// hour the first time.
func TestMarginsInMissingAndRepeatedHours(t *testing.T) {
	for _, c := range []struct {
		clocks          string
		night           tariff.Night
		start, deadline string
	}{
		{"20:00 06:00 02:30 05:00", "2027-03-13", "2027-03-14 10:00:00", "2027-03-14 12:00:00"},
		{"20:00 06:00 21:00 02:30", "2027-03-13", "2027-03-14 05:00:00", "2027-03-14 10:00:00"},
		{"20:00 06:00 01:30 05:00", "2026-10-31", "2026-11-01 08:30:00", "2026-11-01 13:00:00"},
		{"20:00 06:00 21:00 01:30", "2026-10-31", "2026-11-01 04:00:00", "2026-11-01 08:30:00"},
		{"20:00 06:00 20:00 06:00", "2026-11-22", "2026-11-23 04:15:00", "2026-11-23 13:45:00"}, // the buffer wins
	} {
		s, err := window(t, pacific, c.clocks).On(c.night)
		if err != nil {
			t.Errorf("%s: %v", c.clocks, err)
			continue
		}
		if diff := cmp.Diff([]time.Time{instant(t, c.start), instant(t, c.deadline)}, []time.Time{s.StartAt, s.Deadline}); diff != "" {
			t.Errorf("%s on %s (-want +got):\n%s", c.clocks, c.night, diff)
		}
	}
}
