// Typecheck reports what the compiler would say of the packages, tests included, on other systems, without the time that compiling all libraries for them takes:
//
//	typecheck darwin,windows ./...
package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/tools/go/packages"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: typecheck GOOS[,GOOS...] PACKAGE...")
		os.Exit(2)
	}
	for goos := range strings.SplitSeq(os.Args[1], ",") {
		loaded, err := packages.Load(&packages.Config{
			Mode:  packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedDeps | packages.NeedSyntax | packages.NeedTypes,
			Tests: true,
			Env:   append(os.Environ(), "GOOS="+goos, "CGO_ENABLED=0"),
		}, os.Args[2:]...)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if packages.PrintErrors(loaded) > 0 || len(loaded) == 0 {
			fmt.Fprintf(os.Stderr, "of %d packages some do not compile for %s\n", len(loaded), goos)
			os.Exit(1)
		}
		fmt.Printf("%d packages would compile for %s\n", len(loaded), goos)
	}
}
