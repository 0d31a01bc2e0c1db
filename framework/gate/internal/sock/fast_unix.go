//go:build unix

package sock

import (
	"errors"
	"io"
	"syscall"
)

const hasFast = true

// fast does system calls from inside the runtime's poller: a function that reports false there is called again when the socket is ready. The two
// functions are made once for each socket, so that no call allocates.
type fast struct {
	tryRead, tryWrite func(fd uintptr) bool

	in    *Buffer
	inErr error

	out    []byte
	outN   int
	outErr error
}

func (f *fast) init() {
	f.tryRead = func(fd uintptr) bool {
		b := newBuffer()
		for {
			n, err := syscall.Read(int(fd), b.data[:])
			switch {
			case n > 0:
				b.n = n
				f.in = b
				return true
			case errors.Is(err, syscall.EINTR):
				continue
			case errors.Is(err, syscall.EAGAIN):
				b.Release() // and wait without
				return false
			case err == nil:
				err = io.EOF
			}
			b.Release()
			f.inErr = err
			return true
		}
	}
	f.tryWrite = func(fd uintptr) bool {
		for f.outN < len(f.out) {
			n, err := syscall.Write(int(fd), f.out[f.outN:])
			switch {
			case n > 0:
				f.outN += n
			case errors.Is(err, syscall.EINTR):
			case errors.Is(err, syscall.EAGAIN):
				return true
			default:
				if err == nil {
					err = io.ErrUnexpectedEOF
				}
				f.outErr = err
				return true
			}
		}
		return true
	}
}

func (f *fast) read(raw rawConn) (*Buffer, error) {
	f.in, f.inErr = nil, nil
	if err := raw.Read(f.tryRead); err != nil {
		return nil, err
	}
	b := f.in
	f.in = nil
	return b, f.inErr
}

func (f *fast) write(raw rawConn, b []byte) (int, error) {
	f.out, f.outN, f.outErr = b, 0, nil
	err := raw.Write(f.tryWrite)
	f.out = nil
	if err == nil {
		err = f.outErr
	}
	return f.outN, err
}
