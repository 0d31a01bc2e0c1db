package channel

import (
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	if list, err := (Config{}).Open(); len(list) != 0 || err != nil {
		t.Errorf("without a configuration: %v, %v", list, err)
	}
	err := Config{ArcadeConfig{URL: "ftp://x", Keys: []string{"beef"}}}.Validate()
	for _, what := range []string{"arcade.url", "arcade.app", "arcade.keys[0]"} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("nothing about %s in %v", what, err)
		}
	}
	if err := (Config{ArcadeConfig{URL: "http://x", App: "a"}}).Validate(); err == nil || !strings.Contains(err.Error(), "arcade.keys") {
		t.Errorf("without keys: %v", err)
	}

	a, fake := setup(t)
	list, err := Config{ArcadeConfig{App: a.App, URL: a.Base, Keys: []string{hex.EncodeToString(a.Keys[0])}}}.Open()
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	list[0].(*Arcade).HTTP = &http.Client{Transport: a.HTTP.Transport}
	if user, err := list[0].Verify(t.Context(), fake.Ticket(User{ID: "ann"}, time.Hour)); err != nil || user.ID != "ann" {
		t.Errorf("%+v, %v", user, err)
	}
}
