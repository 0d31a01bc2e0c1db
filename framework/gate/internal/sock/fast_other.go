//go:build !unix

package sock

import "errors"

const hasFast = false

type fast struct{}

func (f *fast) init() {}

func (f *fast) read(rawConn) (*Buffer, error) { return nil, errors.ErrUnsupported }

func (f *fast) write(rawConn, []byte) (int, error) { return 0, errors.ErrUnsupported }
