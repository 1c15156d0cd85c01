package specs

import (
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

// named returns the elections by name of a handle, or ends the behaviour as not
// checked.
func (c *cluster) named(handle coordination.DistributedCoordination) coordination.Elections {
	elections, ok := bare(handle).(coordination.Elections)
	if !ok {
		c.notChecked("the adapter has no elections by name (coordination.Elections)")
	}
	return elections
}

// election returns an election by name of a handle.
func (c *cluster) election(handle coordination.DistributedCoordination, name string) coordination.Leadership {
	GinkgoHelper()
	election, err := c.named(handle).Election(name)
	c.Expect(err).NotTo(HaveOccurred())
	c.Expect(election).NotTo(BeNil())
	return election
}

func (c *contract) elections() {
	second := since("2")

	c.it("elect-1", "Each election by name has its own leader and terms, separate from the leadership of the handle", func(c *cluster) {
		one, other := c.pair()
		terms := map[string]uint64{
			"a": c.lead(c.election(one, "a"), "x", time.Hour),
			"b": c.lead(c.election(other, "b"), "y", time.Hour),
		}
		own := c.lead(other, "z", time.Hour)
		for _, handle := range []coordination.DistributedCoordination{one, other} {
			c.expectLeader(c.election(handle, "a"), "x", terms["a"])
			c.expectLeader(c.election(handle, "b"), "y", terms["b"])
			c.expectLeader(handle, "z", own)
			c.expectNobody(c.election(handle, "c"))
		}
		c.Expect(c.release(c.election(one, "a"), "x")).To(BeTrue())
		c.expectNobody(c.election(other, "a"))
		c.expectLeader(c.election(other, "b"), "y", terms["b"])
		c.expectLeader(one, "z", own)
		c.Expect(c.release(other, "z")).To(BeTrue())
		c.expectLeader(c.election(one, "b"), "y", terms["b"])
	}, second)

	c.it("elect-2", "TryAcquireLeadership of an election gives its lease to one candidate among the handles of the namespace", func(c *cluster) {
		one, other := c.pair()
		here, there := c.election(one, "job"), c.election(other, "job")
		term := c.lead(here, "node", time.Hour)
		c.expectOutrun(there, "node", time.Hour)
		c.Expect(c.release(there, "node")).To(BeFalse())
		c.Expect(c.lead(here, "node", time.Hour)).To(Equal(term), "the term of a renewal")
		c.expectLeader(there, "node", term)
	}, second)

	c.it("elect-3", "Election returns the same candidate when it is called again on a handle", func(c *cluster) {
		one, other := c.pair()
		first, second := c.election(one, "job"), c.election(one, "job")
		term := c.lead(first, "node", time.Hour)
		c.Expect(c.lead(second, "node", time.Hour)).To(Equal(term), "the term of a renewal")
		c.Expect(c.release(second, "node")).To(BeTrue())
		c.lead(c.election(other, "job"), "other", time.Hour)
	}, second)

	c.it("elect-4", "A lease of an election expires at its TTL, and not before", func(c *cluster) {
		one, other := c.pair()
		here, there := c.election(one, "job"), c.election(other, "job")
		start := time.Now()
		term := c.lead(here, "first", c.shortly)
		c.nearlyPast(start, c.shortly)
		c.expectOutrun(there, "second", time.Hour)
		c.expectLeader(there, "first", term)
		c.past(start, c.shortly)
		c.expectNobody(there)
		c.lead(there, "second", time.Hour)
	}, second)

	c.it("elect-5", "Each acquisition in an election has a greater term, also after a release", func(c *cluster) {
		one, other := c.pair()
		var last uint64
		for i := range 10 {
			election := c.election([]coordination.DistributedCoordination{one, other}[i%2], "job")
			term := c.lead(election, "node", time.Hour)
			c.Expect(term).To(BeNumerically(">", last))
			c.Expect(c.release(election, "node")).To(BeTrue())
			last = term
		}
	}, second)

	c.it("elect-6", "Election takes names of any bytes, and tells all of them apart", func(c *cluster) {
		one, other := c.pair()
		long := strings.Repeat("n", coordination.MaxNameLen-1)
		names := []string{
			"a", "A", "a ", "a:", "a*", "?", "[a]", "a\x00", "\xff", "{a}", "leader", "members", "metadata", "election", "election:a", long, long + "n",
		}
		terms := map[string]uint64{}
		for _, name := range names {
			terms[name] = c.lead(c.election(one, name), "leads "+name[:1], time.Hour)
		}
		for _, name := range names {
			c.expectLeader(c.election(other, name), "leads "+name[:1], terms[name])
			c.Expect(c.release(c.election(one, name), "leads "+name[:1])).To(BeTrue(), "of %.20q", name)
		}
	}, second)

	c.it("elect-7", "FlushAll leaves the elections by name as they are", func(c *cluster) {
		one, other := c.pair()
		term := c.lead(c.election(one, "job"), "node", time.Hour)
		c.Expect(other.FlushAll(c.ctx)).To(Succeed())
		c.expectLeader(c.election(other, "job"), "node", term)
	}, second)

	c.it("elect-8", "An election by name is not shared with another namespace", func(c *cluster) {
		here, there := c.open(), c.openIn(c.namespace+" 2")
		term := c.lead(c.election(here, "job"), "node", time.Hour)
		c.expectNobody(c.election(there, "job"))
		c.lead(c.election(there, "job"), "other", time.Hour)
		c.expectLeader(c.election(here, "job"), "node", term)
	}, second)

	c.it("elect-9", "Election refuses a name that is empty or longer than MaxNameLen", func(c *cluster) {
		elections := c.named(c.open())
		for _, name := range []string{"", strings.Repeat("n", coordination.MaxNameLen+1)} {
			election, err := elections.Election(name)
			c.Expect(err).To(MatchError(coordination.ErrInvalidArgument), "with %d bytes", len(name))
			c.Expect(err).To(MatchError(ContainSubstring("name")))
			c.Expect(election).To(BeNil())
		}
	}, second)

	c.it("elect-10", "After Close, Election and the methods of an election return ErrClosed", func(c *cluster) {
		one, other := c.pair()
		election := c.election(one, "job")
		term := c.lead(election, "node", time.Hour)
		c.Expect(one.Close()).To(Succeed())
		_, err := c.named(one).Election("job")
		c.Expect(err).To(MatchError(coordination.ErrClosed))
		for name, call := range map[string]func() error{
			"TryAcquireLeadership": func() error { _, _, err := election.TryAcquireLeadership(c.ctx, "node", time.Hour); return err },
			"ReleaseLeadership":    func() error { _, err := election.ReleaseLeadership(c.ctx, "node"); return err },
			"Leader":               func() error { _, _, err := election.Leader(c.ctx); return err },
		} {
			c.Expect(call()).To(MatchError(coordination.ErrClosed), name)
		}
		c.expectLeader(c.election(other, "job"), "node", term)
	}, second)

	c.it("elect-11", "The methods of an election check their arguments and their context as those of the handle do", func(c *cluster) {
		election := c.election(c.open(), "job")
		calls := []struct {
			argument string
			call     func() error
		}{
			{"nodeID", func() error { _, _, err := election.TryAcquireLeadership(c.ctx, "", time.Hour); return err }},
			{"ttl", func() error { _, _, err := election.TryAcquireLeadership(c.ctx, "node", 0); return err }},
			{"nodeID", func() error { _, err := election.ReleaseLeadership(c.ctx, ""); return err }},
			{"ctx", func() error { _, _, err := election.Leader(nil); return err }}, //nolint:staticcheck // that it is refused is the subject
		}
		for _, bad := range calls {
			err := bad.call()
			c.Expect(err).To(MatchError(coordination.ErrInvalidArgument), bad.argument)
			c.Expect(err).To(MatchError(ContainSubstring(bad.argument)))
		}
		_, _, err := election.TryAcquireLeadership(c.cancelled(), "node", time.Hour)
		c.Expect(err).To(MatchError(c.cancelled().Err()))
		c.expectNobody(election)
	}, second)
}
