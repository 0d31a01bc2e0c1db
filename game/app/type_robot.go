package app

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"loumiao/framework/node"
	"loumiao/game/api"
	"loumiao/game/command"
	"loumiao/game/robot"
	load "loumiao/robot"
)

// TypeRobot is node type 14.
type TypeRobot struct {
	Robot robot.Config `yaml:"robot"`
}

func (t *TypeRobot) defaults() { t.Robot = robot.Defaults() }

func (*TypeRobot) row() nodeType {
	return nodeType{
		number: 14, name: api.Robot, job: "robots that play when told to",
		make:    func(p *process, _ int) (node.Service, error) { return robot.New(p.robots()), nil },
		command: (*program).robots,
	}
}

// robots is the configuration of a robot node, on this stack where nothing else is said.
func (p *process) robots() robot.Config {
	cfg := p.cfg.Robot
	if cfg.Login != "" {
		return cfg // with the webs that stand there, if any: this stack's are of other players
	}
	var here load.Config
	for _, t := range rows() {
		if t.robots != nil {
			t.robots(p.cfg, &here)
		}
	}
	cfg.Login = here.Login
	if cfg.Charge == "" {
		cfg.Charge = here.Charge
	}
	if cfg.Keypoint == "" {
		cfg.Keypoint, cfg.KeypointKey = here.Keypoint, here.KeypointKey
	}
	return cfg
}

// robots is "robots": what an operator does with the robot nodes of a stack. Public does it.
func (p *program) robots() *cobra.Command {
	var (
		o    nodesOptions
		args command.RobotsArgs
		long = time.Minute
		ramp = 10 * time.Second
		full bool
	)
	ordering := func(name string, args any) func(cmd *cobra.Command, _ []string) error {
		return func(cmd *cobra.Command, _ []string) error {
			var all command.RobotRuns
			if err := p.obey(cmd.Context(), o, name, args, &all); err != nil {
				return err
			}
			if full {
				out := json.NewEncoder(p.stdout)
				out.SetIndent("", "  ")
				return out.Encode(all)
			}
			return printRobots(p.stdout, all, time.Now())
		}
	}
	cmd := &cobra.Command{
		Use: "robots", Short: "Have the robot nodes of a running stack play, stop them, show what they have seen",
		Long: `robots shows the newest run of each robot node of the stack that "game up" runs on this data directory, or of the one given with --join: who plays, and
when it is over what came of it; --json has the whole reports. Counts add up over nodes, latencies do not: each node's are its own. A run is kept by its
nodes until the next, and forgotten with them.`,
		Example: `  game robots run --robots 500 --for 10m --mix arena=5,field=1
  game robots run --robots 2000 --rate 50 --for 5m --fail-over p99=200ms --fail-over arrival.errors=10
  game robots
  game robots --json
  game robots stop`,
		Args: noArgs, RunE: ordering(command.Robots, struct{}{}),
	}
	cmd.PersistentFlags().StringVar(&o.join, "join", joinLocal, "gossip `addresses` of any nodes, separated by commas")
	cmd.PersistentFlags().BoolVar(&full, "json", false, "print JSON, with the whole reports")
	run := &cobra.Command{
		Use: "run", Short: "Have robots play, spread over all robot nodes that are ready; refused while some play", Args: noArgs,
		RunE: func(cmd *cobra.Command, none []string) error {
			if !cmd.Flags().Changed("ramp") {
				ramp = min(ramp, long/2)
			}
			args.For, args.Ramp = long.Milliseconds(), ramp.Milliseconds()
			return ordering(command.RunRobots, args)(cmd, none)
		},
	}
	flags := run.Flags()
	flags.IntVar(&args.Robots, "robots", 100, "how many robots play at once, over all nodes; each has a limit (robot.most)")
	flags.DurationVar(&long, "for", long, "how long they play; there is a limit (robot.longest)")
	flags.DurationVar(&ramp, "ramp", ramp, "over how long they come")
	flags.Int64Var(&args.Seed, "seed", 1, "what everything random comes from; also names the robots' accounts")
	flags.Uint16Var(&args.Area, "area", 0, "area to play in; 0: the server's default")
	flags.StringVar(&args.Mix, "mix", "", "`scenarios` to play, as arena=5,field=1; default: all of them, by their own weights")
	flags.Float64Var(&args.Rate, "rate", 0, "how many robots arrive a second over all nodes, play one scenario and leave; 0: all of --robots come once and stay")
	flags.StringVar(&args.Profile, "profile", load.ProfileSoak, "when they play: soak, ramp, step or spike; see \"game robot --help\"")
	flags.StringArrayVar(&args.Thresholds, "fail-over", nil, "`threshold` over which a node's report fails, such as p99=200ms; may be given again")
	stop := &cobra.Command{
		Use: "stop", Short: "Have the robots stop where they are; they report what they have seen", Args: noArgs, RunE: ordering(command.StopRobots, struct{}{}),
	}
	for _, c := range []*cobra.Command{run, stop} {
		c.Flags().StringVar(&o.reason, "reason", "from the command line", "`why`, for the record")
		c.Flags().StringVar(&o.author, "author", userName(), "`who` is named in the record")
	}
	cmd.AddCommand(run, stop)
	return cmd
}

// printRobots prints a line for each node, what all of them counted together, and why a run is not good.
func printRobots(out io.Writer, all command.RobotRuns, now time.Time) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "NODE\tSTATE\tROBOTS\tBEGAN\tREQUESTS\tERRORS\tBROKEN\tP99\tRUN\n")
	var newest command.RobotRun // whose counts are added up: a node that had no share in it still has an earlier one
	for _, n := range all.Nodes {
		if n.Began > newest.Began {
			newest = n
		}
	}
	var nodes, robots int
	var requests, errors, broken int64
	var failures []string
	row := func(node any, state string, robots int, began, requests, errors, broken, p99, run string) {
		fmt.Fprintf(table, "%v\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", node, state, robots, began, requests, errors, broken, p99, run)
	}
	for _, n := range all.Nodes {
		began := "-"
		if n.Began != 0 {
			began = now.Sub(time.UnixMilli(n.Began)).Round(time.Second).String() + " ago"
		}
		state := "over"
		switch {
		case n.Error != "":
			state = "silent"
			failures = append(failures, fmt.Sprintf("node %d does not answer: %s", n.Node, n.Error))
		case n.Run == "":
			state = "idle"
		case n.Plays:
			state = "plays"
		case len(n.Report) == 0:
			state = "failed"
			failures = append(failures, fmt.Sprintf("node %d could not play; its log says why", n.Node))
		}
		if len(n.Report) == 0 {
			row(n.Node, state, n.Robots, began, "-", "-", "-", "-", dash(n.Run))
			continue
		}
		var r load.Report
		if err := json.Unmarshal(n.Report, &r); err != nil {
			return fmt.Errorf("report of node %d: %w", n.Node, err)
		}
		var own int64
		for _, i := range r.Invariants {
			own += i.Broken
		}
		for _, f := range r.Failures {
			failures = append(failures, fmt.Sprintf("node %d: %s", n.Node, f))
		}
		row(n.Node, state, n.Robots, began, fmt.Sprint(r.Requests.Count), fmt.Sprint(r.Requests.Errors), fmt.Sprint(own), fmt.Sprintf("%.1f ms", r.Requests.P99), n.Run)
		if n.Run == newest.Run {
			nodes, robots, requests, errors, broken = nodes+1, robots+n.Robots, requests+r.Requests.Count, errors+r.Requests.Errors, broken+own
		}
	}
	if nodes > 1 {
		row("all", "over", robots, "", fmt.Sprint(requests), fmt.Sprint(errors), fmt.Sprint(broken), "-", newest.Run)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, f := range failures {
		if _, err := fmt.Fprintln(out, f); err != nil {
			return err
		}
	}
	return nil
}
