package public

import (
	"context"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"loumiao/framework/fault"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/store/public"
)

// remembered is how many lines newcomers get.
const remembered = 50

// A room is the chat of one area. Its lock is held while a line is stored, so that lines are numbered, stored and told in one order.
type room struct {
	area  uint16
	speed *rate.Limiter

	mu     sync.Mutex
	loaded bool
	last   int64         // the newest number
	lines  []public.Line // the newest ones, at most remembered
}

func newRoom(area uint16, linesPerSecond int) *room {
	return &room{area: area, speed: rate.NewLimiter(rate.Limit(linesPerSecond), linesPerSecond)}
}

// load reads the newest lines, when they are not known: at first, and after an error that leaves open whether a line was stored.
func (r *room) load(ctx context.Context, s *public.Store) error {
	if r.loaded {
		return nil
	}
	lines, err := s.Lines(ctx, r.area, remembered)
	if err != nil {
		return err
	}
	r.lines, r.last, r.loaded = lines, 0, true
	if n := len(lines); n > 0 {
		r.last = lines[n-1].Number
	}
	return nil
}

func (r *reign) roomOf(area uint32) (*room, error) {
	if area <= 1<<16-1 {
		if room := r.rooms[uint16(area)]; room != nil {
			return room, nil
		}
	}
	return nil, fault.Errorf(fault.NotFound, "there is no area %d", area)
}

func (r *reign) say(ctx context.Context, m *pb.Say) (*pb.SayToAllReply, error) {
	room, err := r.roomOf(m.GetArea())
	if err != nil {
		return nil, err
	}
	text, err := r.cfg.Chat.check(m.GetText())
	if err != nil {
		return nil, err
	}
	mute, on, err := r.store.MuteOf(ctx, m.GetPlayer())
	if err != nil {
		return nil, err
	}
	if on {
		return nil, fault.Errorf(fault.Forbidden, "you may not speak until %s: %s", time.UnixMilli(mute.Until).UTC().Format(time.RFC3339), mute.Reason)
	}
	now := r.now()
	if !r.speaks.allow(m.GetPlayer(), now) {
		return nil, fault.New(fault.RateLimited, "you are saying too much: wait a moment")
	}
	if !room.speed.AllowN(now, 1) {
		return nil, fault.New(fault.RateLimited, "everybody is speaking: wait a moment")
	}
	room.mu.Lock()
	defer room.mu.Unlock()
	if err := room.load(ctx, r.store); err != nil {
		return nil, err
	}
	line := public.Line{Area: room.area, Number: room.last + 1, Player: m.GetPlayer(), Name: m.GetName(), Text: text, At: now}
	if err := r.leader.Say(ctx, line); err != nil {
		room.loaded = false
		return nil, err
	}
	room.last = line.Number
	room.lines = append(room.lines, line)
	if n := len(room.lines); n > remembered {
		room.lines = append(room.lines[:0:0], room.lines[n-remembered:]...)
	}
	said := &pb.Said{Area: m.GetArea(), Line: chatLine(line)}
	if err := api.Said.Send(ctx, r.node.RPC(), said, rpc.All); err != nil {
		r.log.Debug("not every world was told of a line", "area", room.area, "number", line.Number, "err", err)
	}
	return &pb.SayToAllReply{Line: said.GetLine()}, nil
}

// check is the text of a line as it is shown, or what is wrong with it.
func (c ChatConfig) check(text string) (string, error) {
	text = strings.TrimSpace(text)
	if n := utf8.RuneCountInString(text); n == 0 || n > c.MaxLength || !utf8.ValidString(text) {
		return "", fault.Errorf(fault.Invalid, "a line has 1 to %d characters", c.MaxLength)
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return "", fault.New(fault.Invalid, "a line has no control characters")
	}
	return text, nil
}

func (r *reign) listChat(ctx context.Context, m *pb.ListChat) (*pb.GetChatReply, error) {
	room, err := r.roomOf(m.GetArea())
	if err != nil {
		return nil, err
	}
	room.mu.Lock()
	defer room.mu.Unlock()
	if err := room.load(ctx, r.store); err != nil {
		return nil, err
	}
	reply := &pb.GetChatReply{}
	for _, line := range room.lines {
		if line.Number > m.GetAfter() {
			reply.Lines = append(reply.Lines, chatLine(line))
		}
	}
	return reply, nil
}

func chatLine(l public.Line) *pb.ChatLine {
	return &pb.ChatLine{Number: l.Number, Player: l.Player, Name: l.Name, Text: l.Text, AtMs: l.At.UnixMilli()}
}

// limits is how fast each player may speak. A player who has been silent for long enough takes no memory. It is safe for concurrent use.
type limits struct {
	every time.Duration
	burst int

	mu    sync.Mutex
	until map[int64]time.Time // when all that the player has said has been paid for, at a line for each "every"
	sweep int                 // how many there may be before the silent ones are looked for
}

const fewLimits = 1024

func newLimits(every time.Duration, burst int) *limits {
	return &limits{every: every, burst: burst, until: map[int64]time.Time{}, sweep: fewLimits}
}

// allow is the generic cell rate algorithm (ITU-T I.371).
func (l *limits) allow(player int64, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.until) >= l.sweep {
		for p, until := range l.until {
			if !until.After(now) {
				delete(l.until, p)
			}
		}
		l.sweep = max(fewLimits, 2*len(l.until))
	}
	until := l.until[player]
	if until.Before(now) {
		until = now
	}
	until = until.Add(l.every)
	if until.Sub(now) > time.Duration(l.burst)*l.every {
		return false
	}
	l.until[player] = until
	return true
}
