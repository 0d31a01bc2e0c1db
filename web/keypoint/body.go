package keypoint

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"

	"loumiao/framework/fault"
)

// maxRatio is how many times its size a gzip body may unpack to. JSON of events comes to ten to twenty; a bomb to a thousand.
const maxRatio = 50

// ratioFrom is the unpacked size, in bytes, from which the ratio counts: a few equal events are no bomb.
const ratioFrom = 16 << 10

// unpack reads a body of the given Content-Encoding into at most limit bytes. The memory that it takes grows with what is read and never beyond the limit.
func unpack(encoding string, body []byte, limit int) ([]byte, error) {
	switch encoding {
	case "", "identity":
		if len(body) > limit {
			return nil, fault.Errorf(fault.TooLarge, "the batch is larger than %d bytes", limit)
		}
		return body, nil
	case "gzip":
	default:
		return nil, fault.New(fault.Invalid, "the content encoding must be gzip, or none")
	}
	in, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fault.New(fault.Invalid, "the body is not gzip")
	}
	most := min(limit, max(ratioFrom, len(body)*maxRatio))
	var out bytes.Buffer
	switch n, err := io.Copy(&out, io.LimitReader(in, int64(most)+1)); {
	case n > int64(most) && most < limit:
		return nil, fault.New(fault.TooLarge, fmt.Sprintf("the body unpacks to more than %d times its size", maxRatio))
	case n > int64(most):
		return nil, fault.Errorf(fault.TooLarge, "the batch is larger than %d bytes", limit)
	case err != nil:
		return nil, fault.New(fault.Invalid, "the body is not gzip")
	}
	return out.Bytes(), nil
}
