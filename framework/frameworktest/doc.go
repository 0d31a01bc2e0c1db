// Package frameworktest runs a cluster in one test: any number of nodes in one process, each with its own connections to stores of the
// test's own, with real gossip and real links between them. It is for tests only.
//
//	func TestMain(m *testing.M) { frameworktest.Main(m) } // fails when something is left running
//
//	func TestGreeting(t *testing.T) {
//		c := frameworktest.New(t, frameworktest.Config{Migrations: migrations.FS("cluster")})
//		c.Start(node.Config{Type: "greeter"}, &greeter{name: "first"})
//		second := c.Start(node.Config{Type: "greeter"}, &greeter{name: "second"})
//		guest := c.Start(node.Config{Type: "guest", Needs: []string{"greeter"}}, &guest{})
//		c.Converge()  // everybody sees everybody
//		second.Kill() // as a crash: nobody is told
//		reply, err := Greet.Call(t.Context(), guest.RPC(), wrapperspb.String("hello"), rpc.Any)
//		...
//	}
//
// The whole of it stands in example_test.go. A [Node] ends by [Node.Stop] as at the end of a deployment, or by [Node.Kill] as when its process
// is killed, and lives again by [Node.Restart]. What the nodes log goes to the test's log, warnings and above. Nothing here sleeps: whatever has to
// come to pass is waited for, for a minute at most, and then the test fails and says for what.
//
// A link that is cut, held, slow or loses what one side says is a proxy of package link/linktest between a caller and the address that it knows of a node.
//
// Membership without gossip is cluster.Static, and stores without nodes are package storetest; either is enough for most tests.
//
// # Time
//
// What takes hours is tested in milliseconds within a bubble of testing/synctest, in which time goes on by itself as soon as everybody waits. Actors with their timers and
// pools work in one as they are, and peers that call each other do on a [Mesh]:
//
//	synctest.Test(t, func(t *testing.T) {
//		mesh := frameworktest.NewMesh(t)
//		world, inn := mesh.Add("world"), mesh.Add("inn")
//		heroes := actor.NewPool(world.Actors(), load, actor.PoolConfig{IdleAfter: 10 * time.Minute})
//		rpc.Handle(world, heroes, Sleep, (*hero).sleep) // who wakes up by a timer, eight hours later
//		...
//		reply, err := Sleep.Call(ctx, inn.RPC(), wrapperspb.Int64(7)) // which returns at once, in the morning
//		time.Sleep(11 * time.Minute)
//		synctest.Wait() // the hero has been saved, and put away
//	})
//
// The whole of it stands in mesh_test.go. A bubble's time stands still while anybody waits for a socket. So a [Cluster] has no place in one: gossip, links, Redis (the embedded
// one too) and the gate's transports are sockets, and leases are counted by Redis's clock. What of a service is to be tested in time has to be reached without
// its node, as an actor's handlers and hooks are; leases and the like have times in their configurations, which a test makes short.
package frameworktest
