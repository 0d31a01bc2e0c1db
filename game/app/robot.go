package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"loumiao/framework/wire"
	"loumiao/game/pb"
	"loumiao/robot"
)

func (p *program) robot() *cobra.Command {
	var (
		cfg        = robot.Config{Robots: 100, For: time.Minute, Ramp: 10 * time.Second, Seed: 1}
		thresholds []string
		mix        string
		output     string
		page       string
		quiet      bool
	)
	cmd := &cobra.Command{
		Use: "robot", Short: "Let robots play on a running backend, and report", Args: noArgs,
		Long: `robot plays on the backend behind a login web as players do: robots log in, queue, enter the world, and play one scenario after another there, drawn by
weight, each robot with a temper of its own. A match that has begun is played to its end. The exit code is 1 if nobody finished a match or, where none was wanted, a scenario, an invariant was broken or a threshold not met.

Profiles are soak, in which all robots come over the time of --ramp and stay; ramp, in which they come evenly over the whole time; step, in which a
quarter of them comes at the start of each quarter of it; and spike, in which a tenth plays all the time and the others only from two fifths
of it to three.

With --rate, robots arrive at that rate instead, whatever the others do, and each plays one scenario and leaves; --robots is then how many are inside
at most. An arrival that finds no robot free, or was never made as this side was behind, is dropped, which is an error of the operation "arrival". A run in
which arrivals were dropped fails, unless --fail-over arrival.errors=N says how many may be. What the report marks with a star counts from when the robot was due.

The scenarios and their weights are
` + scenarioTable() + `
A threshold is [OPERATION.]FIGURE=VALUE with the figures p50, p90, p99, max and errors: p99=200ms for all requests together,
login.guest.p50=80ms, errors=0.`,
		Example: `  game robot --robots 200 --for 60s --ramp 10s --seed 1
  game robot --rate 20 --robots 2000 --for 5m
  game robot --login https://login.example.com --robots 2000 --for 10m --fail-over p99=200ms --fail-over errors=0 --report report.json --html report.html`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cfg.Login == "" {
				game, err := p.config()
				if err != nil {
					return err
				}
				for _, t := range nodeTypes {
					if t.robots != nil {
						t.robots(game, &cfg)
					}
				}
			}
			for _, text := range thresholds {
				t, err := robot.ParseThreshold(text)
				if err != nil {
					return usage(fmt.Errorf("--fail-over: %w", err))
				}
				cfg.Thresholds = append(cfg.Thresholds, t)
			}
			if mix != "" {
				m, err := robot.ParseMix(mix)
				if err != nil {
					return usage(fmt.Errorf("--mix: %w", err))
				}
				cfg.Mix = m
			}
			registry, err := wire.NewRegistry(pb.Files()...)
			if err != nil {
				return fmt.Errorf("client protocol: %w", err)
			}
			cfg.Registry = registry
			if !cmd.Flags().Changed("ramp") {
				cfg.Ramp = min(cfg.Ramp, cfg.For/2)
			}
			if err := cfg.Validate(); err != nil {
				return usage(err)
			}
			if !quiet {
				cfg.Progress = p.stdout
			}
			report, err := robot.Run(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			if output != "" {
				if err := writeReport(output, report); err != nil {
					return err
				}
			}
			if page != "" {
				if err := writePage(page, report); err != nil {
					return err
				}
			}
			if err := report.Print(p.stdout); err != nil {
				return err
			}
			if report.Failed() {
				return errReported
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&cfg.Login, "login", "", "`URL` of the login web; default: the one of the configuration")
	flags.StringVar(&cfg.Charge, "charge", "", "`URL` of the charge web, to buy in its sandbox; default: none, or with the login of the configuration the one of that")
	flags.StringVar(&cfg.Keypoint, "keypoint", "", "`URL` of the keypoint web, to tell of the robots' ways; default: none, or with the login of the configuration the one of that")
	flags.StringVar(&cfg.KeypointKey, "keypoint-key", "", "`key` that clients write with there")
	flags.IntVar(&cfg.Robots, "robots", cfg.Robots, "how many robots play at once; with --rate, at most")
	flags.Float64Var(&cfg.Rate, "rate", 0, "how many robots arrive a second; 0: all of --robots come once, as --profile says, and stay")
	flags.DurationVar(&cfg.For, "for", cfg.For, "how long they play")
	flags.DurationVar(&cfg.Ramp, "ramp", cfg.Ramp, "over how long they come in the profile soak")
	flags.StringVar(&cfg.Profile, "profile", robot.ProfileSoak, "when they play: soak, ramp, step or spike")
	flags.DurationVar(&cfg.Grace, "grace", 2*time.Minute, "how long the last matches may take after that")
	flags.Int64Var(&cfg.Seed, "seed", cfg.Seed, "what everything random comes from; also names the robots' accounts")
	flags.Uint16Var(&cfg.Area, "area", 0, "area to play in; 0: the server's default")
	flags.StringVar(&mix, "mix", "", "`scenarios` to play, as arena=5,field=1; default: all of them, by their own weights")
	flags.StringVar(&cfg.Transport, "transport", "mix", "tcp, ws, kcp or mix")
	flags.Float64Var(&cfg.JSON, "json", 0.1, "share of robots whose sessions are JSON, 0 to 1")
	flags.Float64Var(&cfg.Direct, "direct", 0.5, "share of battles that are played over a direct line to the zone, 0 to 1")
	flags.StringArrayVar(&thresholds, "fail-over", nil, "`threshold` over which the run fails, such as p99=200ms; may be given again")
	flags.StringVar(&output, "report", "", "`file` to write the report to, as JSON")
	flags.StringVar(&page, "html", "", "`file` to write the report to, as a page for browsers that needs nothing else")
	flags.BoolVar(&quiet, "quiet", false, "no progress, only the report")
	cmd.AddCommand(p.compare())
	return cmd
}

// scenarioTable is what robots can play, a line each.
func scenarioTable() string {
	var b strings.Builder
	for _, s := range robot.Scenarios() {
		fmt.Fprintf(&b, "  %-11s %2d  %s\n", s.Name, s.Weight, s.Doc)
	}
	return b.String()
}

func writeReport(path string, report *robot.Report) error {
	data, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

func writePage(path string, report *robot.Report) error {
	var page bytes.Buffer
	if err := report.HTML(&page); err != nil {
		return err
	}
	return os.WriteFile(path, page.Bytes(), 0o644)
}
