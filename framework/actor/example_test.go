package actor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
)

// A Mailbox is the state of one actor. Only its handlers touch it, one at a time.
type Mailbox struct{ letters []string }

// SendMail is told: nobody waits for it.
type SendMail struct{ Text string }

// LoadMail is asked: it is answered with a *Box.
type LoadMail struct {
	actor.Returns[*Box]
	Max int
}

// Box is the answer.
type Box struct{ Letters []string }

func (m *Mailbox) send(_ *actor.Context, s *SendMail) error {
	if s.Text == "" {
		return fault.New(fault.Invalid, "an empty letter")
	}
	m.letters = append(m.letters, s.Text)
	return nil
}

func (m *Mailbox) load(_ *actor.Context, l *LoadMail) (*Box, error) {
	return &Box{Letters: m.letters[:min(l.Max, len(m.letters))]}, nil
}

// An actor with a name, messages that are told and messages that are asked.
func Example() {
	sys := actor.NewSystem(actor.Config{})
	defer sys.Stop(context.Background())

	behavior := actor.NewBehavior[Mailbox]()
	actor.HandleTell(behavior, (*Mailbox).send)
	actor.Handle(behavior, (*Mailbox).load)
	if _, err := actor.Spawn(sys, "mail", behavior, &Mailbox{}, actor.Options{}); err != nil {
		fmt.Println(err)
	}

	mail, _ := sys.Lookup("mail")
	for _, text := range []string{"hello", "season 2 begins"} {
		if err := mail.Tell(&SendMail{Text: text}); err != nil {
			fmt.Println("not sent:", err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	box, err := actor.Ask(ctx, mail, &LoadMail{Max: 10})
	fmt.Println(strings.Join(box.Letters, ", "), err)
	// Output: hello, season 2 begins <nil>
}

// A mailbox is bounded. Whoever finds it full decides: to drop the message, to wait for room, or to fail.
func ExampleRef_TellWait() {
	sys := actor.NewSystem(actor.Config{})
	defer sys.Stop(context.Background())
	begun, open := make(chan struct{}, 3), make(chan struct{})
	behavior := actor.NewBehavior[Mailbox]()
	actor.HandleTell(behavior, func(m *Mailbox, ctx *actor.Context, s *SendMail) error {
		begun <- struct{}{}
		<-open // this actor is slow; others are not held up
		return m.send(ctx, s)
	})
	mail, _ := actor.Spawn(sys, "mail", behavior, &Mailbox{}, actor.Options{Mailbox: 1})

	fmt.Println(mail.Tell(&SendMail{Text: "in the handler"}))
	<-begun
	fmt.Println(mail.Tell(&SendMail{Text: "in the mailbox"}))
	err := mail.Tell(&SendMail{Text: "too much"}) // says so at once
	fmt.Println(errors.Is(err, actor.ErrMailboxFull), err)

	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	fmt.Println(fault.CodeOf(mail.TellWait(ctx, &SendMail{Text: "too long"}))) // waits, but not for ever
	close(open)
	fmt.Println(mail.TellWait(context.Background(), &SendMail{Text: "after all"}))
	// Output:
	// <nil>
	// <nil>
	// true overloaded: mailbox full
	// deadline
	// <nil>
}

// Hero is the state of a player's actor.
type Hero struct {
	ID   int64
	Gold int
}

// Earn is answered with the hero's gold.
type Earn struct {
	actor.Returns[int]
	Gold int
}

// A pool has one actor a player. It loads a player when somebody wants something of him, and saves him when he is removed or has
// been idle.
func ExamplePool() {
	sys := actor.NewSystem(actor.Config{})
	database := map[int64]int{7: 100}

	load := func(_ *actor.Context, id int64) (*Hero, error) {
		gold, ok := database[id]
		if !ok {
			return nil, fault.New(fault.NotFound, "no such player")
		}
		return &Hero{ID: id, Gold: gold}, nil
	}
	heroes := actor.NewPool(sys, load, actor.PoolConfig{Name: "hero", IdleAfter: 10 * time.Minute})
	actor.Handle(heroes.Behavior(), func(h *Hero, _ *actor.Context, e *Earn) (int, error) {
		h.Gold += e.Gold
		return h.Gold, nil
	})
	heroes.Behavior().OnStop(func(h *Hero, _ *actor.Context) { database[h.ID] = h.Gold })

	gold, err := actor.AskPool(context.Background(), heroes, 7, &Earn{Gold: 5})
	fmt.Println(gold, err)
	_, err = actor.AskPool(context.Background(), heroes, 8, &Earn{Gold: 5})
	fmt.Println(err)

	if err := sys.Stop(context.Background()); err != nil { // saves everybody
		fmt.Println(err)
	}
	fmt.Println(database[7])
	// Output:
	// 105 <nil>
	// not_found: no such player
	// 105
}

// Tick is what a room tells itself.
type Tick struct{}

// Watch is answered when the countdown is over, which the handler does not wait for.
type Watch struct{ actor.Returns[string] }

// Timers fire on the actor's own turn, and an answer may come later than the handler's return.
func ExampleContext_Every() {
	type Room struct {
		left    int
		waiting actor.Responder
	}
	sys := actor.NewSystem(actor.Config{})
	defer sys.Stop(context.Background())
	behavior := actor.NewBehavior[Room]()
	actor.Handle(behavior, func(r *Room, ctx *actor.Context, _ *Watch) (string, error) {
		r.waiting = ctx.Defer()
		ctx.Every(time.Millisecond, &Tick{})
		return "", nil
	})
	actor.HandleTell(behavior, func(r *Room, ctx *actor.Context, _ *Tick) error {
		if r.left--; r.left == 0 {
			r.waiting.Respond("go!", nil)
			ctx.Stop()
		}
		return nil
	})
	room, _ := actor.Spawn(sys, "room", behavior, &Room{left: 3}, actor.Options{})
	fmt.Println(actor.Ask(context.Background(), room, &Watch{}))
	<-room.Done()
	// Output: go! <nil>
}

// What happens after a panic is the supervision's choice.
func ExampleRestart() {
	type Job struct {
		actor.Returns[string]
		Bad bool
	}
	type Worker struct{ name string }
	sys := actor.NewSystem(actor.Config{Logger: quiet})
	defer sys.Stop(context.Background())
	behavior := actor.NewBehavior[Worker]()
	actor.Handle(behavior, func(w *Worker, _ *actor.Context, j *Job) (string, error) {
		if j.Bad {
			panic("cannot do that")
		}
		return w.name, nil
	})
	made := 0
	fresh := func() (*Worker, error) { made++; return &Worker{fmt.Sprint("worker ", made)}, nil }
	ref, err := actor.Spawn(sys, "worker", behavior, nil, actor.Options{
		Supervise: actor.Restart(fresh, actor.RestartLimits{MinBackoff: time.Millisecond, Max: 5}),
	})
	if err != nil {
		fmt.Println(err)
	}
	_, err = actor.Ask(context.Background(), ref, &Job{Bad: true})
	fmt.Println(fault.CodeOf(err))
	fmt.Println(actor.Ask(context.Background(), ref, &Job{}))
	ref.Stop()
	fmt.Println(errors.Is(ref.Tell(&Job{}), actor.ErrStopped))
	// Output:
	// internal
	// worker 2 <nil>
	// true
}
