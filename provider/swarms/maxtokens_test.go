package swarms

import "testing"

func TestMaxTokens(t *testing.T) {
	t.Parallel()
	for request, want := range map[string]int64{
		`{"agents": [{"max_tokens": 1024}, {"max_tokens": 200001}, {}]}`: 200001,
		`{"agents": [{"max_tokens": "many"}]}`:                           0,
		`{"agents": 3}`:                                                  0,
		`{}`:                                                             0,
		`no JSON`:                                                        0,
	} {
		if got := MaxTokens([]byte(request)); got != want {
			t.Errorf("%s: %d, want %d", request, got, want)
		}
	}
}
