package certfile

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pair is a certificate with the name, and its key, in PEM.
func pair(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0), DNSNames: []string{name},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

// files is a place for a pair, in which each write is seen as a change.
type files struct {
	t         *testing.T
	cert, key string
	writes    int
}

func newFiles(t *testing.T) *files {
	dir := t.TempDir()
	return &files{t: t, cert: filepath.Join(dir, "tls.crt"), key: filepath.Join(dir, "tls.key")}
}

func (f *files) write(path string, data []byte) {
	f.t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		f.t.Fatal(err)
	}
	f.writes++ // so that it differs on file systems with coarse times, too
	at := time.Unix(int64(f.writes), 0)
	if err := os.Chtimes(path, at, at); err != nil {
		f.t.Fatal(err)
	}
}

func (f *files) put(cert, key []byte) {
	f.write(f.cert, cert)
	f.write(f.key, key)
}

// served is the name in the certificate that a client is shown.
func served(t *testing.T, f *Files) string {
	t.Helper()
	c, err := f.Server().GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatal(err)
	}
	return c.Leaf.Subject.CommonName
}

func TestAChangedCertificateIsServed(t *testing.T) {
	t.Parallel()
	place, now := newFiles(t), time.Unix(1000, 0)
	var log bytes.Buffer
	place.put(pair(t, "first"))
	f, err := Load(place.cert, place.key, Config{
		Every: time.Minute, Now: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	newCert, newKey := pair(t, "second")
	place.write(place.cert, newCert)
	if got := served(t, f); got != "first" {
		t.Errorf("%s is served before the files are looked at again", got)
	}
	for range 3 { // a certificate whose key has not come yet: said once
		now = now.Add(time.Minute)
		if got := served(t, f); got != "first" {
			t.Errorf("%s is served while the key is missing", got)
		}
	}
	if n := strings.Count(log.String(), "not read"); n != 1 {
		t.Errorf("logged %d times that the files do not fit, want once: %s", n, log.String())
	}
	place.write(place.key, newKey)
	now = now.Add(time.Minute)
	if got := served(t, f); got != "second" {
		t.Errorf("%s is served, want second", got)
	}
}

func TestFilesThatGoAwayLeaveTheOldCertificate(t *testing.T) {
	t.Parallel()
	place, now := newFiles(t), time.Unix(1000, 0)
	var log bytes.Buffer
	cert, key := pair(t, "only")
	place.put(cert, key)
	f, err := Load(place.cert, place.key, Config{Now: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(place.key); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		now = now.Add(time.Minute)
		if got := served(t, f); got != "only" {
			t.Errorf("%s is served", got)
		}
	}
	if n := strings.Count(log.String(), "not read"); n != 1 {
		t.Errorf("logged %d times that the key is gone, want once: %s", n, log.String())
	}
	place.put(pair(t, "back"))
	now = now.Add(time.Minute)
	if got := served(t, f); got != "back" {
		t.Errorf("%s is served, want back", got)
	}
}

func TestLoadSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	place := newFiles(t)
	cert, _ := pair(t, "one")
	_, otherKey := pair(t, "two")
	if _, err := Load(place.cert, place.key, Config{}); err == nil || !strings.Contains(err.Error(), place.cert) {
		t.Errorf("missing files: %v", err)
	}
	place.put(cert, otherKey)
	if _, err := Load(place.cert, place.key, Config{}); err == nil || !strings.Contains(err.Error(), place.key) {
		t.Errorf("a key of another certificate: %v", err)
	}
}

func TestOldVersionsOfTLSAreRefused(t *testing.T) {
	t.Parallel()
	place := newFiles(t)
	place.put(pair(t, "game.example"))
	f, err := Load(place.cert, place.key, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if v := f.Server().MinVersion; v != tls.VersionTLS12 {
		t.Errorf("the lowest version is %#x", v)
	}
}
