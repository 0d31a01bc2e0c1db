package api

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/live"
)

// Maintenance is whether newcomers are refused, in each area.
var Maintenance = live.Together(buildMaintenance, maintenanceOn, maintenanceNotice, maintenanceEnd, maintenanceTesters)

var (
	maintenanceOn     = live.Bool("maintenance.on", false, "nobody new is let in, and those inside are told", live.PerArea())
	maintenanceNotice = live.Text("maintenance.notice", "", 500, "what players are told about the maintenance", live.PerArea())
	maintenanceEnd    = live.Parsed("maintenance.end", "time", "", parseEnd,
		"when the maintenance is planned to end, as 2026-01-31T12:00:00Z; empty: not known. It does not end by itself", live.PerArea())
	maintenanceTesters = live.Parsed("maintenance.testers", "accounts", "", parseAccounts, "accounts that are let in all the same, separated by commas", live.PerArea())
)

// A MaintenanceState is the maintenance of an area. It never changes.
type MaintenanceState struct {
	On      bool
	Notice  string    // for people; may be empty
	End     time.Time // planned; zero: not known
	testers map[AccountID]bool
}

// Admits is nil, or why the account is not let in now.
func (m MaintenanceState) Admits(account AccountID) error {
	if !m.On || m.testers[account] {
		return nil
	}
	text := "the game is under maintenance"
	if m.Notice != "" {
		text += ": " + m.Notice
	}
	if !m.End.IsZero() {
		text += " (planned to end at " + m.End.UTC().Format(time.RFC3339) + ")"
	}
	return fault.New(fault.Unavailable, text)
}

func buildMaintenance(texts live.Texts) (m MaintenanceState, err error) {
	var errs [4]error
	m.On, errs[0] = maintenanceOn.Read(texts)
	m.Notice, errs[1] = maintenanceNotice.Read(texts)
	m.End, errs[2] = maintenanceEnd.Read(texts)
	m.testers, errs[3] = maintenanceTesters.Read(texts)
	return m, errors.Join(errs[:]...)
}

func parseEnd(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("is %.40q; must be a time such as 2026-01-31T12:00:00Z", text)
	}
	return t, nil
}

// maxTesters bounds a list of accounts.
const maxTesters = 1000

func parseAccounts(text string) (map[AccountID]bool, error) {
	accounts := map[AccountID]bool{}
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil || n <= 0 {
			return nil, fmt.Errorf("has %.40q; must be the numbers of accounts, separated by commas", word)
		}
		accounts[AccountID(n)] = true
	}
	if len(accounts) > maxTesters {
		return nil, fmt.Errorf("has %d accounts; must be at most %d", len(accounts), maxTesters)
	}
	return accounts, nil
}
