package config

import (
	"cmp"
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// setPlain sets v, of a plain type, from text. It returns what is wrong, or "". A secret's text is not quoted.
func setPlain(v reflect.Value, text string, r rule) string {
	if v.Kind() == reflect.Pointer {
		elem := reflect.New(v.Type().Elem())
		if what := setPlain(elem.Elem(), text, r); what != "" {
			return what
		}
		v.Set(elem)
		return ""
	}
	wrong := func(what string) string {
		return fmt.Sprintf("%q is %s; must be %s", clip(text), what, r.allowed(v.Type()))
	}

	switch {
	case v.Type() == secretType:
		v.SetString(text)
		return ""
	case !utf8.ValidString(text): // YAML has no way to write it, and no log either
		return wrong("not UTF-8")
	case v.Type() == durationType:
		d, err := time.ParseDuration(text)
		if err != nil {
			return wrong("no duration")
		}
		v.SetInt(int64(d))
		return ""
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(text)); err != nil {
			return fmt.Sprintf("%q is not allowed: %v", clip(text), err)
		}
		return ""
	}

	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		switch text {
		case "true", "false":
			v.SetBool(text == "true")
		default:
			return wrong("neither")
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(digits(text), 10, v.Type().Bits())
		if err != nil {
			return wrong(numberFault(err))
		}
		v.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(digits(text), 10, v.Type().Bits())
		if err != nil {
			return wrong(numberFault(err))
		}
		v.SetUint(n)
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(digits(text), v.Type().Bits())
		if err != nil || f-f != 0 { // neither infinite nor NaN
			return wrong("no number that fits")
		}
		v.SetFloat(f)
	default:
		return fmt.Sprintf("cannot be configured: its type is %s", v.Type())
	}
	return ""
}

// digits takes out the underscores that YAML and Go allow between digits: 1_000_000.
func digits(text string) string { return strings.ReplaceAll(text, "_", "") }

func numberFault(err error) string {
	if ne, ok := err.(*strconv.NumError); ok && ne.Err == strconv.ErrRange {
		return "out of range"
	}
	return "no whole number"
}

// clip keeps problems short.
func clip(text string) string {
	const most = 60
	if len(text) <= most {
		return text
	}
	return text[:most] + "..."
}

// plainText is how a plain value is written in YAML and in problems; secrets are masked.
func plainText(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case Secret:
		return x.String()
	case time.Duration:
		s := x.String()
		if strings.HasSuffix(s, "m0s") {
			s = strings.TrimSuffix(s, "0s")
		}
		if strings.HasSuffix(s, "h0m") {
			s = strings.TrimSuffix(s, "0m")
		}
		return s
	case encoding.TextMarshaler:
		if b, err := x.MarshalText(); err == nil {
			return string(b)
		}
	}
	return fmt.Sprint(v.Interface())
}

// compare orders two numbers of one type; false for what is no number.
func compare(a, b reflect.Value) (int, bool) {
	switch {
	case a.CanInt():
		return cmp.Compare(a.Int(), b.Int()), true
	case a.CanUint():
		return cmp.Compare(a.Uint(), b.Uint()), true
	case a.CanFloat():
		return cmp.Compare(a.Float(), b.Float()), true
	}
	return 0, false
}
