package goods

// An Item is one kind of thing that players can have.
type Item struct {
	Name string `yaml:"name" doc:"1 to 32 lower-case letters, digits and underscores"`
	// Stack is how many share one slot of the bag; 0: it needs none.
	Stack int64 `yaml:"stack" min:"0" doc:"how many of it share one slot of the bag; 0: it needs no slot"`
	// Sell is what the game pays for one, by currency. Empty: it is not bought.
	Sell map[string]int64 `yaml:"sell" doc:"what a player gets for one, by currency; empty: it cannot be sold"`
	// Use is what using one gives. Empty: it cannot be used.
	Use Gain `yaml:"use" doc:"what using one gives; nothing: it cannot be used"`
	// Keep says that it cannot be thrown away.
	Keep bool `yaml:"keep" doc:"it cannot be thrown away"`
}

// A Gain is what a player gets. The zero value is nothing.
type Gain struct {
	Wallet map[string]int64 `yaml:"wallet" doc:"amounts by currency"`
	Items  map[string]int64 `yaml:"items" doc:"how many by item"`
	Exp    int64            `yaml:"exp" min:"0" doc:"experience"`
}

// Empty reports whether it is nothing.
func (g Gain) Empty() bool { return len(g.Wallet) == 0 && len(g.Items) == 0 && g.Exp == 0 }

// An Offer is something in the shop.
type Offer struct {
	ID    string           `yaml:"id" doc:"1 to 32 lower-case letters, digits and underscores; keeps its meaning, since purchases are counted under it"`
	Price map[string]int64 `yaml:"price" doc:"what one costs, by currency"`
	Gives Gain             `yaml:"gives" doc:"what one gives"`
	// Limit is how often one player may buy it in a Period; 0 is as often as he likes.
	Limit  int64  `yaml:"limit" min:"0" doc:"how often one player may buy it in a period; 0: no limit"`
	Period Period `yaml:"period" oneof:"ever day week" doc:"what the limit counts in: ever, or a day or week of the player's area"`
}

// A Period is what a limit counts in.
type Period string

// The periods. Days and weeks are those of the player's area.
const (
	Ever Period = "ever"
	Day  Period = "day"
	Week Period = "week"
)
