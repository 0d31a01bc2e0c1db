//go:build unix

package pod

import (
	"os/exec"
	"syscall"
)

// separate keeps a terminal's Ctrl-C from the child: the pod stops its children itself, in order.
func separate(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
