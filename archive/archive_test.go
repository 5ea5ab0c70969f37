package archive_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
)

// TestOpenRefuses what is wrong with a setting, before anybody is asked, and
// shows no password.
func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		t.Setenv(name, os.DevNull)
	}
	for url, want := range map[string]struct {
		kind batch.Kind
		says string
	}{
		"":                            {batch.BadInput, "neither file nor s3"},
		"relative/folder":             {batch.BadInput, "neither file nor s3"},
		"file://relative/folder":      {batch.BadInput, "not absolute"},
		"file:relative":               {batch.BadInput, "not absolute"},
		"file:///tmp/a?x=1":           {batch.BadInput, "a query"},
		"file:///tmp/a#x":             {batch.BadInput, "a fragment"},
		"gopher://u:secret@h/p":       {batch.BadInput, "credentials don't belong"},
		"file://%zz":                  {batch.BadInput, "not a URL"},
		"file://" + file + "/below":   {batch.OutOfReach, "not a directory"},
		"https://u:secret@host/place": {batch.BadInput, "credentials don't belong"},
		"gs://bucket":                 {batch.BadInput, "neither file nor s3"},

		"s3://":                      {batch.BadInput, "names no bucket"},
		"s3:///prefix":               {batch.BadInput, "names no bucket"},
		"s3:bucket":                  {batch.BadInput, "names no bucket"},
		"s3://Bucket":                {batch.BadInput, "names no bucket"},
		"s3://host:9000/bucket":      {batch.BadInput, "names no bucket"},
		"s3://bucket":                {batch.BadInput, "add ?region="},
		"s3://bucket/../up?region=r": {batch.BadInput, "no prefix"},
		"s3://bucket/a b?region=r":   {batch.BadInput, "no prefix"},
		"s3://bucket/" + strings.Repeat("p", 257) + "?region=r":        {batch.BadInput, "at most 256"},
		"s3://AKIA:secret@bucket?region=r":                             {batch.BadInput, "credentials don't belong"},
		"s3://bucket?region=r&access_key=secret":                       {batch.BadInput, `"access_key" doesn't belong`},
		"s3://bucket?region=r&AWS_SECRET_ACCESS_KEY=secret":            {batch.BadInput, `"AWS_SECRET_ACCESS_KEY" doesn't belong`},
		"s3://bucket?region=r&session_token=secret":                    {batch.BadInput, `"session_token" doesn't belong`},
		"s3://bucket?region=r&colour=secret":                           {batch.BadInput, `"colour" is none of`},
		"s3://bucket?region=r&region=secret":                           {batch.BadInput, "given once"},
		"s3://bucket?region=":                                          {batch.BadInput, "given once"},
		"s3://bucket?region=r&use_path_style=secret":                   {batch.BadInput, "neither true nor false"},
		"s3://bucket?region=r;x":                                       {batch.BadInput, "can't be read"},
		"s3://bucket?region=r&endpoint=127.0.0.1:9000":                 {batch.BadInput, "endpoint is not"},
		"s3://bucket?region=r&endpoint=http://u:secret@127.0.0.1:9000": {batch.BadInput, "endpoint is not"},
		"s3://bucket?region=r&profile=nobody":                          {batch.BadInput, "nobody"},
	} {
		a, err := archive.Open(t.Context(), url)
		if batch.KindOf(err) != want.kind || !strings.Contains(err.Error(), want.says) {
			t.Errorf("Open(%q) = %v, %v; want %s with %q", url, a, err, want.kind, want.says)
		}
		if err != nil && strings.Contains(err.Error(), "secret@") || err != nil && strings.Contains(err.Error(), "=secret") {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
}

func TestKeys(t *testing.T) {
	for rev, want := range map[int]string{1: "d/2026-11-22/report.txt", 2: "d/2026-11-22/report-2.txt"} {
		if got := archive.ReportKey("d/2026-11-22", rev, "txt"); got != want {
			t.Errorf("revision %d: %s, want %s", rev, got, want)
		}
	}
	for rev, want := range map[int]string{1: "d/2026-11-22/results.jsonl", 12: "d/2026-11-22/results-12.jsonl"} {
		if got := archive.ResultsKey("d/2026-11-22", rev); got != want {
			t.Errorf("revision %d: %s, want %s", rev, got, want)
		}
	}
}
