//go:build !unix

package rpc

import "time"

// cpuTime is not known here.
func cpuTime() time.Duration { return 0 }
