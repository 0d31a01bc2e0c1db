package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"loumiao/framework/fault"
	"loumiao/framework/frameworktest"
	"loumiao/game/pb"
)

// shop is quick with something to sell.
var shop = strings.Replace(quick, "db: 1", "db: 2, charge: 2", 1) + "charge: {listen: 127.0.0.1:0, sandbox: {enabled: true}}\n"

// TestPaidOrder buys for a player who is online, pays twice over, has the money back, and looks at the same through the other charge node.
func TestPaidOrder(t *testing.T) {
	requires(t, "charge")
	t.Parallel()
	eachStack(t, func(t *testing.T, s *stack) {
		s.config = configFile(t, shop)
		s.up(t)
		webs := strings.Fields(s.printed(t, s.stdout, `(?s)charge .*?http://\S+ +(http://\S+) `) + " " + s.printed(t, s.stdout, `(?s)charge .*charge .*?http://\S+ +(http://\S+) `))
		if len(webs) != 2 || webs[0] == webs[1] {
			t.Fatalf("charge webs: %v", webs)
		}
		ticket, err := s.ticket(t.Context(), "buyer")
		if err != nil {
			t.Fatal(err)
		}
		buy := func(web string) (status int, o bought) {
			return o.send(t, "POST", web+"/v1/orders", ticket.Token, "application/json", `{"product":"gold_pouch"}`)
		}
		if status, _ := buy(webs[0]); status != http.StatusConflict {
			t.Errorf("a player who has never been in the game buys: %d", status)
		}
		p := s.connectTo(t, ticket, ticket.Gates[0].OverTCP(), s.options)
		before := p.enter().GetProfile().GetWallet()["gold"]
		status, o := buy(webs[0])
		page, err := url.Parse(o.PayURL)
		if status != http.StatusCreated || err != nil || o.State != "pending" {
			t.Fatalf("order: %d, %+v, %v", status, o, err)
		}
		press := func(action string) {
			t.Helper()
			form := url.Values{"key": {page.Query().Get("key")}, "action": {action}}.Encode()
			for _, web := range webs { // both nodes are told
				if status, _ := o.send(t, "POST", web+page.Path, "", "application/x-www-form-urlencoded", form); status != http.StatusOK {
					t.Fatalf("%s: %d", action, status)
				}
			}
		}
		becomes := func(state string) {
			t.Helper()
			frameworktest.Eventually(t, "the order is "+state, func() bool {
				_, now := o.send(t, "GET", fmt.Sprintf("%s/v1/orders/%s", webs[1], o.ID), ticket.Token, "", "")
				return now.State == state
			})
		}
		press("pay")
		becomes("delivered")
		gold := func(want int64) {
			t.Helper()
			if has := ask[*pb.GetProfileReply](p, &pb.GetProfile{}).GetProfile().GetWallet()["gold"]; has != want || p.ledger()["gold"] != want {
				t.Errorf("%d gold, and %d by the ledger; want %d", has, p.ledger()["gold"], want)
			}
		}
		gold(before + 100)
		press("refund")
		becomes("refunded")
		gold(before)
		s.stop(t)
	})
}

// TestABannedPlayerOrdersNothing bans a player who may buy: at once his token, which is still good, makes no order.
func TestABannedPlayerOrdersNothing(t *testing.T) {
	requires(t, "charge", "account")
	t.Parallel()
	s := &stack{dir: t.TempDir(), config: configFile(t, shop)}
	s.up(t)
	web := s.printed(t, s.stdout, `(?s)charge .*?http://\S+ +(http://\S+) `)
	ticket, err := s.ticket(t.Context(), "banned")
	if err != nil {
		t.Fatal(err)
	}
	p := s.connectTo(t, ticket, address(ticket.Gates[0], false), s.options)
	p.enter()
	buy := func() int {
		status, _ := bought{}.send(t, "POST", web+"/v1/orders", ticket.Token, "application/json", `{"product":"gold_pouch"}`)
		return status
	}
	if status := buy(); status != http.StatusCreated {
		t.Fatalf("an order: %d", status)
	}
	s.ban(t, ticket)
	if err := p.sentAway(); fault.CodeOf(err) != fault.Forbidden { // gates refuse him from before that on
		t.Errorf("he is told %v", err)
	}
	if status := buy(); status != http.StatusForbidden {
		t.Errorf("an order of one who is banned: %d", status)
	}
}

// bought is an order as the charge web shows it.
type bought struct {
	ID     string `json:"id"`
	State  string `json:"state"`
	PayURL string `json:"pay_url"`
}

// send sends a request and reads the order in its answer, if there is one.
func (o bought) send(t *testing.T, method, url, token, kind, body string) (int, bought) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport, Timeout: patience}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(data, &o) // a page is none, and leaves it as it is
	return resp.StatusCode, o
}
