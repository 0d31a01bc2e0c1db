package cluster_test

import (
	"fmt"

	"loumiao/framework/cluster"
)

// What reads membership takes a View, and is tested with a Static.
func ExampleStatic() {
	view := cluster.NewStatic(
		cluster.Member{Node: 2, Type: "world", State: cluster.Ready, Addr: "10.0.0.2:7100"},
		cluster.Member{Node: 1, Type: "gate", State: cluster.Ready, Addr: "10.0.0.1:7100"},
	)
	stop := view.Watch(func(old, new *cluster.Snapshot) {
		fmt.Printf("%d members, then %d\n", len(old.All()), len(new.All()))
	})
	defer stop()

	view.Set(cluster.Member{Node: 3, Type: "world", State: cluster.Joining, Addr: "10.0.0.3:7100"})
	for _, m := range view.Snapshot().ByType("world") {
		fmt.Println(m.Node, m.Addr, m.State)
	}
	// Output:
	// 2 members, then 3
	// 2 10.0.0.2:7100 ready
	// 3 10.0.0.3:7100 joining
}
