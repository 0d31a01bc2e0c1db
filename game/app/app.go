package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // the command was understood and did not succeed
	exitUsage  = 2 // the command line or the configuration is wrong
)

// A program is what a command has of the outside world.
type program struct {
	environ        []string
	stdin          io.Reader
	stdout, stderr io.Writer
	configs        []string // --config
}

// errReported is a failure that has been printed already.
var errReported = errors.New("already reported")

// A usageError is the caller's mistake: the exit code is 2.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

func usage(err error) error { return usageError{err} }

// Run is the program: it runs the command in args (without the program's name) until it is done or ctx ends, and returns the exit code.
func Run(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &program{environ: environ, stdin: stdin, stdout: stdout, stderr: stderr}
	root := p.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	var mistake usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errReported):
		return exitFailed
	case errors.As(err, &mistake):
		fmt.Fprintf(stderr, "error: %v\n\nSee `%s --help`.\n", err, cmd.CommandPath())
		return exitUsage
	default:
		fmt.Fprintf(stderr, "error: %v\n", err)
		return exitFailed
	}
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "game",
		Short: "A game backend: accounts, login queue, lobby, matchmaking, battle rooms",
		Long: `game runs the whole backend or any part of it.

On your own machine, "game up" starts everything, with nothing else installed; "game robot" then plays on it.`,
		Example: `  game up                          everything, in one process, data in ./data
  game robot --robots 200 --for 60s  in another terminal: robots that play
  game up --without world          everything but the world nodes, and in another terminal
  game run world --join            the world, under a debugger for example`,
		SilenceErrors: true, SilenceUsage: true, SuggestionsMinimumDistance: 2,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(fmt.Errorf("unknown command %q%s", args[0], suggestions(cmd, args[0])))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().StringArrayVar(&p.configs, "config", nil, "configuration `file`; may be given again, later ones over earlier ones; default: built in, for your own machine")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(p.up(), p.down(), p.run(), p.migrateCommand(), p.robot(), p.settings(), p.nodes(), p.check(), p.versionCommand())
	for _, t := range nodeTypes {
		if t.command != nil {
			root.AddCommand(t.command(p))
		}
	}
	return root
}

func suggestions(cmd *cobra.Command, arg string) string {
	if s := cmd.SuggestionsFor(arg); len(s) > 0 {
		return fmt.Sprintf("; did you mean %q?", s[0])
	}
	return ""
}

// noArgs refuses arguments where a command takes none.
func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(fmt.Errorf("unexpected argument %q", args[0]))
	}
	return nil
}

// config loads the configuration; what is wrong with it is the caller's.
func (p *program) config() (Config, error) {
	cfg, err := loadConfig(p.configs, p.environ)
	if err != nil {
		return cfg, usage(err)
	}
	return cfg, nil
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version of this build", Args: noArgs,
		Run: func(*cobra.Command, []string) { fmt.Fprintln(p.stdout, version()) },
	}
}

// version is the build's version: of the module, or of the commit that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 && (v == "" || v == "(devel)") {
			v = s.Value[:12]
		}
	}
	if v == "" {
		v = "(devel)"
	}
	return v + " " + info.GoVersion
}
