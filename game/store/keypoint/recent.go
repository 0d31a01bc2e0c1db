package keypoint

import "sync"

// recentRows is how many rows one generation remembers, of some 150 bytes each.
const recentRows = 1 << 16

// recent is activity that is stored: most events are of players who were active that day before, and need not be inserted for it again. It remembers the last
// generation and the one before, and forgets the rest. It is safe for concurrent use.
type recent struct {
	most       int // of a generation
	mu         sync.Mutex
	young, old map[activityRow]struct{}
}

func newRecent(most int) *recent { return &recent{most: most, young: map[activityRow]struct{}{}} }

// without is the activity of events that it does not know, each once.
func (r *recent) without(rows []eventRow) []activityRow {
	var days []activityRow
	seen := map[activityRow]struct{}{}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range rows {
		day := activityRow{e.App, e.Day, e.Player}
		if r.knows(day) {
			continue
		}
		if _, twice := seen[day]; !twice {
			seen[day] = struct{}{}
			days = append(days, day)
		}
	}
	return days
}

// knows also takes what is asked for into the young generation, so that it is not forgotten while it is.
func (r *recent) knows(day activityRow) bool {
	if _, ok := r.young[day]; ok {
		return true
	}
	_, ok := r.old[day]
	if ok {
		r.put(day)
	}
	return ok
}

// add has it know rows that are committed.
func (r *recent) add(days []activityRow) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, day := range days {
		r.put(day)
	}
}

func (r *recent) put(day activityRow) {
	if len(r.young) >= r.most {
		r.young, r.old = make(map[activityRow]struct{}, r.most), r.young
	}
	r.young[day] = struct{}{}
}
