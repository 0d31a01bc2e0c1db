package httpserver_test

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
	"loumiao/web/httpserver"
)

func Example() {
	s := httpserver.New(httpserver.Config{Name: "mail"}, nil)
	s.App().Get("/v1/mail/:id", func(*fiber.Ctx) error {
		return fault.New(fault.NotFound, "no such mail")
	})
	ctx := context.Background()
	if err := s.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer s.Stop(ctx)

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + s.Addr() + "/v1/mail/5")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(resp.StatusCode, string(body))
	// Output: 404 {"error":{"code":"not_found","message":"no such mail"}}
}
