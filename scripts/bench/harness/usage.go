package harness

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A Usage is what a process has used since its start.
type Usage struct {
	CPU      time.Duration // user and system
	Allocs   uint64        // objects
	Resident int64         // bytes now; only when asked to settle
	Handled  int64         // see [Host]
	Wrong    int64
}

// A Control answers for a server process; net/rpc wants it exported.
type Control struct{ host *Host }

// Usage says what the process has used. With settle, it first collects garbage and gives memory back.
func (c *Control) Usage(settle bool, out *Usage) error {
	u, err := ownUsage(settle)
	if err != nil {
		return err
	}
	u.Handled, u.Wrong = c.host.Handled.Load(), c.host.Wrong.Load()
	*out = u
	return nil
}

// Handled says how many one-way messages were handled.
func (c *Control) Handled(_ struct{}, out *int64) error {
	*out = c.host.Handled.Load()
	return nil
}

func ownUsage(settle bool) (Usage, error) {
	var u Usage
	var err error
	if settle {
		for range 4 {
			runtime.GC()
		}
		debug.FreeOSMemory()
		if u.Resident, err = resident(); err != nil {
			return u, err
		}
	}
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		return u, fmt.Errorf("getrusage: %w", err)
	}
	u.CPU = time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
	objects := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}, {Name: "/gc/heap/tiny/allocs:objects"}}
	metrics.Read(objects)
	u.Allocs = objects[0].Value.Uint64() + objects[1].Value.Uint64()
	return u, nil
}

func resident() (int64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("resident memory is read from /proc: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("no VmRSS in /proc/self/status")
}

// usage is what this process and the servers have used.
type usage struct {
	at              time.Time
	client, servers Usage
}

func (e *Env) usage(settle bool) (usage, error) {
	var all usage
	for _, c := range e.controls {
		var u Usage
		if err := c.Call("Control.Usage", settle, &u); err != nil {
			return all, fmt.Errorf("a server is gone: %w", err)
		}
		all.servers.CPU += u.CPU
		all.servers.Allocs += u.Allocs
		all.servers.Resident += u.Resident
		all.servers.Handled += u.Handled
		all.servers.Wrong += u.Wrong
	}
	var err error
	all.client, err = ownUsage(false)
	all.at = time.Now()
	return all, err
}

// sample records a row: its value, and what was used for each of so many operations.
func (e *Env) sample(row string, value float64, operations int64, from, to usage) {
	n := float64(max(1, operations))
	micros := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) / n }
	e.samples = append(e.samples, Sample{
		Row: row, Value: value,
		Allocs: float64(to.client.Allocs-from.client.Allocs+to.servers.Allocs-from.servers.Allocs) / n,
		Client: micros(to.client.CPU - from.client.CPU),
		Server: micros(to.servers.CPU - from.servers.CPU),
	})
}
