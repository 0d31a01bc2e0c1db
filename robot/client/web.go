package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"loumiao/framework/fault"
)

// A web is one of the backend's HTTP nodes, for what all clients of such do.
type web struct {
	name string       // "charge web"
	http *http.Client // nil: http.DefaultClient
}

// under is the URL of a path of the web whose URL is base.
func under(base, path string) string { return strings.TrimRight(base, "/") + path }

// do sends a request. What the server refuses comes back as the *fault.Error that it was. A nil reply is not looked at.
func (w web) do(ctx context.Context, method, where, kind, token string, body []byte, reply any) error {
	req, err := http.NewRequestWithContext(ctx, method, where, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", kind)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	httpClient := w.http
	if httpClient == nil {
		httpClient = http.DefaultClient
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the "+w.name+" cannot be reached")
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	switch {
	case err != nil:
		return fault.Wrap(err, fault.Lost, "the "+w.name+"'s answer broke off")
	case resp.StatusCode/100 != 2:
		return w.refusal(where, resp.StatusCode, data)
	case reply == nil:
		return nil
	}
	if err := json.Unmarshal(data, reply); err != nil {
		return w.other(where)
	}
	return nil
}

// other is the error of an answer that is none of the web's.
func (w web) other(where string) error {
	return fmt.Errorf("%s answers something else than a %s does; is this its URL?", where, w.name)
}

// refusal is the error in an answer. A code that this client does not know is treated like internal.
func (w web) refusal(url string, status int, data []byte) error {
	var body struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(data, &body) == nil && body.Error.Code != "" {
		code, known := fault.ParseCode(body.Error.Code)
		if !known || code == fault.OK {
			code = fault.Internal
		}
		return fault.New(code, body.Error.Message)
	}
	return fmt.Errorf("%s answers with HTTP status %d; is this the URL of the %s?", url, status, w.name)
}
