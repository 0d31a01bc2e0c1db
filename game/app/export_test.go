package app

// HasType reports whether there is a type of node of that name.
func HasType(name string) bool { return typeNamed(name) != nil }

// TypeNames is the names of all.
func TypeNames() string { return typeNames() }
