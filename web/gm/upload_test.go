package gm

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"loumiao/game/command"
)

// upload posts a form of the act publish with a file, as browsers do.
func (g *console) upload(cookie string, fields map[string]string, name, data string) (*http.Response, string) {
	g.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for key, value := range fields {
		if err := form.WriteField(key, value); err != nil {
			g.t.Fatal(err)
		}
	}
	part, err := form.CreateFormFile("text_file", name)
	if err != nil {
		g.t.Fatal(err)
	}
	if _, err := part.Write([]byte(data)); err != nil {
		g.t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		g.t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/acts/publish", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return g.send(r, cookie)
}

// TestUpload: a file counts instead of what was typed, is shown before it is published, and is not lost where it is wrong.
func TestUpload(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, csrf := g.login("admin", "")
		fields := map[string]string{"csrf": csrf, "name": "tables.shop", "area": "0", "text": "typed,before", "reason": "sale"}
		const csv = "item,price\nsword,5\n"
		for name, test := range map[string]struct {
			file, data string
			status     int
			says       []string
		}{
			"good":             {"shop.csv", csv, http.StatusOK, []string{"Nothing was done yet", "sword,5"}},
			"of a spreadsheet": {"shop.csv", "\ufeffitem,price\r\nsword,5\r\n", http.StatusOK, []string{"Nothing was done yet", ">\nitem,price\nsword,5"}},
			"none chosen":      {"", "", http.StatusOK, []string{"Nothing was done yet", "typed,before"}},
			"broken":           {"shop.csv", "item,price\nsword,broken\n", http.StatusBadRequest, []string{"shop.csv:6: price", "sword,broken"}},
			"too long":         {"shop.csv", strings.Repeat("a,b\n", maxUpload/4+1), http.StatusBadRequest, []string{"it may have 256", "typed,before", "sale"}},
			"empty":            {"shop.csv", " \n", http.StatusBadRequest, []string{"the file is empty", "typed,before"}},
			"a workbook":       {"shop.xlsx", "PK\x03\x04\x00\x00", http.StatusBadRequest, []string{"not text", "typed,before"}},
			"Latin-1":          {"shop.csv", "item,price\n\xe9p\xe9e,5\n", http.StatusBadRequest, []string{"line 2 of the file is not UTF-8", "typed,before"}},
		} {
			reply, body := g.upload(cookie, fields, test.file, test.data)
			if reply.StatusCode != test.status {
				t.Errorf("%s: %d %s", name, reply.StatusCode, body)
			}
			for _, want := range test.says {
				if !strings.Contains(strings.ReplaceAll(body, "\r", ""), want) {
					t.Errorf("%s: does not say %q: %s", name, want, body)
				}
			}
		}
		if reply, _ := g.upload(cookie, map[string]string{"name": "tables.shop", "reason": "sale"}, "shop.csv", csv); reply.StatusCode != http.StatusForbidden {
			t.Errorf("without the session's token: %d", reply.StatusCode)
		}
		if len(g.public.got) != 0 {
			t.Fatalf("done: %+v", g.public.got)
		}
		fields["confirmed"], fields["base"] = "yes", "3"
		if reply, body := g.upload(cookie, fields, "shop.csv", csv); reply.StatusCode != http.StatusOK || len(g.public.got) != 1 {
			t.Fatalf("%d %s", reply.StatusCode, body)
		}
		var did command.PublishArgs
		if err := json.Unmarshal(g.public.got[0].Args, &did); err != nil || did.Base != 3 || len(did.Changes) != 1 || did.Changes[0].Text != csv {
			t.Errorf("published %+v, %v", did, err)
		}
	})
}

// FuzzUploaded: whatever a file holds is text, or an error.
func FuzzUploaded(f *testing.F) {
	f.Add([]byte("\ufeffitem,price\nsword,5"))
	f.Add([]byte("\xff\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := uploaded(data)
		if (err == nil) != (text != "") || !utf8.ValidString(text) || strings.ContainsRune(text, 0) || !strings.Contains(string(data), text) {
			t.Errorf("%q is %q, %v", data, text, err)
		}
	})
}
