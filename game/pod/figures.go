package pod

import (
	"context"
	"os"
	"runtime"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/mem"
	"github.com/shirou/gopsutil/v4/process"
)

// Machine is what a [Meter] reads of the machine. Zeros are what the system does not tell.
type Machine struct {
	CPUs            int
	BusySeconds     float64 // CPU time that was used since the start, of all CPUs
	Memory, UsedMem uint64  // bytes
	Disk, UsedDisk  uint64  // bytes
}

// Process is what a [Meter] reads of one process.
type Process struct {
	CPUSeconds float64 // since its start
	Memory     uint64  // resident, bytes
}

// A Meter reads the figures of the machine and its processes.
type Meter interface {
	// Machine is the machine's figures, with the file system of dir.
	Machine(ctx context.Context, dir string) Machine
	// Process is those of one process; zeros when it is gone.
	Process(ctx context.Context, pid int) Process
}

// system is the Meter of the machine that this runs on.
type system struct{}

// Machine reads what the system tells; errors are for what it does not.
func (system) Machine(ctx context.Context, dir string) Machine {
	m := Machine{CPUs: runtime.NumCPU()}
	if all, err := cpu.TimesWithContext(ctx, false); err == nil && len(all) == 1 {
		t := all[0] // on Linux, guests' time is part of user and nice
		m.BusySeconds = t.User + t.System + t.Nice + t.Irq + t.Softirq + t.Steal
	}
	if v, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		m.Memory, m.UsedMem = v.Total, v.Total-v.Available
	}
	if d, err := disk.UsageWithContext(ctx, dir); err == nil {
		m.Disk, m.UsedDisk = d.Total, d.Used
	}
	return m
}

// Process reads what the system tells.
func (system) Process(ctx context.Context, pid int) (figures Process) {
	p, err := process.NewProcessWithContext(ctx, int32(pid))
	if err != nil {
		return figures
	}
	if t, err := p.TimesWithContext(ctx); err == nil {
		figures.CPUSeconds = t.User + t.System
	}
	if m, err := p.MemoryInfoWithContext(ctx); err == nil {
		figures.Memory = m.RSS
	}
	return figures
}

const (
	sampleEvery   = 2 * time.Second // how old figures may be
	sampleTimeout = 5 * time.Second // for reading them
)

// A sample is the figures at one moment. It never changes.
type sample struct {
	at        time.Time
	machine   Machine
	processes map[int]Process // by pid, the pod's own included
	before    *sample         // without one before it; nil: it is the first
}

// sampling takes samples until ctx ends.
func (p *Pod) sampling(ctx context.Context) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		p.sample(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (p *Pod) sample(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, sampleTimeout)
	defer cancel()
	s := &sample{at: time.Now(), machine: p.meter.Machine(ctx, p.cfg.Dir), processes: map[int]Process{}}
	for _, pid := range append(p.pids(), os.Getpid()) {
		s.processes[pid] = p.meter.Process(ctx, pid)
	}
	if last := p.figures.Load(); last != nil {
		s.before = &sample{at: last.at, machine: last.machine, processes: last.processes}
	}
	p.figures.Store(s)
}

// machineBusy is how many CPUs were busy since the sample before.
func (s *sample) machineBusy() float64 {
	if s.before == nil {
		return 0
	}
	return rate(s.machine.BusySeconds-s.before.machine.BusySeconds, s.at.Sub(s.before.at))
}

// processBusy is how many CPUs a process kept busy since the sample before.
func (s *sample) processBusy(pid int) float64 {
	if s.before == nil {
		return 0
	}
	before, known := s.before.processes[pid]
	if !known {
		return 0
	}
	return rate(s.processes[pid].CPUSeconds-before.CPUSeconds, s.at.Sub(s.before.at))
}

// rate is never negative: a process that is gone has used nothing.
func rate(seconds float64, in time.Duration) float64 {
	if in <= 0 {
		return 0
	}
	return max(0, seconds/in.Seconds())
}
