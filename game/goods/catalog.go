package goods

// A Catalog answers from a [Config]. It never changes, and so is safe for concurrent use; what it returns is not to be changed.
type Catalog struct {
	cfg    Config
	items  map[string]Item
	offers map[string]Offer
}

// New is the catalog of cfg, which is valid.
func New(cfg Config) *Catalog {
	c := &Catalog{cfg: cfg, items: map[string]Item{}, offers: map[string]Offer{}}
	for _, item := range cfg.Items {
		c.items[item.Name] = item
	}
	for _, offer := range cfg.Offers {
		c.offers[offer.ID] = offer
	}
	return c
}

// Item is the item of that name.
func (c *Catalog) Item(name string) (Item, bool) {
	item, ok := c.items[name]
	return item, ok
}

// Stack is how many of an item share a slot of the bag; 0: it needs none. false: there is no such item.
func (c *Catalog) Stack(item string) (int64, bool) {
	i, ok := c.items[item]
	return i.Stack, ok
}

// Slots is how many slots a bag has.
func (c *Catalog) Slots() int64 { return c.cfg.Slots }

// Offers is what the shop offers, in the order in which it is shown.
func (c *Catalog) Offers() []Offer { return c.cfg.Offers }

// Offer is the offer with that ID.
func (c *Catalog) Offer(id string) (Offer, bool) {
	offer, ok := c.offers[id]
	return offer, ok
}

// SignIn is what a player gets for signing in on his n-th day, from 1.
func (c *Catalog) SignIn(n int64) Gain {
	if len(c.cfg.SignIn) == 0 || n < 1 {
		return Gain{}
	}
	return c.cfg.SignIn[(n-1)%int64(len(c.cfg.SignIn))]
}

// Rename is what a new name costs, by currency.
func (c *Catalog) Rename() map[string]int64 { return c.cfg.Rename }
