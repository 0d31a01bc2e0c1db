package harness

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// PayloadSize is the size of every message, in bytes.
const PayloadSize = 64

// Payload is the contents of every message. Where they travel as a protobuf field, which adds two bytes, it is the first 62 of them.
const Payload = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/"

const (
	warmUp      = 5                // the fraction of a row's time that is not counted: a fifth
	patience    = 10 * time.Second // for callers to end once they were told to
	outstanding = 100_000          // one-way messages that may be under way; who sends more is made to wait
	pollEvery   = 200 * time.Microsecond
)

// loop measures the time of one operation in nanoseconds. prepare gets ready for n operations and returns what does them all; only that
// is timed, with an n that takes long enough. stop, if there is one, cleans up.
func (e *Env) loop(row string, prepare func(n int) (run func() error, stop func())) error {
	for n := 1000; ; {
		run, stop := prepare(n)
		runtime.GC()
		from, err := e.usage(false)
		if err != nil {
			return err
		}
		if err := run(); err != nil {
			return err
		}
		to, err := e.usage(false)
		if err != nil {
			return err
		}
		if stop != nil {
			stop()
		}
		took := to.at.Sub(from.at)
		if took >= e.For*3/4 {
			e.sample(row, float64(took)/float64(n), int64(n), from, to)
			return nil
		}
		n = min(max(int(float64(n)*float64(e.For)/float64(max(took, 1))), 2*n), 100*n)
	}
}

// A counter has a cache line to itself.
type counter struct {
	atomic.Int64
	_ [56]byte
}

// crowd measures thousands of operations a second: callers call without pause, and each call counts as weight operations.
func (e *Env) crowd(row string, callers, weight int, call func(caller int) error) error {
	counts := make([]counter, callers)
	total := func() (n int64) {
		for i := range counts {
			n += counts[i].Load()
		}
		return n
	}
	var stop atomic.Bool
	failed := make(chan error, callers)
	var running sync.WaitGroup
	for i := range callers {
		running.Go(func() {
			for !stop.Load() {
				if err := call(i); err != nil {
					failed <- err
					return
				}
				counts[i].Add(int64(weight))
			}
		})
	}
	err := e.window(row, total)
	stop.Store(true)
	ended := make(chan struct{})
	go func() { running.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(patience):
		return errors.New("callers hang")
	}
	select {
	case failure := <-failed:
		err = failure
	default:
	}
	return err
}

// window lets the load warm up, and then measures how fast total grows.
func (e *Env) window(row string, total func() int64) error {
	time.Sleep(e.For / warmUp)
	from, err := e.usage(false)
	if err != nil {
		return err
	}
	first := total()
	start := time.Now()
	time.Sleep(e.For)
	last := total()
	took := time.Since(start)
	to, err := e.usage(false)
	if err != nil {
		return err
	}
	if last == first {
		return fmt.Errorf("nothing happened for %v", e.For)
	}
	rate := float64(last-first) / took.Seconds()
	e.sample(row, rate/1000, int64(rate*to.at.Sub(from.at).Seconds()), from, to)
	return nil
}

// latency measures one caller's times, in microseconds.
func (e *Env) latency(median, tail string, call func() error) error {
	for end := time.Now().Add(e.For / warmUp); time.Now().Before(end); {
		if err := call(); err != nil {
			return err
		}
	}
	times := hdrhistogram.New(1, int64(time.Minute), 3)
	from, err := e.usage(false)
	if err != nil {
		return err
	}
	for now := from.at; now.Sub(from.at) < e.For; {
		if err := call(); err != nil {
			return err
		}
		then := time.Now()
		if err := times.RecordValue(int64(then.Sub(now))); err != nil {
			return err
		}
		now = then
	}
	to, err := e.usage(false)
	if err != nil {
		return err
	}
	micros := func(quantile float64) float64 { return float64(times.ValueAtQuantile(quantile)) / 1000 }
	e.sample(median, micros(50), times.TotalCount(), from, to)
	e.sample(tail, micros(99), times.TotalCount(), from, to)
	return nil
}

// oneWay measures how many messages of one sender the other end handles, in thousands a second, and that none is lost. The sender runs at
// most so far ahead as a server with a bounded mailbox can take.
func (e *Env) oneWay(row string, send func() error) error {
	control := e.controls[len(e.controls)-1]
	handled := func() (n int64, err error) {
		err = control.Call("Control.Handled", struct{}{}, &n)
		return n, err
	}
	before, err := handled()
	if err != nil {
		return err
	}
	var stop atomic.Bool
	var seen, sent atomic.Int64
	seen.Store(before)
	ended := make(chan error, 1)
	go func() {
		n := before
		for !stop.Load() {
			for n-seen.Load() >= outstanding && !stop.Load() {
				time.Sleep(pollEvery)
				now, err := handled()
				if err != nil {
					ended <- err
					return
				}
				seen.Store(now)
			}
			if err := send(); err != nil {
				ended <- err
				return
			}
			n++
		}
		sent.Store(n)
		ended <- nil
	}()
	var broken error
	err = e.window(row, func() int64 {
		n, err := handled()
		if err != nil {
			broken = err
		}
		return n
	})
	stop.Store(true)
	select {
	case sending := <-ended:
		if err == nil {
			err = sending
		}
	case <-time.After(patience):
		return errors.New("the sender hangs")
	}
	if err == nil {
		err = broken
	}
	for end := time.Now().Add(patience); err == nil; time.Sleep(10 * time.Millisecond) {
		var n int64
		if n, err = handled(); n == sent.Load() {
			break
		}
		if time.Now().After(end) {
			err = fmt.Errorf("%d of %d messages were lost", sent.Load()-n, sent.Load()-before)
		}
	}
	return err
}
