package robot

// An invariant is something that must hold for every robot at every moment.
type invariant int

const (
	oneMatch invariant = iota
	oneEnd
	walletIsLedger
	rewardOnce
	historyTold
	orderKept
	inStep
	orderOnce
	doneOnce
	mailOnce
	oneTicket
	ledgerBalanced
	rankedAsPlayed
	oneSession
	keyPointsAnswered
	invariants
)

var invariantNames = [invariants]string{
	"a player is in one match at a time, one that he asked for, and a match has each player once",
	"a match's end is told once",
	"the wallet equals the sum of its ledger",
	"a match's reward is in the ledger exactly once, as told",
	"a match is in the player's history, as told",
	"messages come in order, none lost and none twice",
	"a robot that runs the simulation has the zone's checksums, and its result",
	"a paid order is delivered once, as it was sold",
	"what is asked for again is done once: a purchase, a day's sign-in",
	"what is in a mail is given once, as the mail says",
	"a ticket is in one match at most, and in none when it was called off",
	"the ledger balances: nobody has less than nothing of anything",
	"the ranking has the rating that the matches have given",
	"who logs in again ends the session before",
	"a batch of key points is answered event by event: each is accepted or rejected",
}

// hold counts one check of an invariant; err is how it is broken, nil if it is not.
func (t *tally) hold(i invariant, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.checks[i]++
	if err == nil {
		return
	}
	t.broken[i]++
	if len(t.violations[i]) < maxExamples {
		t.violations[i] = append(t.violations[i], legible(err.Error()))
	}
}
