package live

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
)

// A Share is how many of those who might have a feature have it. The zero Share is nobody.
type Share struct {
	feature string
	percent uint8
}

// Feature is a feature flag: on, off, or a part such as 25% of all, always the same ones, of whom a larger part only adds more.
func Feature(name string, on bool, doc string, options ...Option) *Key[Share] {
	def := "off"
	if on {
		def = "on"
	}
	k := Parsed(name, "feature", def, func(text string) (Share, error) {
		switch text {
		case "on":
			return Share{name, 100}, nil
		case "off":
			return Share{name, 0}, nil
		}
		if number, ok := strings.CutSuffix(text, "%"); ok {
			if n, err := strconv.ParseUint(number, 10, 8); err == nil && n <= 100 {
				return Share{name, uint8(n)}, nil
			}
		}
		return Share{}, fmt.Errorf("is %s; must be on, off or 0%% to 100%%", quoted(text))
	}, doc, options...)
	k.spec.Allowed = "on, off or 0% to 100%"
	return k
}

// Has reports whether a player, or whoever has that id, is among those.
func (s Share) Has(id int64) bool {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s.feature)) // a hash never fails; with the name, so that it is not always the same players who try everything
	_, _ = h.Write(strconv.AppendInt(nil, id, 10))
	// FNV's low bits are weak for short inputs; the high ones are taken.
	return (h.Sum64()>>32)%100 < uint64(s.percent)
}
