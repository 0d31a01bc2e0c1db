// Package name says what a player may call himself.
//
//	rules := name.Rules{...}
//	name, err := rules.Check("Zoé 2")     // in its normal form, or why not
//
// A name is made of letters of the configured scripts, digits, and single spaces, hyphens and underscores between them. What only looks like another
// name is refused: invisible characters, other kinds of spaces, letters that are variants of others, Latin mixed with Cyrillic. Whether a name is taken
// is for SQL to say, which compares its [Key] byte by byte: "Zoé 2" is "ZOÉ 2".
//
// It keeps nothing and asks nobody.
package name
