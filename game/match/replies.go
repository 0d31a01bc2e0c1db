package match

import (
	"fmt"
	"strconv"
)

// replies reads the parts of a script's answer; the first thing that is not as expected is err.
type replies struct{ err error }

func (r *replies) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *replies) part(list []any, i int) any {
	if i >= len(list) {
		r.fail(fmt.Errorf("an answer of %d parts", len(list)))
		return nil
	}
	return list[i]
}

func (r *replies) int(list []any, i int) int64 {
	switch v := r.part(list, i).(type) {
	case int64:
		return v
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		r.fail(err)
		return n
	default:
		r.fail(fmt.Errorf("%v where a number should be", v))
		return 0
	}
}

func (r *replies) string(list []any, i int) string {
	s, ok := r.part(list, i).(string)
	if !ok {
		r.fail(fmt.Errorf("%v where a string should be", r.part(list, i)))
	}
	return s
}

func (r *replies) list(list []any, i int) []any {
	l, ok := r.part(list, i).([]any)
	if !ok {
		r.fail(fmt.Errorf("%v where a list should be", r.part(list, i)))
	}
	return l
}
