package chaos

// Night names a plan: the same seed is another night at another size.
type Night struct {
	Seed uint64
	Size Size
	Why  string // it is always lived through; "" for those that stand for the rest
}

// Always are the nights of every test run: some that between them have each
// store and way to send, and each that once failed, from the day on which what
// it found was mended. They stay.
func Always() []Night {
	return []Night{
		{Seed: 2, Size: Short},  // lanes, PostgreSQL, a worker that stands still
		{Seed: 8, Size: Short},  // singly, SQLite, Temporal killed, resets
		{Seed: 10, Size: Short}, // together, PostgreSQL, a worker killed and one replaced
		{Seed: 3, Size: Short, Why: "jobs that waited for room under a cap held up the one that had its room set aside"},
	}
}
