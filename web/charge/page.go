package charge

import (
	"bytes"
	"crypto/subtle"
	"html/template"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
	"loumiao/game/store/order"
	"loumiao/web/charge/pay"
)

// pagePolicy lets a page show itself and post its form here, and nothing else.
const pagePolicy = "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// A sandboxPage is where orders of the sandbox, and of the fake store, are paid with buttons. Whoever knows an order's secret is its player: only he was
// given it, so that no other site can press a button for him.
type sandboxPage struct {
	service *Service
	sandbox pay.Sandbox
}

var sandboxTemplate = template.Must(template.New("sandbox").Parse(`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sandbox: {{.Order.Title}}</title></head>
<body>
<h1>{{.Order.Title}}</h1>
<p>{{.Order.Price}} {{.Order.Currency}}, in minor units. This is a sandbox: nobody pays anything.</p>
<p>Order {{.Order.ID}} is <strong>{{.Order.State}}</strong>. Reload the page to see what becomes of it.</p>
<form method="post" action="/sandbox/{{.Order.ID}}">
<input type="hidden" name="key" value="{{.Order.Secret}}">
{{range .Buttons}}<button name="action" value="{{.}}">{{.}}</button>
{{end}}</form>
{{if .Receipt}}<p>Bought. The receipt, to be brought by the game:</p><pre>{{.Receipt}}</pre>{{end}}
</body>
</html>
`))

// show is the page of an order.
func (p *sandboxPage) show(c *fiber.Ctx) error {
	o, err := p.order(c, c.Query("key"))
	if err != nil {
		return err
	}
	return render(c, o, "")
}

// press does what the provider or the store does when a button is pressed, and shows the page again.
func (p *sandboxPage) press(c *fiber.Ctx) error {
	o, err := p.order(c, c.FormValue("key"))
	if err != nil {
		return err
	}
	action := c.FormValue("action")
	if o.Provider == pay.StoreName && action == "buy" {
		receipt, err := p.fakeStore().Sell(sale(o))
		if err != nil {
			return err
		}
		return render(c, o, receipt)
	}
	if err := p.callBack(c, o, action); err != nil {
		return err
	}
	return c.Redirect(pay.SandboxPage(o), fiber.StatusSeeOther)
}

// callBack signs a button's callback, and takes it in as if it had come by HTTP.
func (p *sandboxPage) callBack(c *fiber.Ctx, o order.Order, action string) error {
	var (
		caller          pay.Caller
		name, signature string
		body            []byte
		err             error
	)
	switch {
	case o.Provider == pay.SandboxName:
		caller, name = p.sandbox, pay.SandboxHeader
		signature, body, err = p.sandbox.Press(o, action, p.service.Now())
	case action == "refund":
		store := p.fakeStore()
		caller, name = pay.Receipts{Store: store}, pay.FakeStoreHeader
		signature, body, err = store.Refund(sale(o), p.service.Now())
	default:
		err = fault.Errorf(fault.Invalid, "there is no button %q", action)
	}
	if err != nil {
		return err
	}
	header := func(asked string) string { return map[string]string{name: signature}[asked] }
	return p.service.receive(c.UserContext(), caller, header, body)
}

// order is the path's order, for whoever knows its secret. To others there is none.
func (p *sandboxPage) order(c *fiber.Ctx, key string) (order.Order, error) {
	id, ok := orderID(c.Params("id"))
	if !ok {
		return order.Order{}, order.ErrNotFound
	}
	o, err := p.service.Orders.Find(c.UserContext(), id)
	if err == nil && (buttons(o) == nil || subtle.ConstantTimeCompare([]byte(o.Secret), []byte(key)) != 1) {
		err = order.ErrNotFound
	}
	return o, err
}

// fakeStore is the store behind the provider of receipts; the sandbox's page is served only beside a fake one.
func (p *sandboxPage) fakeStore() pay.FakeStore {
	receipts, _ := p.service.providers[pay.StoreName].(pay.Receipts)
	store, _ := receipts.Store.(pay.FakeStore)
	return store
}

// buttons is what an order's page has; nil for an order that has none.
func buttons(o order.Order) []string {
	switch o.Provider {
	case pay.SandboxName:
		return []string{"pay", "fail", "refund", "refund_half", "dispute", "clear"}
	case pay.StoreName:
		return []string{"buy", "refund"}
	}
	return nil
}

// sale is what the fake store sells for an order.
func sale(o order.Order) pay.Transaction {
	return pay.Transaction{ID: "fake_" + o.ID.String(), Product: o.Product, Order: pay.Token(o)}
}

func render(c *fiber.Ctx, o order.Order, receipt string) error {
	var page bytes.Buffer
	err := sandboxTemplate.Execute(&page, struct {
		Order   order.Order
		Buttons []string
		Receipt string
	}{o, buttons(o), receipt})
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentSecurityPolicy, pagePolicy)
	c.Type("html", "utf-8")
	return c.Send(page.Bytes())
}

// thanks is where providers may send a player's browser afterwards. It knows nothing of the payment.
func thanks(c *fiber.Ctx) error {
	return c.SendString("Thank you. You can go back to the game.\n")
}
