package pay

import (
	"strings"
	"testing"
	"time"
)

// The vector was computed with openssl: printf '%s' '1800000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test
const (
	vectorBody      = `{"id":"evt_1"}`
	vectorSignature = "45705be2a45ab5acdd1395cc695e9e7073125385ec24194921c401dff44176f8"
)

func TestSignatureVector(t *testing.T) {
	t.Parallel()
	if got, want := Sign("whsec_test", now, []byte(vectorBody)), "t=1800000000,v1="+vectorSignature; got != want {
		t.Errorf("signed %s, want %s", got, want)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	const good = "v1=" + vectorSignature
	wrong := "v1=" + strings.Repeat("0", 64)
	for name, tc := range map[string]struct {
		header  string
		body    string
		secrets []string
		late    time.Duration
		ok      bool
	}{
		"good":                        {header: "t=1800000000," + good, ok: true},
		"spaces":                      {header: "t=1800000000, " + good, ok: true},
		"order":                       {header: good + ",t=1800000000", ok: true},
		"other schemes":               {header: "t=1800000000," + good + ",v0=00,v2=xyz,foo=", ok: true},
		"several, one of them good":   {header: "t=1800000000," + wrong + "," + good, ok: true},
		"several, none of them good":  {header: "t=1800000000," + wrong + "," + wrong},
		"not hexadecimal beside good": {header: "t=1800000000,v1=zz," + good, ok: true},
		"second secret":               {header: "t=1800000000," + good, secrets: []string{"other", "whsec_test"}, ok: true},
		"other secrets":               {header: "t=1800000000," + good, secrets: []string{"other", "another"}},
		"no secret":                   {header: "t=1800000000," + good, secrets: []string{}},
		"the latest":                  {header: "t=1800000000," + good, late: Tolerance, ok: true},
		"too late":                    {header: "t=1800000000," + good, late: Tolerance + time.Second},
		"too early":                   {header: "t=1800000000," + good, late: -Tolerance - time.Second},
		"other time":                  {header: "t=1800000001," + good},
		"other body":                  {header: "t=1800000000," + good, body: vectorBody + "\n"},
		"only an older scheme":        {header: "t=1800000000,v0=" + vectorSignature},
		"no time":                     {header: good},
		"two times":                   {header: "t=1800000000,t=1800000000," + good},
		"time that is none":           {header: "t=now," + good},
		"time before there was any":   {header: "t=-1800000000," + good},
		"huge time":                   {header: "t=9223372036854775807," + good},
		"nothing":                     {header: ""},
		"no pairs":                    {header: "hello"},
		"too long":                    {header: "t=1800000000," + good + ",x=" + strings.Repeat("y", maxSignatureHeader)},
		"too many":                    {header: "t=1800000000," + strings.Repeat(wrong+",", maxSignatures) + good},
		"cut":                         {header: "t=1800000000," + good[:len(good)-2]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, secrets := vectorBody, []string{"whsec_test"}
			if tc.body != "" {
				body = tc.body
			}
			if tc.secrets != nil {
				secrets = tc.secrets
			}
			err := verify(tc.header, []byte(body), secrets, now.Add(tc.late), Tolerance)
			if tc.ok && err != nil || !tc.ok && err != ErrForged {
				t.Errorf("%v", err)
			}
		})
	}
}

func FuzzSignature(f *testing.F) {
	f.Add("t=1800000000,v1="+vectorSignature, []byte(vectorBody))
	f.Add("t=1,v1=00,v0=1,,=", []byte(""))
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		err := verify(header, body, []string{"whsec_fuzz", ""}, now, Tolerance)
		if err != nil && err != ErrForged {
			t.Errorf("%v tells more than it should", err)
		}
		if err == nil {
			t.Errorf("%q is taken for a signature of %q", header, body)
		}
		if err := verify(Sign("whsec_fuzz", now, body), body, []string{"whsec_fuzz"}, now, Tolerance); err != nil {
			t.Errorf("our own signature of %q: %v", body, err)
		}
		stamp, at, signatures, ok := parseSignature(header)
		if ok && (stamp == "" || at.Unix() < 0 || len(signatures) == 0 || len(signatures) > maxSignatures) {
			t.Errorf("%q is %q, %v and %d signatures", header, stamp, at, len(signatures))
		}
	})
}
