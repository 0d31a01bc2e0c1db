package cluster

import (
	"log/slog"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/serf/serf"
)

// Gossip is tuned for a LAN by measuring twenty nodes: they converge in 0.15 s, a crash is seen by all in 3 s, a leave in 0.2 s, a
// tag in 0.1 s, at 0.2% of a core a node. Stock "local" tuning has tails of 11 to 17 s, and stock LAN takes 57 s to converge.
const (
	gossipInterval   = 50 * time.Millisecond
	gossipNodes      = 4
	retransmitMult   = 4
	pushPullInterval = 5 * time.Second
	probeInterval    = 500 * time.Millisecond
	probeTimeout     = 200 * time.Millisecond
	suspicionMult    = 3
	reclaimTime      = time.Second

	// How long to dial, and to exchange the whole state. Short, because a dial cannot be cancelled: a stop may have to wait for it.
	tcpTimeout = 3 * time.Second
	// How long a change of tags or a leave waits to be sent. It is sent on if it takes longer; and nobody may be left to send it to.
	broadcastTimeout = time.Second
	// How long a leaving node stays to answer probes while the others learn that it leaves.
	leavePropagateDelay = 250 * time.Millisecond
	// How often each failed member is tried again, and until when: a dead boot does not come back, a healed network does.
	reconnectInterval = 2 * time.Second
	reconnectTimeout  = 10 * time.Minute
	// How long a member that left is remembered.
	tombstoneTimeout = 10 * time.Minute
)

// serfConfig is the configuration of serf for cfg, whose host names are resolved. Events go to events.
func serfConfig(cfg Config, gossip addresses, keyring *memberlist.Keyring, log *lineLogger, events chan<- serf.Event) *serf.Config {
	ml := memberlist.DefaultLANConfig()
	ml.EnableCompression = false // packets are small, and it clears 64 KB for each; what others have compressed is read all the same
	ml.GossipInterval = gossipInterval
	ml.GossipNodes = gossipNodes
	ml.RetransmitMult = retransmitMult
	ml.PushPullInterval = pushPullInterval
	ml.ProbeInterval = probeInterval
	ml.ProbeTimeout = probeTimeout
	ml.SuspicionMult = suspicionMult * cfg.Stretch
	ml.DeadNodeReclaimTime = reclaimTime
	ml.TCPTimeout = tcpTimeout
	ml.BindAddr, ml.BindPort = gossip.bindHost, gossip.bindPort
	ml.AdvertiseAddr, ml.AdvertisePort = gossip.advertiseHost, gossip.advertisePort
	ml.Keyring = keyring
	ml.Logger = log.std()

	sc := serf.DefaultConfig()
	sc.MemberlistConfig = ml
	sc.Logger = ml.Logger // each of the two libraries has its own, and both default to stderr
	sc.NodeName = gossipName(cfg.Self)
	sc.Tags = encodeTags(cfg.Self)
	sc.EventCh = events
	sc.KeyringFile = cfg.Keyring
	sc.BroadcastTimeout = broadcastTimeout
	sc.LeavePropagateDelay = leavePropagateDelay
	sc.ReconnectInterval = reconnectInterval
	sc.ReconnectTimeout = reconnectTimeout
	sc.TombstoneTimeout = tombstoneTimeout
	sc.DisableCoordinates = true // nobody asks how far apart two nodes are
	return sc
}

// slogLevel is the level for a line of the two libraries; their levels are nothing but prefixes. What they call an error is a member that does not
// answer, or bytes of a stranger: this node goes on, and takes care of it.
func slogLevel(prefix string) slog.Level {
	switch prefix {
	case "ERR", "ERROR", "WARN":
		return slog.LevelWarn
	}
	return slog.LevelDebug
}
