package charge

import (
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
	"loumiao/game/store/order"
	"loumiao/game/token"
	"loumiao/web/charge/pay"
	"loumiao/web/httpserver"
)

// listed is how many of his orders a player is shown.
const listed = 20

// A Reply is an order as its player sees it.
type Reply struct {
	ID       int64            `json:"id,string"`
	State    order.State      `json:"state"`
	Product  string           `json:"product"`
	Title    string           `json:"title"`
	Price    int64            `json:"price"` // in minor units
	Currency string           `json:"currency"`
	Wallet   map[string]int64 `json:"wallet,omitempty"`
	Items    map[string]int64 `json:"items,omitempty"`
	Provider string           `json:"provider"`
	PayURL   string           `json:"pay_url,omitempty"` // while it can be paid on a page
	Token    string           `json:"token,omitempty"`   // while it can be paid in an app store: to be given to the store with the purchase
	Created  int64            `json:"created_ms"`
	Expires  int64            `json:"expires_ms"`
}

func (s *Service) reply(o order.Order) Reply {
	r := Reply{
		ID: int64(o.ID), State: o.State, Product: o.Product, Title: o.Title, Price: o.Price, Currency: o.Currency, Wallet: o.Goods.Wallet,
		Items: o.Goods.Items, Provider: o.Provider, Created: o.Created.UnixMilli(), Expires: o.Expires.UnixMilli(),
	}
	if o.State != order.Pending {
		return r
	}
	if r.PayURL = o.PayURL; strings.HasPrefix(r.PayURL, "/") {
		r.PayURL = s.Public() + r.PayURL
	}
	if _, ok := s.providers[o.Provider].(pay.Receiver); ok {
		r.Token = pay.Token(o)
	}
	return r
}

func (s *Service) products(c *fiber.Ctx) error {
	type product struct {
		ID       string           `json:"id"`
		Title    string           `json:"title"`
		Price    int64            `json:"price"`
		Currency string           `json:"currency"`
		Wallet   map[string]int64 `json:"wallet,omitempty"`
		Items    map[string]int64 `json:"items,omitempty"`
	}
	reply := struct {
		Products  []product `json:"products"`
		Providers []string  `json:"providers"`
	}{[]product{}, []string{}}
	for _, p := range s.Tables().Products {
		reply.Products = append(reply.Products, product{p.ID, p.Title, p.Price, p.Currency, p.Goods.Wallet, p.Goods.Items})
	}
	for _, p := range s.Providers {
		reply.Providers = append(reply.Providers, p.Name())
	}
	return c.JSON(reply)
}

// create makes an order and begins its payment.
func (s *Service) create(c *fiber.Ctx) error {
	ctx := c.UserContext()
	who, err := s.who(c)
	if err != nil {
		return err
	}
	if err := s.Barred(ctx, who); err != nil {
		return err
	}
	var in struct {
		Product  string `json:"product"`
		Provider string `json:"provider"`
	}
	if err := httpserver.Decode(c, &in); err != nil {
		return err
	}
	product, ok := s.Tables().Product(in.Product)
	if !ok {
		return fault.New(fault.NotFound, "there is no such product")
	}
	provider, err := s.provider(in.Provider)
	if err != nil {
		return err
	}
	err = s.Goods.Known(ctx, who.Player)
	if fault.CodeOf(err) == fault.NotFound {
		return fault.New(fault.FailedPrecondition, "the player has never been in the game, and cannot own anything yet")
	}
	if err != nil {
		return err
	}
	lasts := s.ExpireAfter
	if p, ok := provider.(pay.Lasting); ok {
		lasts = max(lasts, p.Shortest())
	}
	draft := order.Draft{
		Player: who.Player, Account: who.Account, Area: who.Area, Product: in.Product, Title: product.Title, Price: product.Price,
		Currency: product.Currency, Goods: order.Goods{Wallet: product.Goods.Wallet, Items: product.Goods.Items}, Provider: provider.Name(), Expires: s.Now().Add(lasts),
	}
	limits, err := s.allow(ctx, draft)
	if err != nil {
		return err
	}
	o, err := s.Orders.Create(ctx, draft, limits)
	if errors.Is(err, order.ErrTooOften) {
		return &httpserver.Retry{After: time.Minute, Err: err}
	}
	if err != nil {
		return err
	}
	s.metrics.moved(o.State)
	payment, err := provider.Begin(ctx, o)
	if err != nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "payment not begun", slog.Int64("order", int64(o.ID)), slog.String("provider", o.Provider), slog.Any("error", err))
		if _, failed := s.Orders.GiveUp(ctx, o.ID, order.Failed, "the payment could not be begun"); failed != nil {
			s.logged(ctx, "order stays until it expires", failed)
		}
		return err
	}
	if o, err = s.Orders.Begun(ctx, o.ID, payment.Checkout, payment.Payment, payment.URL); err != nil {
		return err
	}
	s.metrics.moved(o.State)
	return c.Status(fiber.StatusCreated).JSON(s.reply(o))
}

func (s *Service) list(c *fiber.Ctx) error {
	who, err := s.owner(c)
	if err != nil {
		return err
	}
	list, err := s.Orders.OfPlayer(c.UserContext(), who.Player, listed)
	if err != nil {
		return err
	}
	replies := make([]Reply, len(list))
	for i, o := range list {
		replies[i] = s.reply(o)
	}
	return c.JSON(struct {
		Orders []Reply `json:"orders"`
	}{replies})
}

func (s *Service) show(c *fiber.Ctx) error {
	o, err := s.own(c)
	if err != nil {
		return err
	}
	return c.JSON(s.reply(o))
}

// receipt takes an app store's receipt for an order.
func (s *Service) receipt(c *fiber.Ctx) error {
	ctx := c.UserContext()
	o, err := s.own(c)
	if err != nil {
		return err
	}
	var in struct {
		Receipt string `json:"receipt"`
	}
	if err := httpserver.Decode(c, &in); err != nil {
		return err
	}
	receiver, ok := s.providers[o.Provider].(pay.Receiver)
	if !ok {
		return fault.New(fault.FailedPrecondition, "this order is not paid for with a receipt")
	}
	event, err := receiver.Redeem(ctx, o, in.Receipt)
	if err != nil {
		return err
	}
	stored, err := s.Orders.Receive(ctx, event)
	if err != nil {
		return err
	}
	if stored.Order != o.ID {
		return fault.New(fault.AlreadyExists, "the receipt was used for another order")
	}
	s.wake()
	return c.JSON(s.reply(o))
}

// own is the order of the path, if it is the bearer's. Somebody else's is none.
func (s *Service) own(c *fiber.Ctx) (order.Order, error) {
	who, err := s.owner(c)
	if err != nil {
		return order.Order{}, err
	}
	id, ok := orderID(c.Params("id"))
	if !ok {
		return order.Order{}, order.ErrNotFound
	}
	o, err := s.Orders.Find(c.UserContext(), id)
	if err == nil && o.Player != who.Player {
		err = order.ErrNotFound
	}
	return o, err
}

// who is the bearer of the login's token.
func (s *Service) who(c *fiber.Ctx) (token.Claims, error) {
	text, err := httpserver.Bearer(c)
	if err != nil {
		return token.Claims{}, err
	}
	return s.Tokens.Verify(text)
}

// owner is the bearer, who looks at what he has ordered or brings a receipt for it. Only the end of his login keeps him from that: he comes by another. Who is blocked has
// no other, and may have paid.
func (s *Service) owner(c *fiber.Ctx) (token.Claims, error) {
	who, err := s.who(c)
	if err != nil {
		return token.Claims{}, err
	}
	if err := s.Barred(c.UserContext(), who); fault.CodeOf(err) == fault.Unauthenticated {
		return token.Claims{}, err
	}
	return who, nil
}

func (s *Service) provider(name string) (pay.Provider, error) {
	if len(s.Providers) == 0 {
		return nil, fault.New(fault.Unavailable, "nothing can be paid for here now")
	}
	if name == "" {
		return s.Providers[0], nil
	}
	if p := s.providers[name]; p != nil {
		return p, nil
	}
	return nil, fault.New(fault.NotFound, "there is no such payment provider")
}

func orderID(text string) (order.ID, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return order.ID(n), err == nil && n > 0
}
