package keypoint

import (
	"encoding/json"
	"errors"
	"mime"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
	"loumiao/web/httpserver"
)

// retryAfter is when a batch that is refused for now may be sent again.
const retryAfter = 5 * time.Second

// A Taken is the answer to a batch.
type Taken struct {
	Accepted int        `json:"accepted"`
	Rejected []Rejected `json:"rejected"`
}

// A Rejected is an event that is malformed: it went into quarantine, and sending it again does not help.
type Rejected struct {
	Index  int    `json:"index"` // in the batch
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

// ingest takes a batch in.
func (s *Service) ingest(c *fiber.Ctx) error {
	taken, err := s.take(c)
	if err != nil {
		code := fault.CodeOf(err)
		s.metrics.refused.WithLabelValues(code.String()).Inc()
		if code == fault.Overloaded || code == fault.RateLimited || code == fault.Unavailable {
			err = &httpserver.Retry{After: retryAfter, Err: err}
		}
		return err
	}
	return c.Status(fiber.StatusAccepted).JSON(taken)
}

func (s *Service) take(c *fiber.Ctx) (Taken, error) {
	key, err := s.keys.of(c)
	if err != nil {
		return Taken{}, err
	}
	select {
	case s.unpacking <- struct{}{}:
		defer func() { <-s.unpacking }()
	case <-c.UserContext().Done():
		return Taken{}, errBacklog
	}
	now := s.now()
	e := entry{App: key.app, Received: now.UnixMilli()}
	b, err := s.read(c)
	if err != nil {
		if kept := s.quarantineBody(c, key, e, err, now); kept != nil {
			return Taken{}, kept // to be sent again, and then kept
		}
		return Taken{}, err
	}
	if !key.limit.AllowN(now, len(b.Events)) {
		return Taken{}, fault.New(fault.RateLimited, "the key sends more events than it may; try again later")
	}
	skew := skewOf(b.Sent, now)
	e.Skew = skew.Milliseconds()
	taken := Taken{Rejected: []Rejected{}}
	for i, raw := range b.Events {
		ev, err := s.schemas.check(raw, now, skew)
		var bad *malformed
		if errors.As(err, &bad) {
			e.Rejects = append(e.Rejects, reject{i, bad.reason, bad.detail, cut(raw)})
			taken.Rejected = append(taken.Rejected, Rejected{i, bad.reason, bad.detail})
			continue
		}
		e.Events = append(e.Events, inEntry{ev.ID, ev.Name, ev.Player, ev.At.UnixMilli(), json.RawMessage(ev.Fields)})
	}
	if err := s.stream.add(c.UserContext(), e, len(b.Events), key.daily, now); err != nil {
		return Taken{}, err
	}
	taken.Accepted = len(e.Events)
	s.metrics.events.WithLabelValues("accepted").Add(float64(taken.Accepted))
	for _, r := range taken.Rejected {
		s.metrics.malformed.WithLabelValues(r.Reason).Inc()
	}
	return taken, nil
}

// read is the batch of a request.
func (s *Service) read(c *fiber.Ctx) (batch, error) {
	var b batch
	if kind, _, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType)); err != nil || kind != fiber.MIMEApplicationJSON {
		return b, fault.New(fault.Invalid, "the content type must be application/json")
	}
	// The body as it came: c.Body would decompress it, to any size.
	text, err := unpack(strings.ToLower(c.Get(fiber.HeaderContentEncoding)), c.Request().Body(), s.cfg.Unpacked)
	if err != nil {
		return b, err
	}
	return b, b.parse(text, s.cfg.Batch)
}

// parse reads a batch of 1 to most events, each of which is looked at later.
func (b *batch) parse(text []byte, most int) error {
	if err := httpserver.DecodeJSON(text, b); err != nil {
		return err
	}
	if n := len(b.Events); n == 0 || n > most {
		return fault.Errorf(fault.Invalid, "events: there are %d; must be 1 to %d", n, most)
	}
	return nil
}

// quarantineBody keeps the beginning of a body that is no batch, as it came, and counts it. It counts as one event of its key's.
func (s *Service) quarantineBody(c *fiber.Ctx, key *writeKey, e entry, why error, now time.Time) error {
	s.metrics.malformed.WithLabelValues(badBody).Inc()
	if !key.limit.AllowN(now, 1) {
		return nil // it was told, and counted; a flood of them is not kept
	}
	_, detail := fault.Outside(why)
	e.Rejects = []reject{{0, badBody, detail, cut(c.Request().Body())}}
	return s.stream.add(c.UserContext(), e, 1, key.daily, now)
}
