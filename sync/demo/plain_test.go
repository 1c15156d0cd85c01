package main

import (
	"os"
	"regexp"
	"strconv"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/onsi/gomega/gexec"
)

// inTime is how long the demo may take.
const inTime = 30 * time.Second

// Serial, as the nodes have timings to keep.
var _ = Describe("The demo without a terminal", Serial, func() {
	// start runs it until the spec ends.
	start := func(url string, arguments ...string) *gexec.Session {
		GinkgoHelper()
		session, err := gexec.Start(demo(url, arguments...), GinkgoWriter, GinkgoWriter)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { session.Kill().Wait() })
		return session
	}

	It("plays its script in half a minute, tells what came of it and says so by its exit code", func(ctx SpecContext) {
		session := start("")
		Eventually(ctx, session).WithTimeout(inTime).Should(gexec.Exit(0))

		for _, wanted := range []string{
			`0\.\ds +demo +3 nodes on miniredis at 127\.0\.0\.1:\d+\n`,
			`s +step +1/7 start three nodes`,
			`s +step +2/7 write`,
			`s +step +3/7 invalidate`,
			`s +step +4/7 lose messages`,
			`(\w+) +is deaf, and does not know\n`,
			`gap found: 4 of \w+\n`,
			`gap healed: 4 of \w+\n`,
			`s +step +5/7 kill -9 the leader`,
			`(\w+) +killed \(-9\)\n`,
			`cache cleared\n`,
			`(\w+) +leadership acquired, term \d+\n`,
			`s +step +6/7 restart`,
			`s +step +7/7 heal`,
			`leadership released\n`,
			`summary, after [\d.]+ s\n`,
			`done +60 values written, 8 keys invalidated, [1-9]\d* messages lost\n`,
			`take-over +\w+ leads [\d.]+ s after \w+ was killed, with leases of 2s\n`,
			`gaps found, \d+ healed\n`,
			`agreement +yes, 3 live nodes: 24 keys on all, 0 on some, 0 differ\n$`,
		} {
			Expect(session.Out).To(gbytes.Say(wanted))
		}
		Expect(session.Err.Contents()).To(BeEmpty())

		out := string(session.Out.Contents())
		take := regexp.MustCompile(`leads ([\d.]+) s after`).FindStringSubmatch(out)
		seconds, err := strconv.ParseFloat(take[1], 64)
		Expect(err).NotTo(HaveOccurred())
		Expect(seconds).To(BeNumerically(">", 0.5), "the lease had begun when the leader was killed")
		Expect(seconds).To(BeNumerically("<", 5))
		found, healed := 0, 0
		for _, of := range regexp.MustCompile(`(\d+) gaps found, (\d+) healed`).FindAllStringSubmatch(out, -1) {
			f, _ := strconv.Atoi(of[1])
			h, _ := strconv.Atoi(of[2])
			found, healed = found+f, healed+h
		}
		Expect(found).To(BeNumerically(">=", 12), "twice a node missed what others wrote")
		Expect(healed).To(Equal(found))
	})

	It("ends with its nodes when it is interrupted", func(ctx SpecContext) {
		session := start("")
		Eventually(ctx, session).WithTimeout(inTime).Should(gbytes.Say(`step +2/7`))
		nodes := regexp.MustCompile(`started, process (\d+)`).FindAllStringSubmatch(string(session.Out.Contents()), -1)
		Expect(nodes).To(HaveLen(3))

		session.Interrupt()
		Eventually(ctx, session).WithTimeout(inTime).Should(gexec.Exit(interrupted))
		Expect(string(session.Err.Contents())).To(Equal("demo: interrupted\n"))
		for _, node := range nodes {
			id, err := strconv.Atoi(node[1])
			Expect(err).NotTo(HaveOccurred())
			process, err := os.FindProcess(id)
			Expect(err).NotTo(HaveOccurred())
			Expect(process.Signal(syscall.Signal(0))).To(MatchError(os.ErrProcessDone))
		}
	})

	DescribeTable("refuses in one line",
		func(ctx SpecContext, url, argument string, code int, complaint string) {
			var arguments []string
			if argument != "" {
				arguments = append(arguments, argument)
			}
			session := start(url, arguments...)
			Eventually(ctx, session).WithTimeout(inTime).Should(gexec.Exit(code))
			Expect(string(session.Err.Contents())).To(MatchRegexp(`^demo: ` + complaint + `\n$`))
			Expect(session.Out.Contents()).To(BeEmpty())
		},
		Entry("a flag that it does not have", "", "-fast", misused, `flag provided but not defined: -fast`),
		Entry("an argument", "", "fast", misused, `there is no argument "fast"`),
		Entry("keys where there is no terminal", "", "-interactive", misused, `-interactive needs a terminal`),
		Entry("a server that is not there", "redis://:secret@127.0.0.1:1", "", failed, `REDIS_URL: open: 127\.0\.0\.1:1: .*refused`),
		Entry("a URL that is none", "http://127.0.0.1", "", failed, `REDIS_URL: open: url has no known scheme.*`),
	)
})
