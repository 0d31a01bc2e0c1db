package command

// The commands that public does by itself, and their arguments. Others are registered where the nodes are made.
const (
	Kick        = "kick"        // KickArgs; whether he was there: Kicked
	Mute        = "mute"        // MuteArgs
	SendMail    = "send_mail"   // MailArgs; the mail: Mailed
	Broadcast   = "broadcast"   // BroadcastArgs; the broadcast, and how many it reaches: Reach
	Preview     = "preview"     // BroadcastArgs, and how many it would reach: Reach
	Grant       = "grant"       // GrantArgs
	Maintenance = "maintenance" // MaintenanceArgs
	Erase       = "erase"       // EraseArgs; what each owner of tables has done: Erased
	Ban         = "ban"         // BanArgs; the sanction: Banned
	Lift        = "lift"        // LiftArgs
	LookUp      = "look_up"     // LookUpArgs; what there is to know about a player: Found
	Explain     = "match"       // ExplainArgs; why a ticket does not match: Explained
	Logs        = "logs"        // LogsArgs; records of the game's log: LogPage
	Nodes       = "nodes"       // {}; every machine and node: NodeList
	Start       = "start"       // NodeArgs; the node as it is then, as for the next three: Node
	Stop        = "stop"        // NodeArgs
	Restart     = "restart"     // NodeArgs
	Drain       = "drain"       // NodeArgs
	Tail        = "tail"        // TailArgs; the newest lines of its log: Tailed
	Settings    = "settings"    // SettingsArgs; what is published: SettingsList
	Check       = "check"       // CheckArgs; what it would do: Checked
	Publish     = "publish"     // PublishArgs; Published
	RollBack    = "roll_back"   // RollBackArgs; Published
	History     = "history"     // HistoryArgs; PublishedList
	QueueStatus = "queue"       // QueueArgs; how an area's queue is: QueueState
	Robots      = "robots"      // {}; the newest run of each robot node, as for the next two: RobotRuns
	RunRobots   = "run_robots"  // RobotsArgs
	StopRobots  = "stop_robots" // {}
)

// KickArgs ends a player's session.
type KickArgs struct {
	Player int64 `json:"player"`
}

// Kicked is whether the player was there.
type Kicked struct {
	Online bool `json:"online"`
}

// MuteArgs keeps a player from the chat of all for some seconds, 0 letting him speak again.
type MuteArgs struct {
	Player  int64 `json:"player"`
	Seconds int64 `json:"seconds"`
}

// Letter is what a mail says and has in it.
type Letter struct {
	Sender  string           `json:"sender"`
	Subject string           `json:"subject"`
	Body    string           `json:"body"`
	Wallet  map[string]int64 `json:"wallet,omitempty"`
	Items   map[string]int64 `json:"items,omitempty"`
	Expires int64            `json:"expires_ms,omitempty"` // 0: never
}

// MailArgs sends a mail to one player.
type MailArgs struct {
	Player int64 `json:"player"`
	Letter
}

// Mailed is the mail that was sent.
type Mailed struct {
	Mail int64 `json:"mail,string"`
}

// BroadcastArgs sends a mail to all who are in an area now, 0 being all areas, and have one of these levels when it reaches them; 0 is no bound. It must expire.
type BroadcastArgs struct {
	Area     uint16 `json:"area"`
	MinLevel int32  `json:"min_level,omitempty"`
	MaxLevel int32  `json:"max_level,omitempty"`
	Letter
}

// Reach is how many players a broadcast reaches, as far as is known.
type Reach struct {
	Broadcast int64 `json:"broadcast,string,omitempty"`
	Players   int64 `json:"players"`
}

// GrantArgs gives a player goods, or takes those with negative amounts.
type GrantArgs struct {
	Player int64            `json:"player"`
	Wallet map[string]int64 `json:"wallet,omitempty"`
	Items  map[string]int64 `json:"items,omitempty"`
}

// EraseArgs removes all that is known of the person who plays a player: his account, all players of it, and what others have of them. It is done again
// from the beginning when it is interrupted, and when it is commanded again: what was done before changes nothing.
type EraseArgs struct {
	Player int64 `json:"player"`
}

// Erased is whom it was about, and what each owner of tables has done, in order.
type Erased struct {
	Account int64      `json:"account,string"`
	Players []int64    `json:"players"`
	Owners  []ErasedBy `json:"owners"`
}

// ErasedBy is one owner's part.
type ErasedBy struct {
	Owner string `json:"owner"`
	Done  string `json:"done"`
}

// MaintenanceArgs sets the maintenance of an area, 0 being all.
type MaintenanceArgs struct {
	Area   uint16 `json:"area"`
	On     bool   `json:"on"`
	Notice string `json:"notice,omitempty"`
	End    string `json:"end,omitempty"` // as 2026-01-31T12:00:00Z; empty: not known
}

// BanArgs keeps an account from playing. Its player is told the command's reason.
type BanArgs struct {
	Account int64 `json:"account"`
	Ends    int64 `json:"ends_ms"` // 0: never
}

// Banned is the sanction that was imposed.
type Banned struct {
	Sanction int64 `json:"sanction,string"`
}

// LiftArgs ends a sanction before its time.
type LiftArgs struct {
	Account  int64 `json:"account"`
	Sanction int64 `json:"sanction,string"`
}
