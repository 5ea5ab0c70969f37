package devserver

import "context"

// TB is what ForTest needs of a *testing.T, so that a program that uses this
// package doesn't link the testing package.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
	Context() context.Context
}

// ForTest starts a server that ends with the test. A missing binary fails the
// test and says where to get one: a test that is left out in silence proves
// nothing.
func ForTest(t TB, o Options) *Server {
	t.Helper()
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatalf("%v", err)
		return nil
	}
	t.Cleanup(func() { _ = s.Kill() })
	return s
}
