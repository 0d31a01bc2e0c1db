package app

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"loumiao/framework/store"
	"loumiao/migrations"
)

func (p *program) migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use: "migrate", Short: "Bring the tables to what this build needs", Args: noArgs,
		Long: `migrate runs the migrations that the configured SQL has not seen yet. It is safe to run twice, and from two places at once.
"up" does it by itself; on servers, run it before starting nodes of a new build.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.config()
			if err != nil {
				return err
			}
			return p.migrate(cmd.Context(), cfg)
		},
	}
}

func (p *program) migrate(ctx context.Context, cfg Config) error {
	k, err := loadKeys(cfg)
	if err != nil {
		return err
	}
	stores, err := store.Open(ctx, cfg.stores(k.stack), newLogger(cfg.Log, p.stderr))
	if err != nil {
		return err
	}
	defer stores.Close()
	engine, _ := stores.Engines()
	for _, owner := range migrations.Owners() {
		pending, err := stores.Pending(ctx, owner, migrations.FS(owner))
		if err != nil {
			return err
		}
		if err := stores.Migrate(ctx, owner, migrations.FS(owner)); err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "%-8s  %d migrations run on %s\n", owner, len(pending), engine)
	}
	return nil
}
