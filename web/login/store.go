package login

import "time"

// AccountID is an account in the account store.
type AccountID int64

// A Sanction keeps an account out.
type Sanction struct {
	Reason string    // shown to the player
	End    time.Time // the zero time: never
}
