package api

// The names of the node types, as they stand in commands, tags, methods and the `to` of client messages.
const (
	Pod   = "pod"
	Gate  = "gate"
	World = "world"
	Zone  = "zone"
	DB    = "db"
	Login = "login"
	Queue = "queue"
	Match = "match"

	Account = "account"

	Charge = "charge"
	GM     = "gm"

	Keypoint = "keypoint"

	RPCGate = "rpcgate"

	Log = "log"

	Robot = "robot"
)
