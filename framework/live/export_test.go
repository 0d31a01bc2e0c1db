package live

// Apply has a set take a publication in, as its feed does.
func Apply(s *Set, snapshot Snapshot) { s.apply(snapshot.index()) }

// The files of caches, for tests that break them.
var (
	WriteCache  = writeCache
	ReadCache   = readCache
	EncodeCache = encodeCache
	DecodeCache = decodeCache
)
