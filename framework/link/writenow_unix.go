//go:build unix

package link

import (
	"io"
	"net"
	"syscall"
)

// writeNow returns a function that writes to nc what fits into the kernel's buffer and never waits. It is used by one goroutine at a time.
func writeNow(nc net.Conn) func([]byte) (int, error) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return leaveToWriter
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return leaveToWriter
	}
	// One closure for the connection's life: a new one for each write would allocate.
	var (
		b       []byte
		n       int
		sysErr  error
		attempt = func(fd uintptr) bool {
			for {
				n, sysErr = syscall.Write(int(fd), b)
				switch sysErr {
				case syscall.EINTR:
					continue
				case syscall.EAGAIN:
					n, sysErr = 0, nil
				}
				return true
			}
		}
	)
	return func(out []byte) (int, error) {
		b, n, sysErr = out, 0, nil
		err := raw.Write(attempt)
		b = nil
		switch {
		case err != nil:
			return 0, err
		case sysErr != nil:
			return 0, sysErr
		case n < 0:
			return 0, io.ErrUnexpectedEOF
		}
		return n, nil
	}
}
