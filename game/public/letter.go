package public

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"loumiao/framework/fault"
	"loumiao/game/command"
	"loumiao/game/tables"
)

// maxAmount bounds what one mail gives of one thing.
const maxAmount = 1_000_000_000

// checkLetter is what is wrong with a mail, by the rules of db: what is promised to many must not turn out to be refused.
func checkLetter(l command.Letter, design *tables.Tables) error {
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
	for currency, amount := range l.Wallet {
		if err := checkGoods("currency", currency, amount, design.Currency(currency)); err != nil {
			return err
		}
	}
	for item, count := range l.Items {
		_, there := design.Item(item)
		if err := checkGoods("item", item, count, there); err != nil {
			return err
		}
	}
	return nil
}

func checkGoods(what, name string, amount int64, there bool) error {
	switch {
	case !there:
		return fault.Errorf(fault.Invalid, "there is no %s %.40q", what, name)
	case amount <= 0 || amount > maxAmount:
		return fault.Errorf(fault.Invalid, "%d of %s cannot be sent by mail", amount, name)
	}
	return nil
}
