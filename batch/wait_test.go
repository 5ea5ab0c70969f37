package batch

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMergeWaits(t *testing.T) {
	at := time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)
	got := MergeWaits([]Wait{
		{Reason: "retry", Detail: "later", Until: at.Add(time.Hour)},
		{Reason: "quota", Detail: "full", Until: at, Jobs: 40},
		{Reason: "retry", Detail: "sooner", Until: at.Add(time.Minute), Jobs: 2},
		{Reason: "retry", Detail: "nobody knows when"},
		{Reason: "paused", Detail: "by ada"},
	})
	want := []Wait{
		{Reason: "quota", Detail: "full", Until: at, Jobs: 40},
		{Reason: "retry", Detail: "sooner", Until: at.Add(time.Minute), Jobs: 4},
		{Reason: "paused", Detail: "by ada", Jobs: 1},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if MergeWaits(nil) != nil {
		t.Error("nothing waits, and something is said")
	}
}
