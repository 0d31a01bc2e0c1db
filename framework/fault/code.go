package fault

import (
	"net/http"
	"strconv"
)

// A Code says what kind of failure an error is. Numbers are stable: they travel in frames and are stored by clients.
// 1 to 999 belong to the framework; a fork numbers its own from [FirstFork] on.
type Code uint16

const (
	// OK is the code of a nil error.
	OK Code = 0
	// Internal is any error that was not made for the outside. Its details are in the log of the node that had it.
	Internal Code = 1
	// Invalid: the request itself is wrong and will be wrong again.
	Invalid Code = 2
	// Unauthenticated: who is asking is not known: no, a forged or an expired token, or a wrong password.
	Unauthenticated Code = 3
	// Forbidden: who is asking is known and may not do this.
	Forbidden Code = 4
	// NotFound: the thing asked for does not exist.
	NotFound Code = 5
	// AlreadyExists: the thing to be made is there already.
	AlreadyExists Code = 6
	// FailedPrecondition: right request, wrong moment: not enough gold, not in a match.
	FailedPrecondition Code = 7
	// Overloaded: the callee sheds load. The request had no effect; elsewhere or later it may succeed.
	Overloaded Code = 8
	// Unavailable: nobody serves this now. The request had no effect.
	Unavailable Code = 9
	// Deadline: no answer in time. The request may have had its effect.
	Deadline Code = 10
	// Cancelled: the caller gave up. The request may have had its effect.
	Cancelled Code = 11
	// NotOwner: the callee does not own the key any more; look the owner up again.
	NotOwner Code = 12
	// Fenced: the caller's epoch is old: somebody else owns what it wanted to change.
	Fenced Code = 13
	// TooLarge: a message is over its size limit.
	TooLarge Code = 14
	// RateLimited: too many requests; the message says how long to wait.
	RateLimited Code = 15
	// Unimplemented: no handler for this message or method.
	Unimplemented Code = 16
	// Version: the peer's protocol or build is too old or too new.
	Version Code = 17
	// StartOver: what the client wants to resume is gone; it begins a new session.
	StartOver Code = 18
	// Lost: the connection broke after the request was sent. It may have had its effect.
	Lost Code = 19
	// Replaced: another session of the same player took this one's place.
	Replaced Code = 20
	// ShuttingDown: the node is going away in an orderly manner; connect again.
	ShuttingDown Code = 21
	// Slow: the client does not read what it is sent.
	Slow Code = 22

	// FirstFork is the first number that the framework will never use.
	FirstFork Code = 1000
)

// one row a code: its name on the wire, in logs and in JSON, and its HTTP status.
var codes = [...]struct {
	name   string
	status int
}{
	OK:                 {"ok", http.StatusOK},
	Internal:           {"internal", http.StatusInternalServerError},
	Invalid:            {"invalid", http.StatusBadRequest},
	Unauthenticated:    {"unauthenticated", http.StatusUnauthorized},
	Forbidden:          {"forbidden", http.StatusForbidden},
	NotFound:           {"not_found", http.StatusNotFound},
	AlreadyExists:      {"already_exists", http.StatusConflict},
	FailedPrecondition: {"failed_precondition", http.StatusConflict},
	Overloaded:         {"overloaded", http.StatusServiceUnavailable},
	Unavailable:        {"unavailable", http.StatusServiceUnavailable},
	Deadline:           {"deadline", http.StatusGatewayTimeout},
	Cancelled:          {"cancelled", 499},
	NotOwner:           {"not_owner", http.StatusConflict},
	Fenced:             {"fenced", http.StatusConflict},
	TooLarge:           {"too_large", http.StatusRequestEntityTooLarge},
	RateLimited:        {"rate_limited", http.StatusTooManyRequests},
	Unimplemented:      {"unimplemented", http.StatusNotImplemented},
	Version:            {"version", http.StatusUpgradeRequired},
	StartOver:          {"start_over", http.StatusGone},
	Lost:               {"lost", http.StatusBadGateway},
	Replaced:           {"replaced", http.StatusConflict},
	ShuttingDown:       {"shutting_down", http.StatusServiceUnavailable},
	Slow:               {"slow", http.StatusRequestTimeout},
}

// String is the code's name, or "code_N" for a number that this build does not know.
func (c Code) String() string {
	if int(c) < len(codes) {
		return codes[c].name
	}
	return "code_" + strconv.Itoa(int(c))
}

// HTTPStatus is the HTTP status for the code; 500 for a number that this build does not know.
func (c Code) HTTPStatus() int {
	if int(c) < len(codes) {
		return codes[c].status
	}
	return http.StatusInternalServerError
}

// ParseCode reads what [Code.String] has written of a code that this build knows.
func ParseCode(name string) (Code, bool) {
	for c, row := range codes {
		if row.name == name {
			return Code(c), true
		}
	}
	return 0, false
}
