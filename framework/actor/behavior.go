package actor

// A Behavior is the set of typed handlers of one kind of actor; S is its state. It is frozen on its first use:
// registering later panics.
type Behavior[S any] struct{}

// NewBehavior makes a Behavior without handlers.
func NewBehavior[S any]() *Behavior[S] { return &Behavior[S]{} }

// Handle registers fn for messages of type M that are answered with an R.
func Handle[S, M, R any](b *Behavior[S], fn func(*S, *Context, M) (R, error)) { panic("not built yet") }

// HandleTell registers fn for messages of type M that have no reply.
func HandleTell[S, M any](b *Behavior[S], fn func(*S, *Context, M) error) { panic("not built yet") }

// OnStop registers fn to run on the actor's turn after its queued work is finished; not after a panic.
func (b *Behavior[S]) OnStop(fn func(*S, *Context)) { panic("not built yet") }

// OnIdle registers fn to be asked before an idle actor of a pool is removed; false keeps it for another IdleAfter.
func (b *Behavior[S]) OnIdle(fn func(*S, *Context) bool) { panic("not built yet") }
