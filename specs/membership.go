package specs

import (
	"fmt"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

func (c *contract) membership() {
	c.it("member-1", "lists a node that has registered, with its metadata, on every peer", func(c *cluster) {
		one, other := c.pair()
		c.register(one, "node", "10.0.0.1:80")
		c.expectMember(one, "node", "10.0.0.1:80")
		c.expectMember(other, "node", "10.0.0.1:80")
		c.expectNodes(other, "node")
	})

	c.it("member-2", "lists an empty slice where no node has registered", func(c *cluster) {
		c.expectNodes(c.open())
	})

	c.it("member-3", "says of a node that has not registered that it is not found, without an error", func(c *cluster) {
		one, other := c.pair()
		c.expectNoMember(one, "node")
		c.register(other, "another node", "metadata")
		c.expectNoMember(one, "node")
	})

	c.it("member-4", "keeps metadata as they are, with any bytes", func(c *cluster) {
		one, other := c.pair()
		every := make([]byte, 256)
		for i := range every {
			every[i] = byte(i)
		}
		for _, metadata := range []string{"\x00", string(every), "\r\n", "\xff\xfe", `{"a":1}`, "(nil)", "0"} {
			c.register(one, "node", metadata)
			c.expectMember(other, "node", metadata)
		}
	})

	c.it("member-5", "finds metadata that are none or empty, as an empty slice", func(c *cluster) {
		one, other := c.pair()
		for node, none := range map[string][]byte{"none": nil, "empty": {}} {
			c.Expect(one.RegisterNode(c.ctx, node, none)).To(Succeed())
			metadata, found, err := other.NodeMetadata(c.ctx, node)
			c.Expect(err).NotTo(HaveOccurred())
			c.Expect(found).To(BeTrue(), node)
			c.Expect(metadata).NotTo(BeNil(), node)
			c.Expect(metadata).To(BeEmpty(), node)
		}
		c.expectNodes(other, "empty", "none")
	})

	c.it("member-6", "replaces the metadata of a node that registers again, also by none, and lists it once", func(c *cluster) {
		one, other := c.pair()
		c.register(one, "node", "first, and rather long")
		c.register(other, "node", "second")
		c.expectMember(one, "node", "second")
		c.register(one, "node", "")
		c.expectMember(other, "node", "")
		c.expectNodes(other, "node")
	})

	c.it("member-7", "takes node IDs with any bytes, lists them in ascending order of the bytes, and tells them apart", func(c *cluster) {
		one, other := c.pair()
		ordered := []string{
			"\x00", "\n", " ", "*", "10", "9", ":", "?", "A", "[a]", `\`, "a", "a\x00", "a ", "a*",
			"e\u0301", "{a}", "\x7f", "\x80", "é", "日本", "\xff", "\xff\xff",
		}
		for _, node := range shuffled(ordered) {
			c.register(one, node, "metadata of "+node)
		}
		c.expectNodes(other, ordered...)
		for _, node := range ordered {
			c.expectMember(other, node, "metadata of "+node)
		}
		c.Expect(other.DeregisterNode(c.ctx, "*")).To(BeTrue())
		c.expectNodes(one, slices.DeleteFunc(ordered, func(node string) bool { return node == "*" })...)
	})

	c.it("member-8", "takes node IDs of the greatest length, and tells those apart whose last byte differs", func(c *cluster) {
		one, other := c.pair()
		long := strings.Repeat("n", coordination.MaxNameLen-1)
		c.register(one, long+"1", "first")
		c.register(one, long+"2", "second")
		c.expectMember(other, long+"1", "first")
		c.Expect(other.DeregisterNode(c.ctx, long+"1")).To(BeTrue())
		c.expectNodes(one, long+"2")
	})

	c.it("member-9", "lists 200 nodes in ascending order", func(c *cluster) {
		one, other := c.pair()
		var nodes []string
		for i := range 200 {
			nodes = append(nodes, fmt.Sprintf("node %03d", i))
		}
		for _, node := range shuffled(nodes) {
			c.register(one, node, "metadata of "+node)
		}
		c.expectNodes(other, nodes...)
		c.expectMember(other, nodes[150], "metadata of "+nodes[150])
	})

	c.it("member-10", "lists all nodes that register at the same time", func(c *cluster) {
		one, other := c.pair()
		var nodes []string
		running := c.group()
		for i := range 20 {
			node, handle := fmt.Sprintf("node %02d", i), one
			if i%2 > 0 {
				handle = other
			}
			nodes = append(nodes, node)
			running.Go(func() {
				c.register(handle, node, "metadata")
			})
		}
		running.Wait()
		c.expectNodes(one, nodes...)
	})

	c.it("member-11", "takes no candidate for a member, and no member for a leader", func(c *cluster) {
		one, other := c.pair()
		c.register(one, "member", "metadata")
		term := c.lead(one, "candidate", time.Minute)
		c.expectNodes(other, "member")
		c.Expect(one.Heartbeat(c.ctx, "candidate", time.Minute)).To(MatchError(coordination.ErrNotRegistered))
		c.Expect(one.DeregisterNode(c.ctx, "candidate")).To(BeFalse())
		c.expectLeader(other, "candidate", term)
	})

	c.it("member-12", "lists few nodes as fast beside 10,000 keys as beside none", func(c *cluster) {
		one, other := c.pair()
		c.register(one, "node", "metadata")
		fastest := func() time.Duration {
			best := c.patience
			for range 50 {
				start := c.realTime()
				c.expectNodes(other, "node")
				best = min(best, c.realTime().Sub(start))
			}
			return best
		}
		before := fastest()
		c.fill(one, "key ", 10_000)
		c.Expect(fastest()).To(BeNumerically("<", 4*before+time.Millisecond), "%v beside none", before)
	})

	c.it("member-13", "deregisters a node at once on every peer, and says whether it was there", func(c *cluster) {
		one, other := c.pair()
		c.Expect(one.DeregisterNode(c.ctx, "node")).To(BeFalse())
		c.register(one, "node", "metadata")
		c.Expect(other.DeregisterNode(c.ctx, "node")).To(BeTrue())
		c.expectNodes(one)
		c.expectNoMember(one, "node")
		c.Expect(one.DeregisterNode(c.ctx, "node")).To(BeFalse())
		c.Expect(other.DeregisterNode(c.ctx, "node")).To(BeFalse())
	})

	c.it("member-14", "touches no other node when it deregisters one", func(c *cluster) {
		one, other := c.pair()
		for _, node := range []string{"node", "node 1", "node 2", "Node"} {
			c.register(one, node, "metadata of "+node)
		}
		c.Expect(other.DeregisterNode(c.ctx, "node")).To(BeTrue())
		c.Expect(other.DeregisterNode(c.ctx, "node*")).To(BeFalse())
		c.expectNodes(one, "Node", "node 1", "node 2")
		c.expectMember(one, "node 1", "metadata of node 1")
		c.Expect(one.Heartbeat(c.ctx, "node 2", time.Minute)).To(Succeed())
	})

	c.it("member-15", "takes a node that was deregistered again, with new metadata only", func(c *cluster) {
		one, other := c.pair()
		c.register(one, "node", "old")
		c.Expect(one.DeregisterNode(c.ctx, "node")).To(BeTrue())
		c.register(other, "node", "")
		c.expectMember(one, "node", "")
		c.expectNodes(one, "node")
	})

	c.expiringMembers()
}

func (c *cluster) register(handle coordination.Membership, node, metadata string) {
	GinkgoHelper()
	c.Expect(handle.RegisterNode(c.ctx, node, []byte(metadata))).To(Succeed(), "registering %.50q", node)
}

func (c *cluster) expectMember(handle coordination.Membership, node, metadata string) {
	GinkgoHelper()
	got, found, err := handle.NodeMetadata(c.ctx, node)
	c.Expect(err).NotTo(HaveOccurred(), "the metadata of %.50q", node)
	c.Expect(found).To(BeTrue(), "%.50q is a member", node)
	c.Expect(string(got)).To(Equal(metadata), "the metadata of %.50q", node)
}

func (c *cluster) expectNoMember(handle coordination.Membership, node string) {
	GinkgoHelper()
	metadata, found, err := handle.NodeMetadata(c.ctx, node)
	c.Expect(err).NotTo(HaveOccurred(), "the metadata of %.50q", node)
	c.Expect(found).To(BeFalse(), "%.50q is a member", node)
	c.Expect(metadata).To(BeEmpty(), "the metadata of nobody")
}

// expectNodes says who the members are, in this order.
func (c *cluster) expectNodes(handle coordination.Membership, nodes ...string) {
	GinkgoHelper()
	listed, err := handle.ListNodes(c.ctx)
	c.Expect(err).NotTo(HaveOccurred(), "listing the nodes")
	c.Expect(listed).NotTo(BeNil(), "the list of the nodes")
	if len(nodes) == 0 {
		nodes = []string{}
	}
	c.Expect(listed).To(Equal(nodes), "the nodes")
}
