package app

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"loumiao/robot"
)

func (p *program) compare() *cobra.Command {
	var worse []string
	cmd := &cobra.Command{
		Use: "compare BEFORE.json AFTER.json", Short: "Compare two reports of robots",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage(fmt.Errorf("compare takes two files, the report from before and that from after; it was given %d", len(args)))
			}
			return nil
		},
		Long: `compare shows what has changed between two reports that "game robot --report" has written. The exit code is 1 if the later one is worse
than allowed, and 2 if they cannot be compared.

A bound is [OPERATION.]FIGURE=PERCENT with the figures p50, p90, p99, max and errors: p99=20% lets all requests together be a fifth slower,
login.p50=10% each way to log in a tenth, errors=1% lets one attempt in a hundred more fail. A latency that has grown by less than 1 ms
is never worse. What only one of the reports has measured does not keep its bound, and a broken invariant is always worse.`,
		Example: `  game robot compare before.json after.json --worse p99=20% --worse errors=0%`,
		RunE: func(_ *cobra.Command, args []string) error {
			var bounds []robot.Worse
			for _, text := range worse {
				w, err := robot.ParseWorse(text)
				if err != nil {
					return usage(fmt.Errorf("--worse: %w", err))
				}
				bounds = append(bounds, w)
			}
			before, err := readReport(args[0])
			if err != nil {
				return usage(err)
			}
			after, err := readReport(args[1])
			if err != nil {
				return usage(err)
			}
			c := robot.Compare(before, after, bounds)
			if err := c.Print(p.stdout); err != nil {
				return err
			}
			if c.Failed() {
				return errReported
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&worse, "worse", nil, "`bound` over which the later report is worse, such as p99=20%; may be given again")
	return cmd
}

func readReport(path string) (*robot.Report, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	report, err := robot.ReadReport(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return report, nil
}
