package pod

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	maxLine   = 64 << 10    // bytes of a child's line; longer ones are broken
	pipeGrace = time.Second // how long a dead child's output may be held open by what it started
)

// Processes is a [Runner] that gives each node a process of its own, as on a server.
//
// A child is told to stop by the end of its standard input, which works on every system and also when the pod is killed: a child never
// outlives its pod (see WatchParent). A child that has not ended after Grace is killed.
type Processes struct {
	// Command is the program and its arguments, and Env its whole environment, for one node.
	Command func(spec Spec, seeds []string) (argv, env []string)
	// Released is called after a child has ended, whatever way it did, and before it is started again, with its process.
	Released func(spec Spec, pid int)
	// Output takes what the children print, line by line.
	Output io.Writer
	// Grace is how long a child may take to stop.
	Grace time.Duration

	mu sync.Mutex // one line at a time
}

// Run runs one child process from start to end.
func (p *Processes) Run(ctx context.Context, spec Spec, seeds []string, life *Life) error {
	argv, env := p.Command(spec, seeds)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = env
	cmd.WaitDelay = pipeGrace
	separate(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", spec.Type, err)
	}
	life.Process(cmd.Process.Pid)
	var printing sync.WaitGroup
	printing.Go(func() { p.print(out, life) })
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() {
		_ = in.Close()
		printing.Wait()
		p.Released(spec, cmd.Process.Pid)
	}()

	select {
	case err := <-ended:
		if err == nil {
			err = errors.New("it exited without being asked to")
		}
		return fmt.Errorf("process %d: %w", cmd.Process.Pid, err)
	case <-ctx.Done():
	}
	_ = stdin.Close()
	grace := time.NewTimer(p.Grace)
	defer grace.Stop()
	select {
	case err := <-ended:
		return err
	case <-grace.C:
		_ = cmd.Process.Kill()
		<-ended
		return fmt.Errorf("process %d did not stop within %s and was killed", cmd.Process.Pid, p.Grace)
	}
}

// print copies a child's lines, each in one write, and has its life keep them.
func (p *Processes) print(from io.Reader, life *Life) {
	lines := bufio.NewReaderSize(from, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		if len(line) > 0 {
			if line[len(line)-1] != '\n' {
				line = append(slices.Clip(line), '\n')
			}
			_, _ = life.Write(line)
			p.mu.Lock()
			_, _ = p.Output.Write(line)
			p.mu.Unlock()
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// WatchParent is the child's side: it reads stdin to its end, which comes when the pod wants the child to stop or is gone, and then calls
// stop. A child that is not over when grace has passed after that ends its own process, because there may be no pod any more that would. What the
// process prints from then on may be lost, and does not end it.
func WatchParent(stdin io.Reader, stop func(), over <-chan struct{}, grace time.Duration) {
	signal.Ignore(syscall.SIGPIPE) // or the first line that nobody reads would be the end of it
	_, _ = io.Copy(io.Discard, stdin)
	stop()
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case <-over:
	case <-late.C:
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Kill()
		}
	}
}
