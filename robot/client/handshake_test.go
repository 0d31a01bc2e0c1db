package client_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
	"loumiao/game/pb"
	"loumiao/robot/client"
	"loumiao/robot/internal/fakegate"
)

func TestHelloAndWelcome(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, tb *table) {
		if tb.Session() != 7 || tb.Err() != nil || tb.Disorder() != nil {
			t.Errorf("session %d, %v, %v", tb.Session(), tb.Err(), tb.Disorder())
		}
	})
	tb := sit(t, false, 0, client.Options{Token: "abc", Version: "1.2.3"})
	if h := tb.gate.Hello; h.GetProtocol() != wire.Version || h.GetToken() != "abc" || h.GetClient() != "1.2.3" || len(h.GetResume()) != 0 {
		t.Errorf("hello is %v", h)
	}
}

// TestRefusals has gates turn a client away before there is a session.
func TestRefusals(t *testing.T) {
	t.Parallel()
	opts := func(json bool) client.Options { return client.Options{Registry: registry(t), JSON: json} }
	for name, test := range map[string]struct {
		why  *fault.Error
		want fault.Code
	}{
		"overloaded":    {fault.New(fault.Overloaded, "full"), fault.Overloaded},
		"version":       {fault.New(fault.Version, "too old"), fault.Version},
		"forbidden":     {fault.New(fault.Forbidden, "banned"), fault.Forbidden},
		"of a fork":     {fault.New(fault.FirstFork+7, "of its own"), fault.FirstFork + 7},
		"without code":  {fault.New(fault.OK, "no reason"), fault.Internal},
		"start over":    {fault.New(fault.StartOver, "gone"), fault.StartOver},
		"shutting down": {fault.New(fault.ShuttingDown, "soon"), fault.ShuttingDown},
	} {
		for how, json := range map[string]bool{"protobuf": false, "json": true} {
			t.Run(name+" in "+how, func(t *testing.T) {
				t.Parallel()
				gate := fakegate.Start(t, registry(t))
				for _, addr := range []string{gate.TCP, gate.WS} {
					for _, unread := range []bool{false, true} { // a gate may not even have read the Hello, and then it cannot know of JSON
						result := dial(t, addr, opts(json))
						s := <-gate.Sessions
						if !unread {
							if _, err := s.Read(); err != nil {
								t.Fatal(err)
							}
						}
						s.Kick(test.why)
						conn, err := result()
						if conn != nil {
							t.Fatal("there is a connection")
						}
						isCode(t, err, test.want)
						if _, text := fault.Outside(err); text != test.why.Message {
							t.Errorf("the reason is %q", text)
						}
					}
				}
			})
		}
	}
}

// TestBrokenHandshakes has what answers be no gate, or a broken one.
func TestBrokenHandshakes(t *testing.T) {
	t.Parallel()
	welcome := func(change func(*wirepb.Welcome)) func(*fakegate.Session) {
		return func(s *fakegate.Session) { _ = s.Open(change) }
	}
	for name, test := range map[string]struct {
		play func(*fakegate.Session)
		want fault.Code
		says string
	}{
		"hangs up":        {func(s *fakegate.Session) { _, _ = s.Read() }, fault.Lost, "hung up"},
		"half a frame":    {func(s *fakegate.Session) { _, _ = s.Read(); s.Raw(make([]byte, 3)) }, fault.Lost, "hung up"},
		"is a web server": {func(s *fakegate.Session) { s.Raw([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }, fault.Invalid, "breaks the protocol"},
		"a pong":          {func(s *fakegate.Session) { s.Write(wire.Header{Kind: wire.Pong}, nil) }, fault.Invalid, "answers Hello with a pong"},
		"a kick of junk":  {func(s *fakegate.Session) { s.Raw(wire.Append(nil, wire.Header{Kind: wire.Kick}, []byte{0xff})) }, fault.Invalid, "breaks the protocol"},
		"a junk welcome":  {func(s *fakegate.Session) { s.Raw(wire.Append(nil, wire.Header{Kind: wire.Welcome}, []byte{0xff})) }, fault.Invalid, "Welcome"},
		"a large welcome": {func(s *fakegate.Session) {
			s.Raw(wire.AppendHeader(nil, wire.Header{Kind: wire.Welcome, Size: client.MaxBody + 1}))
		}, fault.Invalid, "too_large"},
		"another version":  {welcome(func(w *wirepb.Welcome) { w.Protocol = 2 }), fault.Version, "version 2"},
		"stream 0":         {welcome(func(w *wirepb.Welcome) { w.Streams[0].Number = 0 }), fault.Invalid, "stream 0"},
		"stream 256":       {welcome(func(w *wirepb.Welcome) { w.Streams[0].Number = 256 }), fault.Invalid, "stream 256"},
		"one stream twice": {welcome(func(w *wirepb.Welcome) { w.Streams[1].Number = w.Streams[0].Number }), fault.Invalid, "stream 1"},
		"one type twice":   {welcome(func(w *wirepb.Welcome) { w.Streams[1].Type = w.Streams[0].Type }), fault.Invalid, `"world"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gate := fakegate.Start(t, registry(t))
			result := dial(t, gate.TCP, client.Options{Registry: registry(t)})
			s := <-gate.Sessions
			test.play(s)
			if test.want == fault.Lost {
				s.Close()
			}
			conn, err := result()
			if conn != nil {
				t.Fatal("there is a connection")
			}
			isCode(t, err, test.want)
			if err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v does not say %q", err, test.says)
			}
		})
	}
}

func TestASilentGateIsGivenUp(t *testing.T) {
	t.Parallel()
	gate := fakegate.Start(t, registry(t))
	for _, addr := range []string{gate.TCP, gate.WS} {
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() {
			_, err := client.Dial(ctx, addr, client.Options{Registry: registry(t)})
			result <- err
		}()
		s := <-gate.Sessions
		if _, err := s.Read(); err != nil {
			t.Fatal(err)
		}
		cancel()
		isCode(t, <-result, fault.Cancelled)
		if _, err := s.Read(); err == nil {
			t.Error("the connection is still there")
		}
		expired, cancel := context.WithTimeout(t.Context(), 1)
		defer cancel()
		_, err := client.Dial(expired, addr, client.Options{Registry: registry(t)})
		isCode(t, err, fault.Deadline)
	}
}

func TestWhatCannotBeReached(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	transport := &http.Transport{DisableKeepAlives: true}
	for addr, says := range map[string]string{
		"tcp://127.0.0.1:1":    "127.0.0.1:1",
		"ws://127.0.0.1:1/ws":  "127.0.0.1:1",
		"ws" + web.URL[4:]:     "404",
		"http://127.0.0.1:1":   "must begin with tcp://",
		"127.0.0.1:1":          `"127.0.0.1:1"`,
		"tcp://127.0.0.1:port": "port",
		"":                     "must begin with tcp://",
	} {
		conn, err := client.Dial(background(t), addr, client.Options{Registry: registry(t), HTTP: &http.Client{Transport: transport}})
		if conn != nil {
			t.Fatalf("%q can be reached", addr)
		}
		isCode(t, err, fault.Unavailable)
		if err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v does not say %q", addr, err, says)
		}
	}
}

type vector struct{ Name, Hex, Invalid string }

func readVectors(t *testing.T) (vectors []vector) {
	t.Helper()
	data, err := os.ReadFile("../../framework/gate/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	return vectors
}

// TestVectors holds the client to the test vectors of the protocol: it writes what clients send byte for byte, and refuses what is marked.
func TestVectors(t *testing.T) {
	t.Parallel()
	vectors := readVectors(t)
	frames, refused := map[string]string{}, 0
	for _, v := range vectors {
		frames[v.Name] = v.Hex
		if v.Invalid == "" {
			continue
		}
		refused++
		frame, err := hex.DecodeString(v.Hex)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			tb := sit(t, false, 0, client.Options{})
			tb.gate.Raw(frame)
			isCode(t, tb.ended(), fault.Invalid)
			if !strings.Contains(tb.Err().Error(), v.Invalid) {
				t.Errorf("%v does not say %q", tb.Err(), v.Invalid)
			}
		})
	}
	if refused == 0 {
		t.Error("no vector is to be refused")
	}
	same := func(name string, f fakegate.Frame) {
		t.Helper()
		if got := hex.EncodeToString(wire.Append(nil, f.Header, f.Body)); got != frames[name] {
			t.Errorf("%s is %s, and should be %s", name, got, frames[name])
		}
	}
	for name, opts := range map[string]client.Options{"hello, anonymous": {}, "hello, with a token": {Token: "abc"}} {
		gate := fakegate.Start(t, registry(t))
		opts.Registry, opts.Version = registry(t), "1.2.3"
		result := dial(t, gate.TCP, opts)
		s := <-gate.Sessions
		f, err := s.Read()
		if err != nil {
			t.Fatal(err)
		}
		same(name, f)
		s.Close()
		_, err = result()
		isCode(t, err, fault.Lost)
	}
	tb := sit(t, false, 0, client.Options{})
	tb.start(&pb.StartMatch{Mode: "solo"})
	same("request", tb.next())
	for range 2 {
		tb.must(tb.Send(&pb.RoomInput{Room: 5}))
	}
	tb.next()
	f := tb.next()
	f.Stream = 2 // where the vector has its zone
	same("send", f)
}
