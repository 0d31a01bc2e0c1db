package gate

import (
	"fmt"
	"strconv"
	"strings"
)

// A version is that of a client: three numbers, compared from the left.
type version [3]int

// CheckVersion says what is wrong with a version for [Config.MinClient].
func CheckVersion(s string) error {
	_, err := parseVersion(s)
	return err
}

// parseVersion reads "1", "1.2" or "1.2.3", with an optional "-suffix" that does not count.
func parseVersion(s string) (v version, err error) {
	number, _, _ := strings.Cut(s, "-")
	parts := strings.Split(number, ".")
	if len(s) > 64 || len(parts) > len(v) {
		return v, fmt.Errorf("%.20q is not a version like 1.2.3", s)
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return v, fmt.Errorf("%.20q is not a version like 1.2.3", s)
		}
		v[i] = int(n)
	}
	return v, nil
}

func (v version) less(w version) bool {
	for i := range v {
		if v[i] != w[i] {
			return v[i] < w[i]
		}
	}
	return false
}
