package gm

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
	"loumiao/game/command"
	"loumiao/game/store/account"
	"loumiao/game/store/operator"
	"loumiao/game/store/order"
)

const (
	shownOrders  = 50
	shownMoments = 100
)

func (s *Service) playerPages() []page {
	return []page{
		{path: "/players", title: "Players", search: true, role: operator.Viewer, view: s.players},
		{path: "/order", title: "Order", under: "/players", role: operator.Viewer, view: s.order},
	}
}

// ways is how a player can be looked for.
var ways = []string{"player", "name", "account", "sign-in name", "order"}

// A playersView is who was found: an account, one of its players, or both.
type playersView struct {
	Query    string         `json:"query"`
	By       string         `json:"by"`
	Ways     []string       `json:"ways"`
	Area     uint16         `json:"area"`
	Player   *command.Found `json:"player"`
	Account  *accountView   `json:"account"`
	Orders   []orderView    `json:"orders"`
	Timeline []moment       `json:"timeline"`
	Acts     []actView      `json:"acts,omitempty"` // what operators did to the player or account, for who may read the audit
	Older    int64          `json:"older,string"`   // to be given as before: the ledger has more; 0: it has not
}

func (v playersView) subject() string {
	switch {
	case v.Player != nil:
		return v.Player.Name
	case v.Account != nil:
		return fmt.Sprintf("Account %d", v.Account.ID)
	}
	return ""
}

// An accountView is a person's account.
type accountView struct {
	ID         account.ID     `json:"id,string"`
	Erased     bool           `json:"erased"`
	Identities []identityView `json:"identities"`
	Logins     []loginView    `json:"logins"`
	Sanctions  []sanctionView `json:"sanctions"`
	Players    []playerLink   `json:"players"`
}

type playerLink struct {
	Player int64 `json:"player,string"`
}

type identityView struct {
	Kind    string    `json:"kind"`
	Display string    `json:"display"`
	Since   time.Time `json:"since"`
}

type loginView struct {
	Way    string    `json:"way"`
	Device string    `json:"device"`
	Began  time.Time `json:"began,omitzero"`
	Used   time.Time `json:"used"`
}

type sanctionView struct {
	ID      int64     `json:"id,string"`
	Reason  string    `json:"reason,omitempty"`
	Author  string    `json:"author"`
	Starts  time.Time `json:"starts"`
	Ends    time.Time `json:"ends,omitzero"`   // never, if it is left out
	Lifted  time.Time `json:"lifted,omitzero"` // not before its time, if it is left out
	InForce bool      `json:"in_force"`
}

type orderView struct {
	ID       order.ID    `json:"id,string"`
	Player   int64       `json:"player,string"`
	Product  string      `json:"product"`
	Title    string      `json:"title"`
	Price    int64       `json:"price_minor"`
	Currency string      `json:"currency"`
	Goods    order.Goods `json:"goods"`
	Provider string      `json:"provider"`
	State    order.State `json:"state"`
	Created  time.Time   `json:"created"`
	Paid     time.Time   `json:"paid,omitzero"`
	Granted  time.Time   `json:"granted,omitzero"`
	Refunded time.Time   `json:"refunded,omitzero"`
}

// Amount is the price for people. Currencies without cents are shown with them.
func (o orderView) Amount() string {
	return fmt.Sprintf("%d.%02d %s", o.Price/100, o.Price%100, o.Currency)
}

func orderOf(o order.Order) orderView {
	return orderView{o.ID, o.Player, o.Product, o.Title, o.Price, o.Currency, o.Goods, o.Provider, o.State, o.Created, o.Paid, o.Granted, o.Refunded}
}

// An actView is what an operator did.
type actView struct {
	Audit  int64     `json:"audit,string"` // its number there
	Act    string    `json:"act"`
	Author string    `json:"author"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	text   string
}

// A moment is something that happened to a player.
type moment struct {
	At   time.Time `json:"at"`
	What string    `json:"what"` // "ledger", "mail", "match", "order", "sanction", "operator" or "login"
	Text string    `json:"text"`
}

// players looks for what is in q; without by, a number is a player's and a text a name's of the area.
func (s *Service) players(c *fiber.Ctx) (any, error) {
	view := playersView{Query: strings.TrimSpace(c.Query("q")), By: c.Query("by"), Ways: ways}
	var err error
	if view.Area, err = areaOf(c, 1); err != nil {
		return view, err
	}
	number, isNumber := strconv.ParseInt(view.Query, 10, 64)
	if view.By == "" {
		view.By = "name"
		if isNumber == nil {
			view.By = "player"
		}
	}
	if !slices.Contains(ways, view.By) {
		return view, fault.New(fault.Invalid, "by: must be one of "+strings.Join(ways, ", "))
	}
	if view.Query == "" {
		return view, nil
	}
	if isNumber != nil && view.By != "name" && view.By != "sign-in name" {
		return view, fault.Errorf(fault.Invalid, "the number of %s must be a whole number", view.By)
	}
	find := command.LookUpArgs{Before: queryNumber(c, "before")}
	ctx := c.UserContext()
	var acc account.ID
	switch view.By {
	case "player":
		find.Player = number
	case "name":
		find.Area, find.Name = view.Area, view.Query
	case "order":
		o, err := s.Orders.Find(ctx, order.ID(number))
		if err != nil {
			return view, err
		}
		find.Player = o.Player
	case "account":
		acc = account.ID(number)
	case "sign-in name":
		if acc, err = s.Accounts.Named(ctx, view.Query); err != nil {
			return view, err
		}
	}
	if acc != 0 {
		players, err := s.Accounts.Players(ctx, acc)
		if err != nil {
			return view, err
		}
		if len(players) == 1 {
			find.Player = players[0]
		}
	}
	err = s.fillPlayer(c, &view, acc, find)
	return view, err
}

// queryNumber is 0 for what is no number.
func queryNumber(c *fiber.Ctx, name string) int64 {
	n, err := strconv.ParseInt(c.Query(name), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// fillPlayer gathers what there is about a player, an account or both.
func (s *Service) fillPlayer(c *fiber.Ctx, view *playersView, acc account.ID, find command.LookUpArgs) (err error) {
	ctx := c.UserContext()
	if find.Player != 0 || find.Name != "" {
		found, err := ask[command.Found](c, s, command.LookUp, find)
		switch {
		case err == nil:
			view.Player = found
			if len(found.Ledger) >= ledgerPage {
				view.Older = found.Ledger[len(found.Ledger)-1].ID
			}
		case fault.CodeOf(err) != fault.NotFound || acc == 0:
			return err
		}
	}
	if view.Player != nil {
		if acc == 0 {
			if acc, err = s.Accounts.OfPlayer(ctx, view.Player.Player); err != nil && fault.CodeOf(err) != fault.NotFound {
				return err
			}
		}
		orders, err := s.Orders.OfPlayer(ctx, view.Player.Player, shownOrders)
		if err != nil {
			return err
		}
		for _, o := range orders {
			view.Orders = append(view.Orders, orderOf(o))
		}
	}
	if acc != 0 {
		if view.Account, err = s.account(ctx, acc); err != nil {
			return err
		}
	}
	if view.Player != nil {
		if err := s.fillActs(c, view, fmt.Sprintf("player %d", view.Player.Player)); err != nil {
			return err
		}
	}
	if acc != 0 && !view.Account.Erased { // an erasure empties reasons where it can
		if err := s.fillActs(c, view, fmt.Sprintf("account %d", acc)); err != nil {
			return err
		}
	}
	view.Timeline = view.moments()
	return nil
}

func (s *Service) fillActs(c *fiber.Ctx, view *playersView, target string) error {
	acts, err := s.told(c, target, toldActs)
	for _, e := range acts {
		if e.Act == "ban" && e.Outcome == operator.Done {
			continue // the sanction says it
		}
		view.Acts = append(view.Acts, actView{e.ID, e.Act, e.Operator, e.Reason, e.Began, inWords(e)})
	}
	return err
}

// ledgerPage is how many entries public gives at once.
const ledgerPage = 50

// account is a person's account; fault.NotFound if nothing is known of it.
func (s *Service) account(ctx context.Context, acc account.ID) (*accountView, error) {
	view := &accountView{ID: acc}
	there, err := s.Accounts.Exists(ctx, acc)
	if err != nil {
		return nil, err
	}
	view.Erased = !there
	players, err := s.Accounts.Players(ctx, acc)
	if err != nil {
		return nil, err
	}
	if !there && len(players) == 0 {
		return nil, account.ErrNoAccount
	}
	for _, p := range players {
		view.Players = append(view.Players, playerLink{p})
	}
	identities, err := s.Accounts.Identities(ctx, acc)
	if err != nil {
		return nil, err
	}
	for _, i := range identities {
		view.Identities = append(view.Identities, identityView{i.Kind, i.Display, i.Since})
	}
	logins, err := s.Accounts.Logins(ctx, acc)
	if err != nil {
		return nil, err
	}
	for _, l := range logins {
		view.Logins = append(view.Logins, loginView{l.Way, l.Device, l.Began, l.Used})
	}
	view.Sanctions, err = s.sanctions(ctx, acc)
	return view, err
}

func (s *Service) sanctions(ctx context.Context, acc account.ID) (list []sanctionView, err error) {
	sanctions, err := s.Accounts.Sanctions(ctx, acc)
	now := s.Now()
	for _, one := range sanctions {
		inForce := one.Lifted.IsZero() && (one.Ends.IsZero() || one.Ends.After(now))
		list = append(list, sanctionView{one.ID, one.Reason, one.Author, one.Starts, one.Ends, one.Lifted, inForce})
	}
	return list, err
}

// moments is the newest of everything that happened, the newest first.
func (v *playersView) moments() (list []moment) {
	add := func(at time.Time, what, format string, args ...any) {
		if !at.IsZero() {
			list = append(list, moment{at.UTC(), what, fmt.Sprintf(format, args...)})
		}
	}
	if p := v.Player; p != nil {
		for _, e := range p.Ledger {
			add(time.UnixMilli(e.At), "ledger", "%+d %s, %s", e.Amount, e.Asset, e.Reason)
		}
		for _, m := range p.Mails {
			add(time.UnixMilli(m.Sent), "mail", "from %s: %s", m.Sender, m.Subject)
		}
		for _, m := range p.Matches {
			add(time.UnixMilli(m.Ended), "match", "%s, place %d, rating %+d", m.Mode, m.Place, m.Rating)
		}
	}
	for _, o := range v.Orders {
		add(o.Created, "order", "%d for %s, %s, is made", o.ID, o.Title, o.Amount())
		add(o.Paid, "order", "%d is paid", o.ID)
		add(o.Granted, "order", "%d is delivered", o.ID)
		add(o.Refunded, "order", "%d is refunded", o.ID)
	}
	for _, e := range v.Acts {
		add(e.At, "operator", "%s", e.text)
	}
	if a := v.Account; a != nil {
		for _, one := range a.Sanctions {
			add(one.Starts, "sanction", "banned by %s: %s", one.Author, one.Reason)
			add(one.Lifted, "sanction", "the ban for %s is lifted", one.Reason)
		}
		for _, l := range a.Logins {
			add(l.Began, "login", "by %s on %s", l.Way, cmp.Or(l.Device, "a device without a name"))
		}
	}
	slices.SortStableFunc(list, func(a, b moment) int { return b.At.Compare(a.At) })
	return list[:min(len(list), shownMoments)]
}

// An orderPage is one order and what happened to it.
type orderPage struct {
	Order   orderView        `json:"order"`
	History []transitionView `json:"history"`
}

func (o orderPage) subject() string { return fmt.Sprint(o.Order.ID) }

type transitionView struct {
	From order.State `json:"from"`
	To   order.State `json:"to"`
	Why  string      `json:"why"`
	At   time.Time   `json:"at"`
}

func (s *Service) order(c *fiber.Ctx) (any, error) {
	id := order.ID(queryNumber(c, "id"))
	o, err := s.Orders.Find(c.UserContext(), id)
	if err != nil {
		return nil, err
	}
	history, err := s.Orders.History(c.UserContext(), id)
	if err != nil {
		return nil, err
	}
	view := orderPage{Order: orderOf(o)}
	for _, h := range history {
		view.History = append(view.History, transitionView{h.From, h.To, h.Why, h.At})
	}
	return view, nil
}
