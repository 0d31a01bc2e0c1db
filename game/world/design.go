package world

import (
	"loumiao/game/area"
	"loumiao/game/goods"
)

// What the world asks about the game's design. Each is safe for concurrent use, and may answer otherwise from one call to the next, but what it has
// returned stays as it is.
type (
	// Items says what items there are, and what a bag holds.
	Items interface {
		Item(name string) (goods.Item, bool)
		Slots() int64
	}
	// Shop says what is offered.
	Shop interface {
		Offers() []goods.Offer
		Offer(id string) (goods.Offer, bool)
	}
	// Rewards says what signing in gives on a player's n-th day, from 1.
	Rewards interface {
		SignIn(n int64) goods.Gain
	}
	// Fees says what a new name costs, by currency.
	Fees interface {
		Rename() map[string]int64
	}
)

// A Design is what the world knows of the game's goods and days.
type Design struct {
	Items     Items
	Shop      Shop
	Rewards   Rewards
	Fees      Fees
	Calendars *area.Calendars
}

// An Option is what a world can be told beyond its configuration.
type Option func(*World)

// WithDesign replaces the sample game's goods, and its days, which are UTC. What is nil stays the sample's.
func WithDesign(d Design) Option {
	return func(w *World) {
		if d.Items != nil {
			w.design.Items = d.Items
		}
		if d.Shop != nil {
			w.design.Shop = d.Shop
		}
		if d.Rewards != nil {
			w.design.Rewards = d.Rewards
		}
		if d.Fees != nil {
			w.design.Fees = d.Fees
		}
		if d.Calendars != nil {
			w.design.Calendars = d.Calendars
		}
	}
}

// sample is the sample game's design.
func sample() Design {
	catalog := goods.New(goods.Defaults())
	calendars, _ := area.NewCalendars(nil) // which cannot be wrong
	return Design{Items: catalog, Shop: catalog, Rewards: catalog, Fees: catalog, Calendars: calendars}
}
