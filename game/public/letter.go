package public

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"loumiao/framework/fault"
	"loumiao/game/command"
)

// goodsNames is how currencies and items are called.
var goodsNames = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// maxAmount bounds what one mail gives of one thing.
const maxAmount = 1_000_000_000

// checkLetter is what is wrong with a mail, by the rules of db: what is promised to many must not turn out to be refused.
func checkLetter(l command.Letter) error {
	for _, part := range []struct {
		name, text  string
		least, most int
		lines       bool
	}{{"sender", l.Sender, 1, 32, false}, {"subject", l.Subject, 1, 64, false}, {"body", l.Body, 0, 1000, true}} {
		n := utf8.RuneCountInString(part.text)
		if !utf8.ValidString(part.text) || n < part.least || n > part.most {
			return fault.Errorf(fault.Invalid, "the %s of a mail is not %d to %d characters", part.name, part.least, part.most)
		}
		if strings.ContainsFunc(part.text, func(r rune) bool { return unicode.IsControl(r) && !(part.lines && r == '\n') }) {
			return fault.Errorf(fault.Invalid, "the %s of a mail has a control character", part.name)
		}
	}
	if n := len(l.Wallet) + len(l.Items); n > maxGoods {
		return fault.Errorf(fault.Invalid, "%d goods in one mail are more than %d", n, maxGoods)
	}
	for _, goods := range []map[string]int64{l.Wallet, l.Items} {
		for name, amount := range goods {
			if !goodsNames.MatchString(name) || amount <= 0 || amount > maxAmount {
				return fault.Errorf(fault.Invalid, "%d of %.40q cannot be sent by mail", amount, name)
			}
		}
	}
	return nil
}
