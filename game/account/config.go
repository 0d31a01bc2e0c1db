package account

// Config is what can be configured of account nodes. Who is let in stands with the login web's settings, which hold for both.
type Config struct {
	Rate  float64 `yaml:"rate" min:"0.1" max:"100000" doc:"logins and registrations a second of one client address, by each node"`
	Burst int     `yaml:"burst" min:"1" max:"1000000" doc:"logins and registrations of one client address at once"`
	// Concurrent bounds what waits for SQL and for passwords to be hashed.
	Concurrent int `yaml:"concurrent" min:"1" max:"10000" doc:"requests that a node works on at the same time"`
}

// Defaults is a configuration for a node whose players may share addresses.
func Defaults() Config { return Config{Rate: 50, Burst: 200, Concurrent: 64} }
