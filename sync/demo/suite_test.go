package main

import (
	"os"
	"os/exec"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// asDemo in the environment makes the test program the demo, whose nodes inherit
// it: nothing has to be built, and the race detector is in all of them.
const asDemo = "COORDKIT_TEST_AS_DEMO"

func TestMain(m *testing.M) {
	if os.Getenv(asDemo) != "" {
		main()
	}
	os.Exit(m.Run())
}

func TestDemo(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Demo")
}

// demo returns the demo as a command, on the server at url, or its own where that
// is empty.
func demo(url string, arguments ...string) *exec.Cmd {
	GinkgoHelper()
	program, err := os.Executable()
	Expect(err).NotTo(HaveOccurred())
	command := exec.Command(program, arguments...)
	command.Env = append(os.Environ(), asDemo+"=1", "REDIS_URL="+url, "TERM=xterm-256color",
		"GOCOVERDIR="+GinkgoT().TempDir()) // or with -cover it would complain
	return command
}
