package rpc

import (
	"encoding/binary"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/trace"
)

// A frame, big-endian:
//
//	 0 u8  kind
//	 1 u8  flags     0, refused or traced
//	 2 u16 load      of the callee: calls that it works on. In replies and errors
//	 4 u64 call      the caller's number for the call; 0 in a send
//
//	call, send:  12 u32 method, 16 u32 timeout in microseconds (0: none), 20 the request
//	  traced:    20 the caller's trace and span, 16 and 8 bytes, 44 the request
//	reply:       12 the reply
//	error:       12 u16 code, 14 the message
//	cancel:      nothing more
const (
	headSize    = 12
	requestSize = headSize + 8
	errorSize   = headSize + 2
)

type kind uint8

const (
	kindCall kind = 1 + iota
	kindSend
	kindReply
	kindError
	kindCancel
)

// refused marks an error that comes from before any handler: the request surely had no effect.
const refused = 1

// traced marks a call or a send of a trace that is recorded. Nodes older than it end a link that it comes on, so tracing is switched on when there are none left.
const traced = 2

type frame struct {
	kind    kind
	flags   uint8
	load    uint16
	call    uint64
	method  uint32
	timeout time.Duration
	trace   trace.Ref
	code    fault.Code
	body    []byte // points into what was parsed
}

var errFrame = fault.New(fault.Invalid, "malformed rpc frame")

func parseFrame(b []byte) (frame, error) {
	if len(b) < headSize {
		return frame{}, errFrame
	}
	f := frame{kind: kind(b[0]), flags: b[1], load: binary.BigEndian.Uint16(b[2:]), call: binary.BigEndian.Uint64(b[4:])}
	switch f.kind {
	case kindCall, kindSend:
		if len(b) < requestSize || f.flags&^traced != 0 || (f.kind == kindSend) != (f.call == 0) {
			return frame{}, errFrame
		}
		f.method = binary.BigEndian.Uint32(b[12:])
		f.timeout = time.Duration(binary.BigEndian.Uint32(b[16:])) * time.Microsecond
		f.body = b[requestSize:]
		if f.flags&traced != 0 {
			if len(f.body) < trace.RefSize {
				return frame{}, errFrame
			}
			f.trace, f.body = trace.ParseRef(f.body), f.body[trace.RefSize:]
		}
	case kindReply:
		if f.flags != 0 {
			return frame{}, errFrame
		}
		f.body = b[headSize:]
	case kindError:
		if len(b) < errorSize || f.flags&^refused != 0 {
			return frame{}, errFrame
		}
		f.code = fault.Code(binary.BigEndian.Uint16(b[12:]))
		if f.code == fault.OK {
			return frame{}, errFrame
		}
		f.body = b[errorSize:]
	case kindCancel:
		if len(b) != headSize || f.flags != 0 {
			return frame{}, errFrame
		}
	default:
		return frame{}, errFrame
	}
	return f, nil
}

// callOf is the number of the call in a frame of at least headSize bytes.
func callOf(frame []byte) uint64 { return binary.BigEndian.Uint64(frame[4:]) }

func appendHead(b []byte, k kind, flags uint8, load uint16, call uint64) []byte {
	b = append(b, byte(k), flags, byte(load>>8), byte(load))
	return binary.BigEndian.AppendUint64(b, call)
}

func appendRequest(b []byte, k kind, call uint64, method uint32, timeout time.Duration, span trace.Span) []byte {
	flags := uint8(0)
	if !span.IsZero() {
		flags = traced
	}
	b = appendHead(b, k, flags, 0, call)
	b = binary.BigEndian.AppendUint32(b, method)
	b = binary.BigEndian.AppendUint32(b, microseconds(timeout))
	if flags != 0 {
		b = span.Ref().Append(b)
	}
	return b
}

func appendError(b []byte, flags uint8, load uint16, call uint64, code fault.Code, message string) []byte {
	b = appendHead(b, kindError, flags, load, call)
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	return append(b, message...)
}

// microseconds rounds up, so that a deadline that is not over is never sent as none, and cuts at 71 minutes.
func microseconds(d time.Duration) uint32 {
	return uint32(min((d+time.Microsecond-1)/time.Microsecond, 1<<32-1))
}
