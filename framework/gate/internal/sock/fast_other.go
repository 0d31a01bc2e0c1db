//go:build !unix

package sock

import (
	"errors"
	"syscall"
)

const hasFast = false

type fast struct{}

func (f *fast) init() {}

func (f *fast) read(syscall.RawConn) (*Buffer, error) { return nil, errors.ErrUnsupported }

func (f *fast) write(syscall.RawConn, []byte) (int, error) { return 0, errors.ErrUnsupported }
