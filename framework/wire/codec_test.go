package wire

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/wire/wirepb"
)

func codecMessage(t testing.TB) *Message {
	t.Helper()
	r, err := NewRegistry(declare(t, "codec", &wirepb.Message{Id: 1, From: wirepb.From_CLIENT, To: "world"}))
	if err != nil {
		t.Fatal(err)
	}
	m, _ := r.ByID(1)
	return m
}

func TestJSONKeeps64Bits(t *testing.T) {
	t.Parallel()
	msg := codecMessage(t)
	body, err := FromJSON(msg, []byte(`{"bigNumber":"9007199254740993","inner":[{},{"bigNumber":-1}]}`))
	if err != nil {
		t.Fatal(err)
	}
	json, err := ToJSON(msg, body)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(string(json), " ", "")
	if want := `{"bigNumber":"9007199254740993","inner":[{},{"bigNumber":"-1"}]}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFromJSONRefuses(t *testing.T) {
	t.Parallel()
	msg := codecMessage(t)
	for name, body := range map[string]string{
		"garbage":             `{]`,
		"an unknown field":    `{"bigNumber":"1","gold":"9"}`,
		"a fraction":          `{"bigNumber":1.5}`,
		"a number too large":  `{"bigNumber":"9223372036854775808"}`,
		"a field twice":       `{"bigNumber":"1","bigNumber":"2"}`,
		"two bodies":          `{}{}`,
		"an array":            `[]`,
		"null":                `null`,
		"too deep":            strings.Repeat(`{"inner":[`, 100) + strings.Repeat(`]}`, 100),
		"deep and never done": strings.Repeat(`{"inner":[`, 100000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if out, err := FromJSON(msg, []byte(body)); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("got %x and %v, want invalid", out, err)
			}
		})
	}
	if out, err := FromJSON(msg, nil); err != nil || len(out) != 0 {
		t.Errorf("an empty body: %x, %v", out, err)
	}
}

func TestUnmarshalRefusesDepthAndGarbage(t *testing.T) {
	t.Parallel()
	msg := codecMessage(t)
	var deep []byte
	for range 100 { // each level is a field 2 around the last
		deep = append(append([]byte{0x12}, varint(len(deep))...), deep...)
	}
	for name, body := range map[string][]byte{"too deep": deep, "garbage": {0xff, 0xff}, "cut short": {0x12, 0x05, 0x08}} {
		if err := Unmarshal(body, msg.New()); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
}

func varint(n int) (out []byte) {
	for ; n >= 0x80; n >>= 7 {
		out = append(out, byte(n)|0x80)
	}
	return append(out, byte(n))
}

func TestErrorBodiesKeepTheCodeAndNoSecret(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		code fault.Code
		text string
	}{
		"a fault":        {fault.New(fault.NotFound, "no such mail"), fault.NotFound, "no such mail"},
		"a fork's fault": {fault.New(fault.FirstFork+5, "no ammunition"), fault.FirstFork + 5, "no ammunition"},
		"anything else":  {errors.New("password is hunter2"), fault.Internal, "internal error"},
	} {
		body, err := MarshalAppend(nil, ErrorBody(test.err))
		if err != nil {
			t.Fatal(err)
		}
		var e wirepb.Error
		if err := Unmarshal(body, &e); err != nil {
			t.Fatal(err)
		}
		if code, text := fault.Outside(BodyError(&e)); code != test.code || text != test.text {
			t.Errorf("%s: became %s %q", name, code, text)
		}
	}
	for _, code := range []uint32{0, 1 << 16} {
		if got := fault.CodeOf(BodyError(&wirepb.Error{Code: code})); got != fault.Internal {
			t.Errorf("code %d became %s, want internal", code, got)
		}
	}
}

func FuzzFromJSON(f *testing.F) {
	f.Add(`{"bigNumber":"1","inner":[{"bigNumber":2}]}`)
	f.Add(`{"inner":[{"inner":[{}]}]}`)
	msg := codecMessage(f)
	f.Fuzz(func(t *testing.T, in string) {
		body, err := FromJSON(msg, []byte(in))
		if err != nil {
			if fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("an error without a code: %v", err)
			}
			return
		}
		out, err := ToJSON(msg, body)
		if err != nil {
			t.Fatalf("%s came in and cannot go out: %v", in, err)
		}
		first, second := msg.New(), msg.New()
		if UnmarshalJSON([]byte(in), first) != nil || UnmarshalJSON(out, second) != nil || !proto.Equal(first, second) {
			t.Fatalf("%s became %s", in, out)
		}
	})
}
