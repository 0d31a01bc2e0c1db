package line

// A stream is one session's numbering at one backend: what the client must not miss, and what this end must not do twice. It is what a
// resume needs, and nothing else is. Both directions count from 1; a number is used once.
//
//	sent      the last number given to a frame to the client
//	acked     the last number that the client has said it has
//	received  the last number of the client's that was taken in
//
// A stream is not safe for concurrent use: its session guards received with one lock and the rest with another.
type stream struct {
	sent     uint32
	acked    uint32
	received uint32
	replay   replay
}

// accept reports whether the client's frame is new, and remembers it. Number 0 marks a frame that is not counted, and always is.
func (s *stream) accept(sequence uint32) bool {
	if sequence == 0 {
		return true
	}
	if sequence <= s.received {
		return false
	}
	s.received = sequence
	return true
}

// keep notes that the next number was sent with the frame, its head and its body.
func (s *stream) keep(head, body []byte, limits replayLimits) {
	s.sent++
	s.replay.push(head, body, limits)
}

// ack lets go of every frame up to and including sequence. A number that was never sent is no acknowledgement of anything.
func (s *stream) ack(sequence uint32) {
	if sequence <= s.acked || sequence > s.sent {
		return
	}
	s.acked = sequence
	for s.replay.frames > 0 && s.first() <= sequence {
		s.replay.pop()
	}
}

// first is the number of the oldest frame in the buffer.
func (s *stream) first() uint32 { return s.sent - uint32(s.replay.frames) + 1 }

// covers reports whether everything after the number received is still there.
func (s *stream) covers(received uint32) bool { return received <= s.sent && received+1 >= s.first() }

// since gives every frame after the number received, in order, to fn. It reports false when one of them is no longer there: then the
// client starts over. It also does when the client claims to have more than was sent, which no honest one does.
func (s *stream) since(received uint32, fn func(head, body []byte)) bool {
	if !s.covers(received) {
		return false
	}
	number := s.first()
	s.replay.each(func(head, body []byte) {
		if number > received {
			fn(head, body)
		}
		number++
	})
	return true
}
