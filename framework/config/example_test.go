package config_test

import (
	"fmt"
	"os"
	"time"

	"loumiao/framework/config"
)

type settings struct {
	Listen string        `yaml:"listen" doc:"where clients connect"`
	Wait   time.Duration `yaml:"wait" min:"1s" max:"1m" doc:"how long to wait for an answer"`
	SQL    struct {
		DSN config.Secret `yaml:"dsn"`
	} `yaml:"sql"`
}

func ExampleLoad() {
	cfg := settings{Listen: "127.0.0.1:7000", Wait: 10 * time.Second}
	err := config.Load(&cfg,
		config.Bytes("game.yaml", []byte("wait: 30s\n")),
		config.Env("GAME", []string{"GAME_SQL_DSN=root:hunter2@tcp(db:3306)/game"}))
	fmt.Println(err, cfg.Listen, cfg.Wait, cfg.SQL.DSN)
	// Output: <nil> 127.0.0.1:7000 30s ***
}

func ExampleLoad_problems() {
	cfg := settings{Wait: 10 * time.Second}
	err := config.Load(&cfg,
		config.Bytes("game.yaml", []byte("listne: 127.0.0.1:7000\nwait: 10\n")),
		config.Env("GAME", []string{"GAME_SQL_DNS=root@tcp(db:3306)/game"}))
	fmt.Println(err)
	// Output:
	// 3 problems in the configuration:
	//   game.yaml:1: listne: unknown key; did you mean listen?
	//   game.yaml:2: wait: "10" is no duration; must be 1s to 1m, such as 10s or 1h30m
	//   GAME_SQL_DNS: unknown variable; did you mean GAME_SQL_DSN?
}

func ExamplePrint() {
	cfg := settings{Listen: "127.0.0.1:7000", Wait: time.Minute}
	cfg.SQL.DSN = "root:hunter2@tcp(db:3306)/game"
	if err := config.Print(os.Stdout, cfg); err != nil {
		fmt.Println(err)
	}
	// Output:
	// # where clients connect
	// listen: 127.0.0.1:7000
	// # how long to wait for an answer; 1s to 1m
	// wait: 1m
	// sql:
	//   dsn: '***'
}
