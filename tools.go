//go:build tools

package coordkit

// The tools that the Makefile and generate.go run. Importing them keeps their
// versions in go.mod; the build tag keeps them out of every build.
import (
	_ "github.com/onsi/ginkgo/v2/ginkgo"
	_ "go.uber.org/mock/mockgen"
)
