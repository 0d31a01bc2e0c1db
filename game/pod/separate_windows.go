package pod

import (
	"os/exec"
	"syscall"
)

// separate keeps a console's Ctrl-C from the child: the pod stops its children itself, in order.
func separate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
