package live

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// cacheMagic begins a cache file; a SHA-256 of the rest in hexadecimal and a line feed follow.
const cacheMagic = "live 1 "

const cacheHead = len(cacheMagic) + 2*sha256.Size + 1

func encodeCache(s Snapshot) ([]byte, error) {
	data, err := s.Encode()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	return append([]byte(cacheMagic+hex.EncodeToString(sum[:])+"\n"), data...), nil
}

func decodeCache(file []byte) (Snapshot, error) {
	if len(file) < cacheHead || !bytes.HasPrefix(file, []byte(cacheMagic)) || file[cacheHead-1] != '\n' {
		return Snapshot{}, errors.New("live: not a file of live values, or cut off")
	}
	data := file[cacheHead:]
	sum := sha256.Sum256(data)
	if string(file[len(cacheMagic):cacheHead-1]) != hex.EncodeToString(sum[:]) {
		return Snapshot{}, errors.New("live: the file's checksum is wrong")
	}
	return DecodeSnapshot(data)
}

// readCache reads what writeCache wrote; not ok when there is no file.
func readCache(path string) (s Snapshot, ok bool, err error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, false, nil
	}
	if err != nil {
		return s, false, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	content, err := io.ReadAll(io.LimitReader(file, int64(cacheHead+MaxSnapshot)+1))
	if err != nil {
		return s, false, err
	}
	s, err = decodeCache(content)
	return s, err == nil, err
}

// writeCache replaces the file as a whole: whoever reads it, also after a crash, finds the old content or the new.
func writeCache(path string, s Snapshot) error {
	content, err := encodeCache(s)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	draft, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(draft.Name()) }() // when it was not renamed
	_, err = draft.Write(content)
	if err = errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return fmt.Errorf("live: write %s: %w", draft.Name(), err)
	}
	return os.Rename(draft.Name(), path)
}
