package app

import (
	"fmt"

	"github.com/spf13/cobra"

	"loumiao/framework/config"
)

func (p *program) check() *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Check the configuration and print what is in effect", Args: noArgs,
		Long: `check reads the configuration as the other commands do (built in or --config, then environment variables such as GAME_SQL_DSN),
reports everything that is wrong with it at once, and prints all keys with their values and meanings; secrets are masked.`,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := p.config()
			if err != nil {
				return err
			}
			if err := config.Print(p.stdout, cfg); err != nil {
				return err
			}
			fmt.Fprintln(p.stderr, "the configuration is good")
			return nil
		},
	}
}
