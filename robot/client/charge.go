package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// A Charge talks to the charge web. It is safe for concurrent use.
type Charge struct {
	Base string       // URL of the charge web, as "https://pay.example.com"
	HTTP *http.Client // nil: http.DefaultClient
}

// A Product is something that the charge web sells.
type Product struct {
	ID     string           `json:"id"`
	Wallet map[string]int64 `json:"wallet"`
	Items  map[string]int64 `json:"items"`
}

// An Order is how far a purchase has come.
type Order struct {
	ID     int64            `json:"id,string"`
	State  string           `json:"state"`
	Wallet map[string]int64 `json:"wallet"`
	Items  map[string]int64 `json:"items"`
	PayURL string           `json:"pay_url"` // "" when it cannot be paid on a page, or no longer
}

// Products is what is sold, and by which providers it can be paid.
func (c Charge) Products(ctx context.Context) (products []Product, providers []string, err error) {
	var reply struct {
		Products  []Product `json:"products"`
		Providers []string  `json:"providers"`
	}
	err = c.call(ctx, http.MethodGet, "/v1/products", "", nil, &reply)
	return reply.Products, reply.Providers, err
}

// Buy makes an order of the bearer's.
func (c Charge) Buy(ctx context.Context, token, product, provider string) (Order, error) {
	body, err := json.Marshal(map[string]string{"product": product, "provider": provider})
	if err != nil {
		return Order{}, err
	}
	var o Order
	err = c.call(ctx, http.MethodPost, "/v1/orders", token, body, &o)
	return o, err
}

// Order is an order of the bearer's.
func (c Charge) Order(ctx context.Context, token string, id int64) (Order, error) {
	var o Order
	err := c.call(ctx, http.MethodGet, fmt.Sprintf("/v1/orders/%d", id), token, nil, &o)
	return o, err
}

// Press presses a button of an order's page in the sandbox.
func (c Charge) Press(ctx context.Context, o Order, action string) error {
	page, err := url.Parse(o.PayURL)
	if err != nil {
		return err
	}
	form := url.Values{"key": {page.Query().Get("key")}, "action": {action}}
	page.RawQuery = ""
	return c.web().do(ctx, http.MethodPost, page.String(), "application/x-www-form-urlencoded", "", []byte(form.Encode()), nil)
}

func (c Charge) call(ctx context.Context, method, path, token string, body []byte, reply any) error {
	return c.web().do(ctx, method, under(c.Base, path), "application/json", token, body, reply)
}

func (c Charge) web() web { return web{name: "charge web", http: c.HTTP} }
