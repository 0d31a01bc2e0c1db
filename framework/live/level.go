package live

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
)

// LogLevel is how much nodes log, where that is not as their files say.
var LogLevel = Parsed("log.level", "levels", "", parseLevels,
	"how much is logged: a level for all, or TYPE=LEVEL or ID=LEVEL for some, or several of these: \"warn world=debug 12=info\"; empty: as the files say")

// Levels is how much nodes log. The zero Levels says nothing.
type Levels map[string]slog.Level // by type or number of node; "": all others

// Of is the level of a node: that of its number before that of its type before that of all. Not ok when nothing is said.
func (l Levels) Of(typ, id string) (level slog.Level, ok bool) {
	for _, who := range []string{id, typ, ""} {
		if level, ok = l[who]; ok {
			return level, true
		}
	}
	return level, false
}

var levels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}

// maxLevels bounds how many nodes and types have levels of their own.
const maxLevels = 64

func parseLevels(text string) (Levels, error) {
	l := Levels{}
	words := strings.Fields(text)
	if len(words) > maxLevels {
		return nil, fmt.Errorf("has %d levels; must be at most %d", len(words), maxLevels)
	}
	for _, word := range words {
		who, name, ok := strings.Cut(word, "=")
		if !ok {
			who, name = "", word
		}
		level, known := levels[name]
		if !known || ok && !isWho(who) {
			return nil, fmt.Errorf("has %s; must be debug, info, warn or error, or one of these after a type or number of node and '='", quoted(word))
		}
		if _, twice := l[who]; twice {
			return nil, fmt.Errorf("has two levels for %s", quoted(who))
		}
		l[who] = level
	}
	return l, nil
}

// isWho reports whether a text can be a type or number of node.
func isWho(text string) bool {
	if _, err := strconv.ParseUint(text, 10, 16); err == nil {
		return true
	}
	return len(text) <= 32 && keyName.MatchString(text)
}
