package player

import "time"

// The rows of the tables, as gorm sees them. Times are milliseconds UTC.

type playerRow struct {
	ID            ID `gorm:"primaryKey;autoIncrement:false"`
	Account       int64
	Area          uint16
	Origin        uint16
	Name          string
	NameKey       string // "" of NULL
	Level         int32
	Exp           int64
	Rating        int32
	Epoch         uint64
	Version       int64
	SchemaVersion int32
	State         string
	CreatedAt     int64 `gorm:"autoCreateTime:false"`
	UpdatedAt     int64 `gorm:"autoUpdateTime:false"`
	ErasedAt      int64 // 0: not erased
	CameAt        int64 // 0: not in the game
}

func (playerRow) TableName() string { return "players" }

type walletRow struct {
	Player   ID     `gorm:"primaryKey"`
	Currency string `gorm:"primaryKey"`
	Amount   int64
}

func (walletRow) TableName() string { return "wallets" }

type itemRow struct {
	Player ID     `gorm:"primaryKey"`
	Item   string `gorm:"primaryKey"`
	Amount int64
}

func (itemRow) TableName() string { return "items" }

type ledgerRow struct {
	Player ID    `gorm:"primaryKey"`
	Entry  int64 `gorm:"primaryKey"`
	Leg    int32 `gorm:"primaryKey"`
	Op     string
	Holder string
	Asset  string
	Amount int64
	Reason string
	At     int64
}

func (ledgerRow) TableName() string { return "ledger" }

type unloggedRow struct {
	Seq    int64 `gorm:"primaryKey;autoIncrement:false"`
	Player ID
	Kind   string
	ID     int64
	// Of logins and logouts, which have no rows of their own.
	At      int64
	Details string
}

func (unloggedRow) TableName() string { return "unlogged" }

type appliedRow struct {
	Player    ID     `gorm:"primaryKey"`
	Op        string `gorm:"primaryKey"`
	Result    string
	AppliedAt int64
}

func (appliedRow) TableName() string { return "applied" }

type matchResultRow struct {
	ID        MatchID `gorm:"primaryKey;autoIncrement:false"`
	Mode      string
	Area      uint16
	Seed      uint32
	StartedAt int64
	EndedAt   int64
	Result    string
}

func (matchResultRow) TableName() string { return "match_results" }

type matchRow struct {
	Player       ID      `gorm:"primaryKey"`
	MatchID      MatchID `gorm:"primaryKey"`
	Mode         string
	EndedAt      int64
	Place        int32
	Players      int32
	Score        int32
	Kills        int32
	Deaths       int32
	RatingBefore int32
	RatingAfter  int32
	Exp          int64
	Reward       string
}

func (matchRow) TableName() string { return "matches" }

type counterRow struct {
	Player ID     `gorm:"primaryKey"`
	Name   string `gorm:"primaryKey"`
	Period int64
	Count  int64
}

func (counterRow) TableName() string { return "counters" }

type friendRow struct {
	Player ID `gorm:"primaryKey"`
	Friend ID `gorm:"primaryKey"`
	Bond   Bond
	Since  int64
}

func (friendRow) TableName() string { return "friends" }

type mailRow struct {
	Player      ID     `gorm:"primaryKey"`
	ID          MailID `gorm:"primaryKey;autoIncrement:false"`
	Op          string
	Sender      string
	Subject     string
	Body        string
	Attachments string // a JSON object; noGoods when there is nothing in it
	CreatedAt   int64  `gorm:"autoCreateTime:false"`
	ExpiresAt   int64
	ReadAt      int64
	ClaimedAt   int64
}

func (mailRow) TableName() string { return "mails" }

func fromMS(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
