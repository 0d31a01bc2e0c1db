package app

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"loumiao/framework/wire"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/robot"
)

func (p *program) robot() *cobra.Command {
	var (
		cfg        = robot.Config{Robots: 100, For: time.Minute, Ramp: 10 * time.Second, Seed: 1}
		thresholds []string
		output     string
		quiet      bool
	)
	cmd := &cobra.Command{
		Use: "robot", Short: "Let robots play on a running backend, and report", Args: noArgs,
		Long: `robot plays on the backend behind a login web as players do: robots log in, queue, enter the world, find matches and fight them, each
with a behaviour of its own. A match that has begun is played to its end. The exit code is 1 if nobody finished a match, an invariant was broken or a threshold not met.

A threshold is [OPERATION.]FIGURE=VALUE with the figures p50, p90, p99, max and errors: p99=200ms for all requests together,
login.guest.p50=80ms, errors=0.`,
		Example: `  game robot --robots 200 --for 60s --ramp 10s --seed 1
  game robot --login https://login.example.com --robots 2000 --for 10m --fail-over p99=200ms --fail-over errors=0 --report report.json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cfg.Login == "" {
				game, err := p.config()
				if err != nil {
					return err
				}
				cfg.Login = "http://" + game.Login.Listen
				if cfg.Charge == "" && game.Pod.Nodes[api.Charge] > 0 && game.Charge.Sandbox.Enabled {
					cfg.Charge = "http://" + game.Charge.Listen
				}
			}
			for _, text := range thresholds {
				t, err := robot.ParseThreshold(text)
				if err != nil {
					return usage(fmt.Errorf("--fail-over: %w", err))
				}
				cfg.Thresholds = append(cfg.Thresholds, t)
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
	flags.IntVar(&cfg.Robots, "robots", cfg.Robots, "how many robots play at once")
	flags.DurationVar(&cfg.For, "for", cfg.For, "how long they play")
	flags.DurationVar(&cfg.Ramp, "ramp", cfg.Ramp, "over how long they come")
	flags.DurationVar(&cfg.Grace, "grace", 2*time.Minute, "how long the last matches may take after that")
	flags.Int64Var(&cfg.Seed, "seed", cfg.Seed, "what everything random comes from; also names the robots' accounts")
	flags.Uint16Var(&cfg.Area, "area", 0, "area to play in; 0: the server's default")
	flags.StringVar(&cfg.Mode, "mode", "arena", "match mode to play, or several with commas between")
	flags.StringVar(&cfg.Transport, "transport", "mix", "tcp, ws, kcp or mix")
	flags.Float64Var(&cfg.JSON, "json", 0.1, "share of robots whose sessions are JSON, 0 to 1")
	flags.Float64Var(&cfg.Direct, "direct", 0.5, "share of battles that are played over a direct line to the zone, 0 to 1")
	flags.StringArrayVar(&thresholds, "fail-over", nil, "`threshold` over which the run fails, such as p99=200ms; may be given again")
	flags.StringVar(&output, "report", "", "`file` to write the report to, as JSON")
	flags.BoolVar(&quiet, "quiet", false, "no progress, only the report")
	return cmd
}

func writeReport(path string, report *robot.Report) error {
	data, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}
