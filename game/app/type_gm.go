package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/node"
	"loumiao/framework/store"
	"loumiao/game/api"
	"loumiao/game/command"
	"loumiao/game/store/operator"
	"loumiao/migrations"
	"loumiao/web/gm"
)

// TypeGM is node type 8.
type TypeGM struct {
	GM gm.Config `yaml:"gm"`
}

func (t *TypeGM) defaults() { t.GM = gm.Defaults() }

func (*TypeGM) row() nodeType {
	return nodeType{
		number: 8, name: api.GM, job: "operators' console", observer: true, stores: gm.Owners(),
		make: func(p *process, index int) (node.Service, error) { return p.newGM(index) }, command: (*program).operator,
	}
}

// newGM seals operators' secrets with the key that is configured, or else with one that the stack has made up.
func (p *process) newGM(index int) (node.Service, error) {
	key, err := p.cfg.gmKey()
	if err != nil {
		return nil, err
	}
	return gm.NewNode(p.cfg.GM, key, index), nil
}

func (c Config) gmKey() ([]byte, error) {
	if c.Production && c.GM.Key == "" {
		return nil, errors.New("gm.key: must be given in production")
	}
	return c.made().key("gm", c.GM.Key.Reveal())
}

// theMachine stands in the audit for whoever has the configuration and the tables. No operator can be called so.
const theMachine = "(machine)"

// operator is "operator": what cannot be done in the console, since nobody can log in to it.
func (p *program) operator() *cobra.Command {
	var reason, data string
	cmd := &cobra.Command{
		Use: "operator", Short: "Let an operator into the console again", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	reset := &cobra.Command{
		Use: "reset NAME --reason TEXT", Short: "Print a link with which an operator sets his password and codes anew",
		Long: `reset is for the only admin, who has lost his phone or his password: another admin does the same in the console.

It works on the tables that the configuration names, whether or not the stack runs. The operator is out at once, and so are his scripts, until
he has opened the link, which is good once and for an hour. It stands in the audit.`,
		Args: func(_ *cobra.Command, given []string) error {
			if len(given) != 1 {
				return usage(errors.New("which operator? Give one name"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, given []string) error {
			reason = strings.TrimSpace(reason)
			if reason == "" || utf8.RuneCountInString(reason) > command.MaxReason || !utf8.ValidString(reason) {
				return usage(fmt.Errorf("--reason: must be 1 to %d characters, for the audit", command.MaxReason))
			}
			cfg, err := p.config()
			if err != nil {
				return err
			}
			if data != "" {
				cfg.DataDir = data
			}
			return p.resetOperator(cmd.Context(), cfg, given[0], reason)
		},
	}
	reset.Flags().StringVar(&reason, "reason", "", "`why`, for the audit; must be given")
	reset.Flags().StringVar(&data, "data", "", "data `directory`; default: data_dir of the configuration")
	cmd.AddCommand(reset)
	return cmd
}

// resetOperator writes it down before it is done, as the console does. It numbers the entry as node 0, which is no node's.
func (p *program) resetOperator(ctx context.Context, cfg Config, name, reason string) (err error) {
	key, err := cfg.gmKey()
	if err != nil {
		return err
	}
	k, err := loadKeys(cfg)
	if err != nil {
		return err
	}
	stores, err := store.Open(ctx, cfg.stores(k.stack), newLogger(cfg.Log, p.stderr))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stores.Close()) }()
	if err := stores.RequireMigrated(ctx, "operator", migrations.FS("operator")); err != nil {
		return err
	}
	db, err := stores.SQL("operator")
	if err != nil {
		return err
	}
	operators, err := operator.New(db, id.NewGenerator(0, nil), key, nil, nil)
	if err != nil {
		return err
	}
	before, err := operators.Find(ctx, name)
	if err != nil {
		return fmt.Errorf("operator %q: %w", name, err)
	}
	number, err := operators.Begin(ctx, operator.Entry{
		Operator: theMachine, Address: short(userName(), 64), Act: "reset", Target: "name " + name, Reason: reason, Before: asJSON(before),
	})
	if err != nil {
		return err
	}
	token, err := operators.Reset(ctx, name)
	result := operator.Result{Outcome: operator.Done}
	if err != nil {
		result.Outcome = operator.Unknown
		_, result.Error = fault.Outside(err)
	} else if after, err := operators.Find(ctx, name); err == nil {
		result.After = asJSON(after)
	}
	if err := errors.Join(err, operators.End(context.WithoutCancel(ctx), number, result)); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%s\n\nOpen it within %s; it is good once. %s cannot log in before.\n", cfg.GM.JoinLink(token), operator.InvitationTTL, name)
	return nil
}

func asJSON(value any) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		return nil // cannot be: it holds texts, times and truth values
	}
	return text
}

// short is at most n characters of a text.
func short(text string, n int) string {
	if utf8.RuneCountInString(text) > n {
		return string([]rune(text)[:n])
	}
	return text
}
