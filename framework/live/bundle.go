package live

// Texts finds the text that a key has; not ok where nothing is published and the default holds.
type Texts func(name string) (text string, ok bool)

// A Bundle is one value made of several keys, which change together: readers see all of a publication or nothing of it. It never changes and may be a
// package-level variable.
type Bundle[T any] struct {
	parts []Declaration
	build func(Texts) (T, error)
}

// Together makes a value of the given keys by build, which depends on nothing else; [Key.Read] reads a key. An error, which may be joined of several,
// refuses the whole publication at the centre, and at a node keeps the value that it has. build must succeed with every key at its default.
func Together[T any](build func(Texts) (T, error), keys ...Declaration) *Bundle[T] {
	return &Bundle[T]{parts: keys, build: build}
}

// Of is the bundle's value in a set.
func (b *Bundle[T]) Of(s *Set) *Value[T] {
	def, _ := b.build(func(string) (string, bool) { return "", false }) // NewSchema checks it
	return bind(s, b.parts, def, b.build)
}

func (b *Bundle[T]) keys() []Declaration { return b.parts }

func (b *Bundle[T]) check(texts Texts) error {
	_, err := b.build(texts)
	return err
}
