// Package config reads a program's configuration into a struct: defaults that the caller has filled in, then strict YAML, then
// environment variables, each over the one before.
//
//	type Config struct {
//		Listen string        `yaml:"listen" doc:"where clients connect"`
//		Wait   time.Duration `yaml:"wait"   min:"1s" max:"1m"`
//		SQL    struct {
//			DSN config.Secret `yaml:"dsn" doc:"empty: the embedded engine"`
//		} `yaml:"sql"`
//	}
//
//	cfg := Config{Listen: "127.0.0.1:7000", Wait: 10 * time.Second}
//	err := config.Load(&cfg, config.File("game.yaml", true), config.Env("GAME", os.Environ()))
//
// Strict means that what would be ignored elsewhere is a problem here: an unknown key, a key given twice, a wrong type, a number out of
// range, an environment variable with our prefix that nothing reads. One [Load] reports every problem at once:
//
//	2 problems in the configuration:
//	  game.yaml:3: wait: "10" is no duration; must be 1s to 1m, such as 10s or 1h30m
//	  GAME_SQL_DNS: unknown variable; did you mean GAME_SQL_DSN?
//
// # Structs
//
// Keys come from yaml tags, with inline and "-" as usual. Fields are strings, [Secret], booleans, numbers, [time.Duration] ("10s"),
// whatever unmarshals itself from text, structs, pointers, and slices and maps of those. A slice replaces what was there, a map adds
// to it, a struct changes the keys that are given. Further tags: doc is printed by [Print]; min and max bound numbers and durations,
// oneof:"a b" the values of a string; they are checked for defaults too.
//
// After reading, Validate() error is called on every value that has it, innermost first, and each of its joined errors is reported
// under the value's key. An error that begins with a key of the struct ("listen: ...") is reported at that key, with the line that set it.
//
// # Environment
//
// sql.dsn is GAME_SQL_DSN. Lists of plain values are separated by commas, maps are written a=1,b=2; lists and maps of structs cannot
// come from the environment. A [Secret] can also be given as a file, GAME_SQL_DSN_FILE.
//
// The package keeps no state, watches no file and reads nothing that it was not handed.
package config
