package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const extension = ".spool"

var errFull = errors.New("the spool is full")

// A spool is frames in files, first in first out. It is safe for one who appends and one who takes.
type spool struct {
	dir   string
	limit int64

	mu       sync.Mutex
	segments []*segment // the oldest first; the last may grow
	size     int64      // of all
	number   uint64     // of the newest file
	growing  *os.File   // the last of segments; nil: the next append begins another
}

// A segment is one file. What is before start is delivered, and what is behind end is no frame.
type segment struct {
	path       string
	start, end int64
}

// openSpool finds what earlier lives have left. torn is how many bytes at the ends of files are no frames, and will not be delivered.
func openSpool(dir string, limit int64) (s *spool, torn int64, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, 0, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, 0, err
	}
	s = &spool{dir: dir, limit: limit}
	numbers := map[string]uint64{}
	for _, e := range entries {
		name, is := strings.CutSuffix(e.Name(), extension)
		n, err := strconv.ParseUint(name, 10, 64)
		if !is || err != nil {
			continue // not ours
		}
		path := filepath.Join(dir, e.Name())
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, 0, err
		}
		good := whole(data)
		torn += int64(len(data) - good)
		numbers[path], s.number = n, max(s.number, n)
		s.segments = append(s.segments, &segment{path: path, end: int64(good)})
		s.size += int64(good)
	}
	slices.SortFunc(s.segments, func(a, b *segment) int {
		if numbers[a.path] < numbers[b.path] {
			return -1
		}
		return 1
	})
	return s, torn, nil
}

// append writes frames, all or none of them.
func (s *spool) append(frames []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size+int64(len(frames)) > s.limit {
		return errFull
	}
	if s.growing == nil {
		path := filepath.Join(s.dir, fmt.Sprintf("%020d%s", s.number+1, extension))
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		s.number++
		s.growing = f
		s.segments = append(s.segments, &segment{path: path})
	}
	last := s.segments[len(s.segments)-1]
	if _, err := s.growing.WriteAt(frames, last.end); err != nil {
		// What was written of it must not come back after a restart, beside the frames that its writer appends again elsewhere.
		return errors.Join(err, s.growing.Truncate(last.end), s.seal())
	}
	last.end += int64(len(frames))
	s.size += int64(len(frames))
	if last.end >= segmentBytes {
		return s.seal()
	}
	return nil
}

// seal has the next append begin another file.
func (s *spool) seal() error {
	f := s.growing
	s.growing = nil
	return f.Close()
}

// peek returns the oldest frames, up to about n bytes; none when all is delivered.
func (s *spool) peek(n int) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.segments) > 0 {
		first := s.segments[0]
		if left := first.end - first.start; left > 0 {
			f, err := os.Open(first.path)
			if err != nil {
				return nil, err
			}
			data := make([]byte, min(left, int64(n)))
			_, err = f.ReadAt(data, first.start)
			return data, errors.Join(err, f.Close())
		}
		if len(s.segments) == 1 && s.growing != nil {
			return nil, nil
		}
		if err := s.drop(); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// taken forgets the oldest n bytes, which peek has returned.
func (s *spool) taken(n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.segments[0]
	first.start += int64(n)
	if first.start < first.end {
		return nil
	}
	if len(s.segments) == 1 && s.growing != nil {
		// The same file again from its beginning, so that a quiet journal does not make and remove one every moment.
		if err := s.growing.Truncate(0); err != nil {
			return err
		}
		s.size -= first.end
		first.start, first.end = 0, 0
		return nil
	}
	return s.drop()
}

// skip gives up the oldest file, which cannot be read, and says how many bytes that are.
func (s *spool) skip() (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lost := s.segments[0].end - s.segments[0].start
	var sealed error
	if len(s.segments) == 1 && s.growing != nil {
		sealed = s.seal()
	}
	return lost, errors.Join(sealed, s.drop())
}

// drop removes the oldest file.
func (s *spool) drop() error {
	first := s.segments[0]
	s.segments = s.segments[1:]
	s.size -= first.end
	if err := os.Remove(first.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (s *spool) bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size
}

func (s *spool) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.growing == nil {
		return nil
	}
	err := s.seal()
	if last := s.segments[len(s.segments)-1]; last.end == 0 {
		err = errors.Join(err, os.Remove(last.path))
	}
	return err
}
