package ledger

// shelf holds one kind of record: as loaded or kept (rows) and as the
// operation that runs right now would have it (draft).
type shelf[K comparable, V any] struct {
	load  func(K) (V, bool, error)
	rows  map[K]V
	draft map[K]V
	dirty map[K]bool
	fresh map[K]bool // dirty ones that the store doesn't have yet, as far as that matters
}

func (s *shelf[K, V]) get(k K) (V, bool, error) {
	if v, ok := s.draft[k]; ok {
		return v, true, nil
	}
	if v, ok := s.rows[k]; ok {
		return v, true, nil
	}
	v, ok, err := s.load(k)
	if err == nil && ok {
		s.seen(k, v)
	}
	return v, ok, err
}

func (s *shelf[K, V]) seen(k K, v V) {
	if s.rows == nil {
		s.rows = map[K]V{}
	}
	s.rows[k] = v
}

func (s *shelf[K, V]) put(k K, v V) {
	if s.draft == nil {
		s.draft = map[K]V{}
	}
	s.draft[k] = v
}

// add puts a record that is new.
func (s *shelf[K, V]) add(k K, v V) {
	s.put(k, v)
	if s.fresh == nil {
		s.fresh = map[K]bool{}
	}
	s.fresh[k] = true
}

func (s *shelf[K, V]) keep() {
	for k, v := range s.draft {
		s.seen(k, v)
		s.mark(k)
	}
	clear(s.draft)
}

func (s *shelf[K, V]) mark(k K) {
	if s.dirty == nil {
		s.dirty = map[K]bool{}
	}
	s.dirty[k] = true
}

func (s *shelf[K, V]) drop() {
	for k := range s.draft {
		if !s.dirty[k] {
			delete(s.fresh, k)
		}
	}
	clear(s.draft)
}

// take returns what has to be saved, and takes it for saved.
func (s *shelf[K, V]) take() []V {
	changed, added := s.split()
	return append(changed, added...)
}

// split is take with the new records apart.
func (s *shelf[K, V]) split() (changed, added []V) {
	for k := range s.dirty {
		if s.fresh[k] {
			added = append(added, s.rows[k])
			continue
		}
		changed = append(changed, s.rows[k])
	}
	clear(s.dirty)
	clear(s.fresh)
	return changed, added
}

// forget drops loaded rows that the store has changed by itself.
func (s *shelf[K, V]) forget(which func(K) bool) {
	for k := range s.rows {
		if which(k) {
			delete(s.rows, k)
		}
	}
}
