package world_test

import (
	"fmt"
	"io/fs"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/configs"
	"loumiao/framework/fault"
	"loumiao/framework/rpc"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/area"
	"loumiao/game/db"
	"loumiao/game/goods"
	"loumiao/game/pb"
	"loumiao/game/tables"
	"loumiao/game/world"
	"loumiao/migrations"
)

// A market is a place with a real db and design tables that the test may change.
type market struct {
	*place
	life   *life
	tables atomic.Pointer[tables.Tables]
	ms     atomic.Int64
}

func newMarket(t *testing.T) *market {
	t.Helper()
	m := &market{}
	m.open(t, nil)
	calendars, err := area.NewCalendars([]area.Config{{ID: 1, TimeZone: "Asia/Shanghai", ResetHour: 5}})
	if err != nil {
		t.Fatal(err)
	}
	stores := storetest.Embedded(t)
	storetest.Migrated(t, stores, "player", migrations.FS("player"))
	rules := goods.Config{Slots: 3, Rename: map[string]int64{"gold": 40}}
	m.place = placeOn(t, stores, &door{}, db.New(db.WithSlots(rules.Slots), db.WithTables(m.tables.Load)))
	cfg := world.Defaults()
	cfg.SaveEvery, cfg.Linger = time.Hour, time.Hour
	w := world.New(cfg, world.WithDesign(world.Design{Goods: rules, Calendars: calendars}), world.WithTables(m.tables.Load), world.WithClock(m.now))
	m.life = m.run(api.World, w)
	m.life.world = w
	m.known(m.life.Node)
	return m
}

// edits is tables' new content by name.
type edits map[string]string

// open has it be noon, with the sample's tables, changed.
func (m *market) open(t *testing.T, changed edits) {
	t.Helper()
	m.ms.Store(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC).UnixMilli())
	m.design(t, changed)
}

// TestGoods shows the shop, the bag, signing in and names, one after the other, each to a player of its own.
func TestGoods(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	for name, test := range map[string]func(*testing.T, *market){"shop": shop, "bag": inBag, "sign-in": signIn, "rename": rename, "swapped": swapped} {
		t.Run(name, func(t *testing.T) { test(t, m) })
	}
}

func (m *market) now() time.Time        { return time.UnixMilli(m.ms.Load()) }
func (m *market) pass(by time.Duration) { m.ms.Add(by.Milliseconds()) }

// design has the tables be the sample's, changed.
func (m *market) design(t *testing.T, changed edits) {
	t.Helper()
	parsed, err := tables.ParseTexts(func(name string) (string, error) {
		if text, ok := changed[name]; ok {
			return text, nil
		}
		return sampleTable(name)
	})
	if err != nil {
		t.Fatal(err)
	}
	m.tables.Store(parsed)
}

func sampleTable(name string) (string, error) {
	content, err := fs.ReadFile(configs.Tables(), name+".csv")
	return string(content), err
}

// edited is the sample's table with one text in place of another.
func edited(t *testing.T, name, old, replacement string) edits {
	t.Helper()
	text, err := sampleTable(name)
	if err != nil || !strings.Contains(text, old) {
		t.Fatalf("%s has no %q: %v", name, old, err)
	}
	return edits{name: strings.Replace(text, old, replacement, 1)}
}

// give gives a player what op says.
func (m *market) give(player int64, op *pb.ApplyOp) {
	m.t.Helper()
	op.Player, op.Reason = player, "test"
	if _, err := api.ApplyOp.Call(m.t.Context(), m.gate.node.RPC(), op, rpc.Any); err != nil {
		m.t.Fatal(err)
	}
	if _, err := api.PlayerChanged.Call(m.t.Context(), m.gate.node.RPC(), &pb.PlayerChanged{Player: player}); err != nil {
		m.t.Fatal(err)
	}
}

// has is what a profile has of something.
func has(p *pb.Profile, what string) int64 {
	for _, i := range p.GetItems() {
		if i.GetItem() == what {
			return i.GetCount()
		}
	}
	return p.GetWallet()[what]
}

// refused is a request that must fail with that code.
func refused[R proto.Message](s *session, what string, m proto.Message, want fault.Code) {
	s.t.Helper()
	if r, err := try[R](s, m); fault.CodeOf(err) != want {
		s.t.Errorf("%s: %v, %v; want %v", what, r, err, want)
	}
}

func shop(t *testing.T, m *market) {
	m.open(t, nil)
	s := m.connect(1)
	s.enter()
	offers := ask[*pb.GetOffersReply](s, &pb.GetOffers{})
	if len(offers.GetOffers()) != len(m.tables.Load().Shop) || offers.GetNextDayMs() != time.Date(2026, 1, 31, 21, 0, 0, 0, time.UTC).UnixMilli() {
		t.Fatalf("offered is %v", offers)
	}
	if o := offers.GetOffers()[1]; o.GetId() != "daily_book" || o.GetPrice()["gold"] != 20 || o.GetGives().GetItems()["exp_book"] != 1 || o.GetLimit() != 3 || o.GetPeriod() != "day" {
		t.Errorf("the second offer is %v", o)
	}
	buy := func(request, offer string, count int64) *pb.BuyOffer {
		return &pb.BuyOffer{Request: request, Offer: offer, Count: count}
	}
	first := ask[*pb.BuyOfferReply](s, buy("a", "daily_book", 2))
	if first.GetRepeated() || first.GetBought() != 2 || has(first.GetProfile(), "gold") != 60 || has(first.GetProfile(), "exp_book") != 2 {
		t.Errorf("bought: %v", first)
	}
	if again := ask[*pb.BuyOfferReply](s, buy("a", "daily_book", 2)); !again.GetRepeated() || again.GetBought() != 2 || has(again.GetProfile(), "gold") != 60 {
		t.Errorf("bought again: %v", again)
	}
	refused[*pb.BuyOfferReply](s, "another count with the same request", buy("a", "daily_book", 1), fault.AlreadyExists)
	refused[*pb.BuyOfferReply](s, "another offer with the same request", buy("a", "shield", 2), fault.AlreadyExists)
	refused[*pb.BuyOfferReply](s, "more than the limit", buy("b", "daily_book", 2), fault.FailedPrecondition)
	refused[*pb.BuyOfferReply](s, "more than he can pay", buy("b", "shield", 7), fault.FailedPrecondition)
	refused[*pb.BuyOfferReply](s, "no such offer", buy("b", "sword", 1), fault.NotFound)
	for i, bad := range []*pb.BuyOffer{buy("", "shield", 1), buy("b", "shield", 0), buy("b", "shield", 1001), buy("b", "shield", -1), buy("a:b", "shield", 1), buy(strings.Repeat("a", 37), "shield", 1)} {
		refused[*pb.BuyOfferReply](s, fmt.Sprint("bad request ", i), bad, fault.Invalid)
	}

	// What was bought stays bought, whatever the price is by now.
	m.design(t, edited(t, "shop", "daily_book,gold=20", "daily_book,gold=21"))
	priced := buy("c", "daily_book", 1)
	priced.Price = map[string]int64{"gold": 20}
	refused[*pb.BuyOfferReply](s, "an old price", priced, fault.FailedPrecondition)
	priced.Request, priced.Count = "a", 2
	if again := ask[*pb.BuyOfferReply](s, priced); !again.GetRepeated() || again.GetBought() != 2 {
		t.Errorf("bought again at the old price: %v", again)
	}
	m.design(t, edits{"shop": "id,price,gives,limit,period\n"})
	if again := ask[*pb.BuyOfferReply](s, priced); !again.GetRepeated() {
		t.Errorf("bought again what is not offered any more: %v", again)
	}
	m.design(t, nil)

	// A new day has new limits, in the area's time zone; what counts for ever does not.
	ask[*pb.BuyOfferReply](s, buy("d", "starter", 1))
	refused[*pb.BuyOfferReply](s, "more than once ever", buy("e", "starter", 1), fault.FailedPrecondition)
	m.pass(9*time.Hour - time.Millisecond)
	if o := ask[*pb.GetOffersReply](s, &pb.GetOffers{}).GetOffers(); o[1].GetBought() != 2 || o[3].GetBought() != 1 {
		t.Errorf("a moment before the new day: %v", o)
	}
	m.pass(time.Millisecond)
	if o := ask[*pb.GetOffersReply](s, &pb.GetOffers{}).GetOffers(); o[1].GetBought() != 0 || o[3].GetBought() != 1 {
		t.Errorf("on the new day: %v", o)
	}
	if r := ask[*pb.BuyOfferReply](s, buy("f", "daily_book", 2)); r.GetBought() != 2 || has(r.GetProfile(), "gold") != 19 {
		t.Errorf("bought on the new day: %v", r)
	}
	refused[*pb.BuyOfferReply](s, "more than once ever, on the new day", buy("g", "starter", 1), fault.FailedPrecondition)
}

func inBag(t *testing.T, m *market) {
	m.open(t, nil)
	s := m.connect(2)
	s.enter()
	m.give(2, &pb.ApplyOp{Key: "a", Items: map[string]int64{"shield": 25, "exp_book": 3, "medal": 4}})
	if p := next[*pb.ProfileChanged](s).GetProfile(); has(p, "shield") != 25 {
		t.Errorf("the client is told %v", p)
	}
	if bag := ask[*pb.GetBagReply](s, &pb.GetBag{}); bag.GetSlots() != 3 || bag.GetUsed() != 3 {
		t.Errorf("the bag is %v", bag)
	}
	refused[*pb.BuyOfferReply](s, "buying into a full bag", &pb.BuyOffer{Request: "a", Offer: "starter", Count: 1}, fault.FailedPrecondition)
	for range 2 {
		r := ask[*pb.UseItemReply](s, &pb.UseItem{Request: "a", Item: "exp_book", Count: 2})
		if r.GetGain().GetExp() != 200 || r.GetProfile().GetExp() != 200 || r.GetProfile().GetLevel() != 2 || has(r.GetProfile(), "exp_book") != 1 {
			t.Errorf("used: %v", r)
		}
	}
	for range 2 {
		r := ask[*pb.SellItemReply](s, &pb.SellItem{Request: "a", Item: "shield", Count: 6})
		if r.GetGain().GetWallet()["gold"] != 30 || has(r.GetProfile(), "gold") != 130 || has(r.GetProfile(), "shield") != 19 {
			t.Errorf("sold: %v", r)
		}
	}
	for range 2 {
		r := ask[*pb.DiscardItemReply](s, &pb.DiscardItem{Request: "a", Item: "shield", Count: 19})
		if has(r.GetProfile(), "shield") != 0 || len(r.GetProfile().GetItems()) != 2 {
			t.Errorf("thrown away: %v", r)
		}
	}
	refused[*pb.UseItemReply](s, "using more than there is", &pb.UseItem{Request: "b", Item: "exp_book", Count: 2}, fault.FailedPrecondition)
	refused[*pb.UseItemReply](s, "using what has no use", &pb.UseItem{Request: "b", Item: "medal", Count: 1}, fault.FailedPrecondition)
	refused[*pb.UseItemReply](s, "using what does not exist", &pb.UseItem{Request: "b", Item: "sword", Count: 1}, fault.NotFound)
	refused[*pb.UseItemReply](s, "using less than nothing", &pb.UseItem{Request: "b", Item: "exp_book", Count: -1}, fault.Invalid)
	refused[*pb.UseItemReply](s, "using something else with the same request", &pb.UseItem{Request: "a", Item: "exp_book", Count: 1}, fault.AlreadyExists)
	refused[*pb.SellItemReply](s, "selling what is not bought", &pb.SellItem{Request: "b", Item: "medal", Count: 1}, fault.FailedPrecondition)
	refused[*pb.DiscardItemReply](s, "throwing away what is to be kept", &pb.DiscardItem{Request: "b", Item: "medal", Count: 1}, fault.FailedPrecondition)
	m.design(t, edited(t, "items", "exp=100", ""))
	if r := ask[*pb.UseItemReply](s, &pb.UseItem{Request: "a", Item: "exp_book", Count: 2}); r.GetProfile().GetExp() != 200 {
		t.Errorf("used before it lost its use: %v", r)
	}
	if bag := ask[*pb.GetBagReply](s, &pb.GetBag{}); bag.GetUsed() != 1 {
		t.Errorf("the bag is %v", bag)
	}

	// An item that is dropped stays with those who have it, and comes back with its table.
	m.design(t, edits{
		"items": "id,kind,stack,sell,use,keep\nboost,consumable,20,gold=12,,no\n", "shop": "id,price,gives,limit,period\n", "sign_in": "day,gives\n",
		"products": "id,title,price,currency,goods\ngold_pouch,Pouch of gold,99,USD,gold=100\n",
	})
	refused[*pb.UseItemReply](s, "using what is dropped", &pb.UseItem{Request: "c", Item: "exp_book", Count: 1}, fault.NotFound)
	if r := ask[*pb.UseItemReply](s, &pb.UseItem{Request: "a", Item: "exp_book", Count: 2}); r.GetProfile().GetExp() != 200 {
		t.Errorf("used before it was dropped: %v", r)
	}
	if p := ask[*pb.GetProfileReply](s, &pb.GetProfile{}).GetProfile(); has(p, "exp_book") != 1 || has(p, "medal") != 4 {
		t.Errorf("he has lost what is dropped: %v", p)
	}
	if bag := ask[*pb.GetBagReply](s, &pb.GetBag{}); bag.GetUsed() != 0 {
		t.Errorf("the bag is %v", bag)
	}
	m.design(t, nil)
	if r := ask[*pb.UseItemReply](s, &pb.UseItem{Request: "c", Item: "exp_book", Count: 1}); r.GetProfile().GetExp() != 300 {
		t.Errorf("used once it was back: %v", r)
	}
}

// swapped buys while the tables are swapped under it: what is paid is the price of the same version as what is given.
func swapped(t *testing.T, m *market) {
	const player, purchases = 6, 60
	m.open(t, nil)
	s := m.connect(player)
	s.enter()
	m.give(player, &pb.ApplyOp{Key: "rich", Wallet: map[string]int64{"gold": 100_000}})
	versions := []edits{ // each gives as many books as it costs gold, and the last does not offer it
		edited(t, "shop", "shield,gold=10,item:shield=1", "lot,gold=3,item:exp_book=3"),
		edited(t, "shop", "shield,gold=10,item:shield=1", "lot,gold=7,item:exp_book=7"),
		nil,
	}
	stop, done := make(chan struct{}), make(chan struct{})
	parsed := make([]*tables.Tables, len(versions))
	for i, v := range versions {
		m.design(t, v)
		parsed[i] = m.tables.Load()
	}
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				m.tables.Store(parsed[i%len(parsed)])
			}
		}
	}()
	gold, books := int64(100_100), int64(0) // as the oracle has them
	for i := range purchases {
		r, err := try[*pb.BuyOfferReply](s, &pb.BuyOffer{Request: fmt.Sprint("swap", i), Offer: "lot", Count: 1})
		if err != nil {
			if fault.CodeOf(err) != fault.NotFound {
				t.Errorf("purchase %d: %v", i, err)
			}
			continue
		}
		paid, got := gold-has(r.GetProfile(), "gold"), has(r.GetProfile(), "exp_book")-books
		if paid != got || paid != 3 && paid != 7 {
			t.Errorf("purchase %d: %d gold for %d books", i, paid, got)
		}
		gold, books = gold-paid, books+got
	}
	close(stop)
	<-done
	if p := ask[*pb.GetProfileReply](s, &pb.GetProfile{}).GetProfile(); books == 0 || has(p, "gold") != gold || has(p, "exp_book") != books {
		t.Errorf("he has %v; want %d gold and %d books", p, gold, books)
	}
}

func signIn(t *testing.T, m *market) {
	m.open(t, edits{"sign_in": "day,gives\n1,gold=10\n2,item:map=4\n"})
	s := m.connect(3)
	s.enter()
	info := ask[*pb.GetSignInReply](s, &pb.GetSignIn{})
	if info.GetDay() != 20260131 || info.GetDays() != 0 || info.GetSignedIn() || info.GetReward().GetWallet()["gold"] != 10 {
		t.Errorf("today: %v", info)
	}
	for i := range 2 {
		r := ask[*pb.SignInReply](s, &pb.SignIn{})
		if r.GetRepeated() != (i == 1) || r.GetDays() != 1 || r.GetReward().GetWallet()["gold"] != 10 || has(r.GetProfile(), "gold") != 110 {
			t.Errorf("signed in, time %d: %v", i+1, r)
		}
	}
	if info := ask[*pb.GetSignInReply](s, &pb.GetSignIn{}); info.GetDays() != 1 || !info.GetSignedIn() || info.GetReward().GetWallet()["gold"] != 10 {
		t.Errorf("today: %v", info)
	}
	if err := m.life.world.NewDay(3, 20260131); err != nil { // too early, as a timer may be
		t.Fatal(err)
	}
	s.greet() // which is handled after it
	m.pass(9 * time.Hour)
	if err := m.life.world.NewDay(3, 20260131); err != nil {
		t.Fatal(err)
	}
	if d := next[*pb.DayChanged](s); d.GetDay() != 20260201 || d.GetNextDayMs() != time.Date(2026, 2, 1, 21, 0, 0, 0, time.UTC).UnixMilli() {
		t.Errorf("the client is told %v", d)
	}
	// What does not fit into the bag comes by mail.
	r := ask[*pb.SignInReply](s, &pb.SignIn{})
	if r.GetRepeated() || r.GetDays() != 2 || r.GetReward().GetItems()["map"] != 4 || r.GetMail() == 0 || has(r.GetProfile(), "map") != 0 {
		t.Errorf("signed in: %v", r)
	}
	if mail := next[*pb.MailArrived](s).GetMail(); mail.GetId() != r.GetMail() || mail.GetItems()["map"] != 4 {
		t.Errorf("the client is told %v", mail)
	}
	m.pass(-9 * time.Hour) // another world's clock
	if r := ask[*pb.SignInReply](s, &pb.SignIn{}); !r.GetRepeated() {
		t.Errorf("signed in yesterday once more: %v", r)
	}
	m.pass(-24 * time.Hour)
	refused[*pb.SignInReply](s, "signing in on the day before", &pb.SignIn{}, fault.FailedPrecondition)
}
