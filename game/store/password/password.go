// Package password hashes passwords with argon2id, a few at a time, for whoever stores them: players' accounts, operators. It stores nothing itself, and keeps no
// password. A hash is text that names its own parameters, so that they can be raised while older hashes go on being right.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"loumiao/framework/fault"
)

// Parameters of argon2id, the first of those that OWASP's Password Storage Cheat Sheet recommends.
const (
	argonMemory  = 19 * 1024 // KiB
	argonTime    = 2
	argonThreads = 1
	saltLen      = 16 // bytes
	hashLen      = 32 // bytes

	// maxMemory and maxTime bound what a stored hash may ask for, should somebody have tampered with one.
	maxMemory = 1 << 20 // KiB
	maxTime   = 16

	// hashersAtOnce bounds the memory and the processors that passwords take: 2 times 19 MiB.
	hashersAtOnce = 2
	// hashersWaiting bounds the line before them: about a second's worth.
	hashersWaiting = 64
)

// ErrBusy: too many passwords are being checked. Nothing was tried.
var ErrBusy = fault.New(fault.Overloaded, "too many logins at once; try again in a moment")

// Nobody is verified for a name that does not exist, so that it costs as much as one that does. No password has this hash.
var Nobody = phc(argonMemory, argonTime, argonThreads, make([]byte, saltLen), make([]byte, hashLen))

// A Hasher hashes passwords, few at a time. It is safe for concurrent use.
type Hasher struct {
	line  chan struct{} // one token for each that waits or works
	slots chan struct{} // one token for each that works
}

// NewHasher is one whose line is empty.
func NewHasher() *Hasher {
	return &Hasher{line: make(chan struct{}, hashersAtOnce+hashersWaiting), slots: make(chan struct{}, hashersAtOnce)}
}

// enter waits for a slot; leave gives it back. It is ErrBusy when the line is full.
func (h *Hasher) enter(ctx context.Context) (leave func(), err error) {
	select {
	case h.line <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots; <-h.line }, nil
	case <-ctx.Done():
		<-h.line
		return nil, ctx.Err()
	}
}

// Hash returns password's hash in the PHC string format, $argon2id$v=19$m=19456,t=2,p=1$salt$hash.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt) // never fails: crypto/rand ends the process rather than return an error
	sum := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, hashLen)
	return phc(argonMemory, argonTime, argonThreads, salt, sum), nil
}

// Verify reports whether password has the hash. It is [ErrBusy] when too many are waiting.
func (h *Hasher) Verify(ctx context.Context, password, stored string) (bool, error) {
	p, err := parsePHC(stored)
	if err != nil {
		return false, err
	}
	leave, err := h.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	sum := argon2.IDKey([]byte(password), p.salt, p.time, p.memory, p.threads, uint32(len(p.sum)))
	return subtle.ConstantTimeCompare(sum, p.sum) == 1, nil
}

func phc(memory, time uint32, threads uint8, salt, sum []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, time, threads, b64(salt), b64(sum))
}

// A phcHash is a parsed PHC string. Its parameters are those of when it was made.
type phcHash struct {
	memory, time uint32
	threads      uint8
	salt, sum    []byte
}

func parsePHC(s string) (phcHash, error) {
	var p phcHash
	var version int
	fields := strings.Split(s, "$")
	if len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" {
		return p, errPHC
	}
	if n, err := fmt.Sscanf(fields[2], "v=%d", &version); n != 1 || err != nil || version != argon2.Version {
		return p, errPHC
	}
	if n, err := fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &p.memory, &p.time, &p.threads); n != 3 || err != nil {
		return p, errPHC
	}
	var err1, err2 error
	p.salt, err1 = base64.RawStdEncoding.DecodeString(fields[4])
	p.sum, err2 = base64.RawStdEncoding.DecodeString(fields[5])
	if err1 != nil || err2 != nil || len(p.salt) < 8 || len(p.sum) < 16 || len(p.sum) > 64 {
		return p, errPHC
	}
	if p.memory == 0 || p.memory > maxMemory || p.time == 0 || p.time > maxTime || p.threads == 0 {
		return p, errPHC
	}
	return p, nil
}

// errPHC does not hold the hash, which is not for logs.
var errPHC = fmt.Errorf("password: a stored password is not an argon2id hash")
