package ledger

// shelf holds one kind of record: as loaded or kept (row) and as the
// operation that runs right now would have it (draft). There is one item a
// record, and what is drafted or dirty is listed, so that an operation costs
// what it touches and not what its whole group has loaded.
type shelf[K comparable, V any] struct {
	load   func(K) (V, bool, error)
	items  map[K]*item[V]
	drafts []*item[V]
	dirty  []*item[V]
}

type item[V any] struct {
	row, draft V
	there      bool // row is loaded or kept
	drafted    bool
	dirty      bool // row isn't saved yet
	fresh      bool // and the store has none to replace, as far as that matters
}

func (s *shelf[K, V]) get(k K) (V, bool, error) {
	if i := s.items[k]; i != nil {
		if i.drafted {
			return i.draft, true, nil
		}
		if i.there {
			return i.row, true, nil
		}
	}
	v, ok, err := s.load(k)
	if err == nil && ok {
		s.seen(k, v)
	}
	return v, ok, err
}

// item is the one of a name, made when there is none.
func (s *shelf[K, V]) item(k K) *item[V] {
	i := s.items[k]
	if i == nil {
		if s.items == nil {
			s.items = map[K]*item[V]{}
		}
		i = &item[V]{}
		s.items[k] = i
	}
	return i
}

func (s *shelf[K, V]) seen(k K, v V) {
	i := s.item(k)
	i.row, i.there = v, true
}

func (s *shelf[K, V]) put(k K, v V) { s.draft(s.item(k), v) }

// add puts a record that is new.
func (s *shelf[K, V]) add(k K, v V) {
	i := s.item(k)
	i.fresh = true
	s.draft(i, v)
}

func (s *shelf[K, V]) draft(i *item[V], v V) {
	i.draft = v
	if !i.drafted {
		i.drafted = true
		s.drafts = append(s.drafts, i)
	}
}

func (s *shelf[K, V]) keep() {
	for _, i := range s.drafts {
		i.row, i.there, i.drafted = i.draft, true, false
		s.soil(i)
	}
	s.drafts = s.drafts[:0]
}

// mark has a record saved although no operation changed it.
func (s *shelf[K, V]) mark(k K) { s.soil(s.item(k)) }

func (s *shelf[K, V]) soil(i *item[V]) {
	if !i.dirty {
		i.dirty = true
		s.dirty = append(s.dirty, i)
	}
}

func (s *shelf[K, V]) drop() {
	for _, i := range s.drafts {
		i.drafted = false
		if !i.dirty {
			i.fresh = false
		}
	}
	s.drafts = s.drafts[:0]
}

// take returns what has to be saved, and takes it for saved.
func (s *shelf[K, V]) take() []V {
	changed, added := s.split()
	return append(changed, added...)
}

// split is take with the new records apart.
func (s *shelf[K, V]) split() (changed, added []V) {
	news := 0
	for _, i := range s.dirty {
		if i.fresh {
			news++
		}
	}
	if news < len(s.dirty) {
		changed = make([]V, 0, len(s.dirty)-news)
	}
	if news > 0 {
		added = make([]V, 0, news)
	}
	for _, i := range s.dirty {
		if i.fresh {
			added = append(added, i.row)
		} else {
			changed = append(changed, i.row)
		}
		i.dirty, i.fresh = false, false
	}
	s.dirty = s.dirty[:0]
	return changed, added
}

// all hands out every record, drafts first of all.
func (s *shelf[K, V]) all(yield func(K, V) bool) {
	for k, i := range s.items {
		switch {
		case i.drafted:
			if !yield(k, i.draft) {
				return
			}
		case i.there:
			if !yield(k, i.row) {
				return
			}
		}
	}
}

// forget drops loaded rows that the store has changed by itself.
func (s *shelf[K, V]) forget(which func(K) bool) {
	for k, i := range s.items {
		if which(k) {
			i.there = false
		}
	}
}
