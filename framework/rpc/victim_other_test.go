//go:build !unix

package rpc

// Only where there are signals.
const victimEnv = "RPC_VICTIM"

func serveVictim() {}
