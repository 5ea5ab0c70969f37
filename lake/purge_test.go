package lake

import (
	"errors"
	"testing"
	"time"
)

// TestPurge: rows of old days go, wherever the purge is killed; the manifests
// stay, the lake still proves, and the rows don't come back.
func TestPurge(t *testing.T) {
	t.Parallel()
	order := PurgeOrder{Before: "2026-11-22", Why: "OFFPEAK_KEEP_LOGS=1d", Now: func() time.Time { return noon }, Program: "test"}
	for at := range 3 { // 1 and 2: at the notes of both keys
		w := newWorld(t, threeDays()...)
		w.export()
		before := files(t, w.dir)
		dry := order
		dry.DryRun = true
		l := w.lake()
		if gone, err := l.Purge(t.Context(), dry); err != nil || gone.Days != 2 || gone.Parts != 2 || gone.Bytes == 0 {
			t.Errorf("a dry run: %+v, %v", gone, err)
		}
		sameFiles(t, "a dry run", files(t, w.dir), before)
		if at > 0 {
			l.store = &faulty{store: l.store, at: at, how: after, stop: func() {}}
			if _, err := l.Purge(t.Context(), order); !errors.Is(err, errStore) {
				t.Fatal(err)
			}
			l = w.lake()
		}
		if _, err := l.Purge(t.Context(), order); err != nil {
			t.Fatal(err)
		}
		v := w.verified(l)
		kept := w.kept()
		if v.Purged != 2 || v.Parts != 2 || len(kept) != 2 || len(files(t, w.dir)) != writes-4+2 {
			t.Errorf("%+v, %v", v, kept)
		}
		if gone, err := l.Purge(t.Context(), order); err != nil || gone != (Gone{}) {
			t.Errorf("again: %+v, %v", gone, err)
		}
		if out := w.export(); out.Rows != 0 {
			t.Errorf("they came back: %+v", out)
		}
		w.log(append(threeDays(), row(99, ourKey, noon.AddDate(0, 0, -2), "late", 5))...)
		if out := w.export(); out.Rows != 0 {
			t.Errorf("a late one of a day that is gone: %+v", out)
		}
		list, err := l.List(t.Context(), w.client.KeyID(), Days{})
		if err != nil || len(list.Days) != 2 || !list.Days[0].Purged || list.Days[0].Rows != 15 || list.Days[0].Money.All == 0 || list.Days[1].Purged {
			t.Errorf("%+v, %v", list, err)
		}
	}
	for keep, want := range map[time.Duration]string{0: "2026-11-23", 24 * time.Hour: "2026-11-22", 12 * time.Hour: "2026-11-23", 13 * time.Hour: "2026-11-22"} {
		if got, err := PurgeBefore(noon, keep); got != want || err != nil {
			t.Errorf("kept for %s: before %s, want %s: %v", keep, got, want, err)
		}
	}
}
