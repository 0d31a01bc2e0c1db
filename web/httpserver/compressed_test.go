package httpserver

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"testing"

	"github.com/gofiber/fiber/v2"
)

// TestCompressedBodies are refused, whoever would read them: a few hundred bytes can stand for gigabytes.
func TestCompressedBodies(t *testing.T) {
	t.Parallel()
	s := start(t, Config{BodyLimit: 1024}, func(app *fiber.App) {
		app.Post("/body", func(c *fiber.Ctx) error {
			t.Errorf("a handler got %d bytes", len(c.Body()))
			return nil
		})
	})
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	_, _ = w.Write(make([]byte, 900<<10))
	_ = w.Close()
	if bomb.Len() > 1024 {
		t.Fatalf("%d bytes are over the limit by themselves", bomb.Len())
	}
	for _, encoding := range []string{"gzip", "gzip, gzip", "br", "deflate", "nonsense"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.Addr()+"/body", bytes.NewReader(bomb.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Encoding", encoding)
		resp, err := s.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", encoding, resp.StatusCode)
		}
	}
}
