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
// Membership without gossip is cluster.Static, and stores without nodes are package storetest; either is enough for most tests.
package frameworktest
