package queue

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// Redis is what a Store needs of the process's stores.
type Redis interface {
	Redis() redis.UniversalClient
	Key(parts ...string) string
}

var (
	// ErrPass: the pass is not the player's, is used up, or too old.
	ErrPass = fault.New(fault.Forbidden, "the pass is not valid: enter the queue again")
	// ErrClosed: the area takes nobody new.
	ErrClosed = fault.New(fault.FailedPrecondition, "nobody new may line up now: try again later")
	// ErrFenced: another node leads the queue.
	ErrFenced = errors.New("queue: another node leads now")
	// ErrLost: Redis has lost its memory.
	ErrLost = errors.New("queue: Redis has lost its memory")
)

const (
	applyPage  = 64     // ops in one run of applyScript: Redis serves nobody else meanwhile
	reportPage = 500    // players in one run of reportScript
	openPage   = 1000   // players in one run of openScript
	orderPage  = 10_000 // players read at once
)

// A Store is the queues in Redis. It is safe for concurrent use.
type Store struct {
	client redis.UniversalClient
	key    func(parts ...string) string
	cfg    Config
	lanes  laneArg
	limits func(api.Area) Limits
	now    func() int64 // milliseconds; 0: Redis's own clock
}

// NewStore uses the given Redis and its clock. cfg must be valid.
func NewStore(r Redis, cfg Config) *Store {
	cfg = cfg.WithDefaults()
	fixed := Limits{Capacity: cfg.Capacity, Rate: cfg.Rate}
	return &Store{
		client: r.Redis(), key: r.Key, cfg: cfg, lanes: cfg.laneArg(), limits: func(api.Area) Limits { return fixed }, now: func() int64 { return 0 },
	}
}

// Limits is how many players get into an area, and how fast: Config.Capacity and Config.Rate; and whether any do.
type Limits struct {
	Capacity, Rate int
	// Admission is what api.QueueAdmission says. Default open. What no word says, nobody is let in and nobody new lines up.
	Admission string
	// Held is why nobody is let in whatever Admission says, in words. Empty: they are.
	Held string
}

// setting is what Admission says.
func (l Limits) setting() string { return cmp.Or(l.Admission, api.AdmissionOpen) }

// open is whether those whose turn it is are let in, as far as Admission goes.
func (l Limits) open() bool {
	return l.setting() == api.AdmissionOpen || l.setting() == api.AdmissionDraining
}

// hold is what clients are told of it.
func (l Limits) hold() pb.QueueHold {
	switch {
	case !l.open():
		return pb.QueueHold_QUEUE_HOLD_PAUSED
	case l.Held != "":
		return pb.QueueHold_QUEUE_HOLD_GATES
	}
	return pb.QueueHold_QUEUE_HOLD_UNSPECIFIED
}

// admission is what scripts go by.
func (l Limits) admission() string {
	setting := l.setting()
	switch {
	case l.Held != "" && setting == api.AdmissionOpen:
		return api.AdmissionPaused
	case l.Held != "" && setting == api.AdmissionDraining:
		return api.AdmissionClosed
	}
	return setting
}

// Follow has the store ask for an area's limits each time that it needs them, instead of those of its configuration. It is called before the store is used; limits may
// be called by several goroutines.
func (s *Store) Follow(limits func(api.Area) Limits) { s.limits = limits }

func (s *Store) at(area api.Area, name string) string {
	return s.key("{queue:"+area.String()+"}", name)
}

func (s *Store) keys(area api.Area) []string { return s.keysWith(area, s.lanes) }

func (s *Store) keysWith(area api.Area, lanes laneArg) []string {
	keys := []string{s.at(area, "away"), s.at(area, "kept"), s.at(area, "places"), s.at(area, "passes"), s.at(area, "worlds"), s.at(area, "state")}
	for _, name := range lanes.names {
		keys = append(keys, s.waiting(area, name))
	}
	return keys
}

func (s *Store) waiting(area api.Area, lane string) string { return s.at(area, "waiting:"+lane) }

// newPass is a secret that nobody guesses.
func newPass() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process rather than return an error
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// A Status is where a player stands.
type Status struct {
	Pass     string // not empty: he may go in
	Fresh    bool   // the pass took a place, rather than keep one that he had
	Lane     string // that the place was given from, or in which he waits
	Position int    // in his lane, if he has no pass: 1 is next there
	Waiting  int    // in his lane
	Number   int64  // the order of arrival
}

// An Op is one change of one player's standing.
type Op struct {
	Kind   OpKind
	Area   api.Area
	Player api.PlayerID
	Lane   string // of an Enter of one who has no number yet, and of a Restore; one that there is not is the standard lane
}

// An OpKind is what an Op does.
type OpKind uint8

const (
	// Enter: the player is connected and wants in. If he has a place already he gets a pass at once; if he has a number he keeps it.
	Enter OpKind = iota
	// Leave: the player does not want in any more.
	Leave
	// Drop: the player's connection is gone.
	Drop
	// Restore: an Enter of one who waits here already and whom Redis may have forgotten: he is not new, so that a closed area takes him.
	Restore
)

// A Result is what became of an Op.
type Result struct {
	Status Status // of an Enter
	Err    error
}

// Apply does ops in their order, in one round trip. Those of one area that follow each other, up to [applyPage], succeed or fail together. With
// [ErrFenced] when a newer epoch leads: a leader that was deposed and does not know it changes nothing. [ErrLost] when Redis knows of none: then
// [Store.Open] is due.
func (s *Store) Apply(ctx context.Context, epoch uint64, ops []Op) []Result {
	type run struct {
		ops []Op
		cmd *redis.Cmd
	}
	var runs []*run
	for i, op := range ops {
		if n := len(runs); n > 0 && op.Area == ops[i-1].Area && len(runs[n-1].ops) < applyPage {
			runs[n-1].ops = append(runs[n-1].ops, op)
		} else {
			runs = append(runs, &run{ops: ops[i : i+1 : i+1]})
		}
	}
	for again := false; ; again = true {
		_, _ = s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for _, r := range runs {
				r.cmd = applyScript.EvalSha(ctx, pipe, s.keys(r.ops[0].Area), s.args(epoch, r.ops)...)
			}
			return nil
		})
		// A server that has just started does not know the script, for any of the runs; then nothing was done.
		if again || len(runs) == 0 || !redis.HasErrorPrefix(runs[0].cmd.Err(), "NOSCRIPT") || applyScript.Load(ctx, s.client).Err() != nil {
			break
		}
	}
	out := make([]Result, 0, len(ops))
	for _, r := range runs {
		switch text, _ := r.cmd.Text(); text {
		case "fenced":
			r.cmd.SetErr(ErrFenced)
		case "lost":
			r.cmd.SetErr(ErrLost)
		}
		replies, err := r.cmd.Slice()
		if err == nil && len(replies) != len(r.ops) {
			err = fmt.Errorf("queue: %d answers to %d ops", len(replies), len(r.ops))
		}
		for i, op := range r.ops {
			result := Result{Err: err}
			if err == nil && (op.Kind == Enter || op.Kind == Restore) {
				result.Status, result.Err = status(replies[i])
			}
			out = append(out, result)
		}
	}
	return out
}

// args is what a run of ops of one area takes.
func (s *Store) args(epoch uint64, ops []Op) []any {
	args := make([]any, 0, 8+4*len(ops))
	limits := s.limits(ops[0].Area)
	args = append(args, s.now(), s.lanes.text, s.cfg.PassTTL.Milliseconds(), s.cfg.Grace.Milliseconds(), limits.Capacity, limits.Rate, limits.admission(), epoch)
	for _, op := range ops {
		switch op.Kind {
		case Enter:
			args = append(args, "enter", int64(op.Player), newPass(), op.Lane)
		case Restore:
			args = append(args, "restore", int64(op.Player), newPass(), op.Lane)
		case Leave:
			args = append(args, "leave", int64(op.Player), "", "")
		case Drop:
			args = append(args, "drop", int64(op.Player), "", "")
		}
	}
	return args
}

func status(answer any) (Status, error) {
	reply, _ := answer.([]any)
	if len(reply) == 0 {
		return Status{}, fmt.Errorf("queue: an answer of %v", answer)
	}
	pass, ok := reply[0].(string)
	if len(reply) == 1 && pass == "closed" {
		return Status{}, ErrClosed
	}
	if ok && len(reply) == 3 && pass != "" {
		return Status{Pass: pass, Fresh: reply[1] == int64(1), Lane: fmt.Sprint(reply[2])}, nil
	}
	if ok && len(reply) == 5 {
		position, ok1 := reply[1].(int64)
		waiting, ok2 := reply[2].(int64)
		text, ok3 := reply[3].(string)
		number, err := strconv.ParseInt(text, 10, 64)
		if ok1 && ok2 && ok3 && err == nil {
			return Status{Lane: fmt.Sprint(reply[4]), Position: int(position), Waiting: int(waiting), Number: number}, nil
		}
	}
	return Status{}, fmt.Errorf("queue: an answer of %v", reply)
}

// An Admission is a player who is let in.
type Admission struct {
	Player api.PlayerID
	Pass   string
	Lane   string // in which he waited
}

// Admit lets in those who wait and whose turn it is, at most limit of them, and says how many are left in each lane. [ErrLost] when Redis does not know of this epoch: then [Store.Open] is due.
// [ErrFenced] when another node leads.
func (s *Store) Admit(ctx context.Context, area api.Area, epoch uint64, limit int) (let []Admission, waiting map[string]int, err error) {
	args := make([]any, 0, 7+limit)
	limits := s.limits(area)
	args = append(args, s.now(), s.lanes.text, epoch, s.cfg.PassTTL.Milliseconds(), limits.Capacity, limits.Rate, limits.admission())
	for range limit {
		args = append(args, newPass())
	}
	reply, err := admitScript.Run(ctx, s.client, s.keys(area), args...).Slice()
	if err != nil {
		return nil, nil, fmt.Errorf("queue of area %v: %w", area, err)
	}
	switch reply[0] {
	case "lost":
		return nil, nil, ErrLost
	case "fenced":
		return nil, nil, ErrFenced
	}
	waiting = map[string]int{}
	for i, name := range s.lanes.names {
		left, _ := reply[i].(int64)
		waiting[name] = int(left)
	}
	for i := len(s.lanes.names); i+2 < len(reply); i += 3 {
		player, err := strconv.ParseInt(fmt.Sprint(reply[i]), 10, 64)
		if err != nil {
			return nil, nil, fmt.Errorf("queue of area %v: %w", area, err)
		}
		let = append(let, Admission{api.PlayerID(player), fmt.Sprint(reply[i+1]), fmt.Sprint(reply[i+2])})
	}
	return let, waiting, nil
}

// Open makes epoch the area's leader. Everybody who waits is taken for absent, and if there is anybody, nobody is let in for Config.Settle. After a loss nobody is let in for
// Config.Rebuild, if there is a limit. [ErrFenced] when a newer epoch leads already.
func (s *Store) Open(ctx context.Context, area api.Area, epoch uint64, loss bool) error {
	if loss && s.limits(area).Capacity > 0 {
		if err := holdScript.Run(ctx, s.client, s.keys(area), s.now(), s.cfg.Rebuild.Milliseconds()).Err(); err != nil {
			return fmt.Errorf("open the queue of area %v: %w", area, err)
		}
	}
	before, err := s.client.HGet(ctx, s.at(area, "state"), "lanes").Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("open the queue of area %v: %w", area, err)
	}
	lanes := s.lanes.with(before) // who waits in a lane that is gone keeps his number, and comes back to the standard lane
	for {
		left, err := openScript.Run(ctx, s.client, s.keysWith(area, lanes), s.now(), lanes.text, epoch, s.cfg.Grace.Milliseconds(), s.cfg.Settle.Milliseconds(), openPage,
			strings.Join(s.lanes.names, " ")).Int()
		switch {
		case err != nil:
			return fmt.Errorf("open the queue of area %v: %w", area, err)
		case left < 0:
			return ErrFenced
		case left == 0:
			return nil
		}
	}
}

// Order is everybody who waits in a lane, the next one first. It reads page by page, each by number, so that nobody is missed or seen twice.
func (s *Store) Order(ctx context.Context, area api.Area, lane string) ([]api.PlayerID, error) {
	var out []api.PlayerID
	after := "-inf"
	for {
		page, err := s.client.ZRangeArgsWithScores(ctx, redis.ZRangeArgs{
			Key: s.waiting(area, lane), ByScore: true, Start: after, Stop: "+inf", Count: orderPage,
		}).Result()
		if err != nil {
			return nil, fmt.Errorf("order of area %v: %w", area, err)
		}
		for _, z := range page {
			player, err := strconv.ParseInt(z.Member.(string), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("order of area %v: %w", area, err)
			}
			out = append(out, api.PlayerID(player))
		}
		if len(page) < orderPage {
			return out, nil
		}
		after = "(" + strconv.FormatFloat(page[len(page)-1].Score, 'f', 0, 64)
	}
}

// Redeem uses a pass up, for the world that lets the player in. [ErrPass] when it is not good.
func (s *Store) Redeem(ctx context.Context, area api.Area, player api.PlayerID, pass string, world id.Node) error {
	ok, err := redeemScript.Run(ctx, s.client, s.keys(area), s.now(), int64(player), pass, s.cfg.Grace.Milliseconds(), int(world)).Bool()
	if err != nil {
		return fmt.Errorf("redeem a pass: %w", err)
	}
	if !ok {
		return ErrPass
	}
	return nil
}

// Report keeps the places of the players that the world has inside, and frees those of the ones who left, unless another world has them by now.
func (s *Store) Report(ctx context.Context, area api.Area, world id.Node, inside, left []api.PlayerID) error {
	for len(inside)+len(left) > 0 {
		in := inside[:min(reportPage, len(inside))]
		out := left[:min(reportPage-len(in), len(left))]
		inside, left = inside[len(in):], left[len(out):]
		args := make([]any, 0, 4+len(in)+len(out))
		args = append(args, s.now(), s.cfg.Grace.Milliseconds(), int(world), len(in))
		for _, player := range slices.Concat(in, out) {
			args = append(args, int64(player))
		}
		if err := reportScript.Run(ctx, s.client, s.keys(area), args...).Err(); err != nil {
			return fmt.Errorf("report who is inside: %w", err)
		}
	}
	return nil
}
