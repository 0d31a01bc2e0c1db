package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
	"loumiao/game/pb"
	"loumiao/robot/client"
	"loumiao/robot/internal/fakegate"
)

// A player logs in as a guest, waits for his turn, enters the world and asks for a match. On a running stack, base is the address that
// "game up" prints for the login web.
func Example() {
	base, stop := backend() // a stand-in for a whole backend, in this package's tests
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	registry, err := wire.NewRegistry(pb.Files()...)
	if err != nil {
		fmt.Println(err)
		return
	}
	login := client.Login{Base: base}
	ticket, err := login.Guest(ctx, "a-secret-of-this-device", 0)
	if err != nil {
		fmt.Println("login:", err)
		return
	}

	pushes := make(chan proto.Message, 100)
	conn, err := client.Dial(ctx, "tcp://"+ticket.Gates[0].TCP, client.Options{
		Registry: registry, Token: ticket.Token, Version: "1.0.0",
		OnPush: func(m proto.Message) { pushes <- m },
	})
	if err != nil {
		fmt.Println("gate:", err)
		return
	}
	defer conn.Close()

	status, err := client.Request[*pb.QueueStatus](ctx, conn, &pb.EnterQueue{})
	if err != nil {
		fmt.Println("queue:", err)
		return
	}
	world, err := client.Request[*pb.EnterWorldReply](ctx, conn, &pb.EnterWorld{Pass: status.GetPass()})
	if err != nil {
		fmt.Println("world:", err)
		return
	}
	fmt.Println("welcome,", world.GetProfile().GetName())

	// What the server refuses comes back as the error that it was.
	_, err = client.Request[*pb.StartMatchReply](ctx, conn, &pb.StartMatch{Mode: "chess"})
	fmt.Println(fault.CodeOf(err), "-", err)

	if _, err = client.Request[*pb.StartMatchReply](ctx, conn, &pb.StartMatch{Mode: "arena"}); err != nil {
		fmt.Println("match:", err)
		return
	}
	select {
	case m := <-pushes:
		if found, ok := m.(*pb.MatchFound); ok {
			fmt.Println("match", found.GetMatch(), "is in room", found.GetRoom())
		}
	case <-conn.Done():
		fmt.Println("the session is over:", conn.Err())
	case <-ctx.Done():
		fmt.Println("nobody else is here")
	}

	// Output:
	// welcome, Ada
	// not_found - not_found: there is no mode "chess"
	// match 12 is in room 34
}

// Several requests can be on their way at once. They are sent in the order of the calls of Start.
func ExampleStart() {
	conn, stop := inTheWorld()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	var waits []func(context.Context) (*pb.GreetReply, error)
	for _, text := range []string{"hello", "how are you"} {
		wait, err := client.Start[*pb.GreetReply](conn, &pb.Greet{Greeting: text})
		if err != nil {
			fmt.Println(err)
			return
		}
		waits = append(waits, wait)
	}
	for _, wait := range waits {
		reply, err := wait(ctx)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(reply.GetCount(), reply.GetText())
	}

	// Output:
	// 1 hello, Ada
	// 2 how are you, Ada
}

// A session outlives its connection when it is told where to go on: here, at the first gate of a new ticket, and after failures at the others.
func ExampleOptions_reconnect() {
	base, stop := backend()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	registry, err := wire.NewRegistry(pb.Files()...)
	if err != nil {
		fmt.Println(err)
		return
	}
	login := client.Login{Base: base}
	ticket, err := login.Guest(ctx, "a-secret-of-this-device", 0)
	if err != nil {
		fmt.Println("login:", err)
		return
	}
	conn, err := client.Dial(ctx, "tcp://"+ticket.Gates[0].TCP, client.Options{
		Registry: registry, Token: ticket.Token,
		Reconnect: func(ctx context.Context, attempt int, why error) (addr, token string, err error) {
			fmt.Println("connecting again:", why)
			ticket, err := login.Guest(ctx, "a-secret-of-this-device", 0)
			if err != nil {
				return "", "", err
			}
			gate := ticket.Gates[(attempt-1)%len(ticket.Gates)]
			return "tcp://" + gate.TCP, ticket.Token, nil
		},
	})
	if err != nil {
		fmt.Println("gate:", err)
		return
	}
	defer conn.Close()

	conn.Cut() // a tunnel
	reply, err := client.Request[*pb.GreetReply](ctx, conn, &pb.Greet{Greeting: "still here"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reply.GetText())

	// Output:
	// connecting again: lost: the connection was cut
	// still here, Ada
}

// backend is the server of the examples: it has one player, and does what they ask for.
func backend() (base string, stop func()) {
	registry, err := wire.NewRegistry(pb.Files()...)
	if err != nil {
		panic(err)
	}
	gate, err := fakegate.New(registry)
	if err != nil {
		panic(err)
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(client.Ticket{
			Account: 1, Player: 2, Area: 1, Token: "token", Gates: []client.Address{{TCP: strings.TrimPrefix(gate.TCP, "tcp://")}},
		})
	}))
	served, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(served)
		s := <-gate.Sessions
		if s.Open(fakegate.Resumable) != nil {
			return
		}
		for serve(s) { // until the player leaves
			select {
			case back := <-gate.Sessions:
				if back.Hear() != nil {
					return
				}
				back.GoOn(s, nil)
				s = back
			case <-over:
				return
			}
		}
	}()
	return web.URL, func() {
		web.Close()
		gate.Close()
		close(over)
		<-served
		http.DefaultClient.CloseIdleConnections()
	}
}

// serve does what the player asks for, until his connection breaks or he leaves.
func serve(s *fakegate.Session) (comesBack bool) {
	for count := int64(1); ; {
		f, err := s.Read()
		if err != nil || f.Kind == wire.Leave {
			return err != nil
		}
		switch m := f.Message.(type) {
		case *pb.EnterQueue:
			s.Reply(f, &pb.QueueStatus{Pass: "pass"})
		case *pb.EnterWorld:
			s.Reply(f, &pb.EnterWorldReply{Profile: &pb.Profile{Name: "Ada"}})
		case *pb.Greet:
			s.Reply(f, &pb.GreetReply{Text: m.GetGreeting() + ", Ada", Count: count})
			count++
		case *pb.StartMatch:
			if m.GetMode() != "arena" {
				s.Refuse(f, fault.Errorf(fault.NotFound, "there is no mode %q", m.GetMode()))
				continue
			}
			s.Reply(f, &pb.StartMatchReply{Ticket: 1})
			s.Push(fakegate.World, &pb.MatchFound{Match: 12, Room: 34})
		}
	}
}

// inTheWorld is a connection of a player's who has entered the world.
func inTheWorld() (conn *client.Conn, stop func()) {
	base, stopped := backend()
	ctx := context.Background()
	registry, err := wire.NewRegistry(pb.Files()...)
	if err != nil {
		panic(err)
	}
	ticket, err := client.Login{Base: base}.Guest(ctx, "a-secret-of-this-device", 0)
	if err != nil {
		panic(err)
	}
	conn, err = client.Dial(ctx, "tcp://"+ticket.Gates[0].TCP, client.Options{Registry: registry, Token: ticket.Token})
	if err != nil {
		panic(err)
	}
	return conn, func() { _ = conn.Close(); stopped() }
}
