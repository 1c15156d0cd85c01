package specs

import (
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

func (c *contract) isolation() {
	c.it("isolate-1", "shares keys, members, the leader and messages among the handles of one namespace", func(c *cluster) {
		one, other := c.pair()
		third := c.open()
		subscription := c.subscribe(third, "news")
		c.set(one, "key", "value")
		c.register(other, "node", "metadata")
		term := c.lead(third, "node", time.Minute)
		for _, handle := range []coordination.DistributedCoordination{one, other, third} {
			c.expectValue(handle, "key", "value")
			c.expectMember(handle, "node", "metadata")
			c.expectLeader(handle, "node", term)
			c.publish(handle, "news", "hello")
			c.expectNext(subscription, "hello")
		}
	})

	c.it("isolate-2", "gives each handle of a namespace subscriptions and a candidacy of its own", func(c *cluster) {
		one, other := c.pair()
		c.subscribe(one, "news")
		c.Expect(c.stats(other).Subscriptions).To(BeZero())
		term := c.lead(one, "node", time.Minute)
		_, acquired, err := other.TryAcquireLeadership(c.ctx, "node", time.Minute)
		c.Expect(err).NotTo(HaveOccurred())
		c.Expect(acquired).To(BeFalse())
		c.Expect(other.ReleaseLeadership(c.ctx, "node")).To(BeFalse())
		c.expectLeader(other, "node", term)
	})

	c.it("isolate-3", "delivers no message to another namespace", func(c *cluster) {
		here, there := c.open(), c.openIn(c.namespace+" 2")
		literal, pattern := c.subscribe(there, "news"), c.subscribe(there, "*")
		c.publish(here, "news", "not for there")
		c.publish(there, "news", "for there")
		c.expectNext(literal, "for there")
		c.expectNext(pattern, "for there")
	})

	c.it("isolate-4", "counts no acknowledgement from another namespace", func(c *cluster) {
		here, there := c.open(), c.openIn(c.namespace+" 2")
		read := make(chan coordination.Message, 10)
		for _, handle := range []coordination.Messaging{here, there, there} {
			subscription := c.subscribe(handle, "news")
			go c.safely(func() {
				for message, err := range coordination.Messages(c.ctx, subscription) {
					if err != nil {
						return
					}
					read <- message
				}
			})()
		}
		c.Expect(here.PublishWithAck(c.ctx, "news", []byte("here"), c.patience)).To(Equal(1))
		c.Expect(string((<-read).Payload)).To(Equal("here"))
		c.Expect(there.PublishWithAck(c.ctx, "news", []byte("there"), c.patience)).To(Equal(2))
		c.Expect(string((<-read).Payload)).To(Equal("there"))
		c.Expect(string((<-read).Payload)).To(Equal("there"))
	})

	c.it("isolate-5", "finds no subscribers where only another namespace has some", func(c *cluster) {
		here, there := c.open(), c.openIn(c.namespace+" 2")
		c.subscribe(there, "news")
		c.subscribe(there, "*")
		_, err := here.PublishWithAck(c.ctx, "news", []byte("hello"), c.shortly)
		c.Expect(err).To(MatchError(coordination.ErrNoSubscribers))
	})

	c.it("isolate-6", "neither reads, replaces, lists nor deletes the keys of another namespace", func(c *cluster) {
		here, there := c.open(), c.openIn(c.namespace+" 2")
		c.set(there, "key", "there")
		c.expectMissing(here, "key")
		c.expectKeys(here, "*")
		c.Expect(here.Delete(c.ctx, "key")).To(BeFalse())
		c.Expect(here.DeleteMany(c.ctx, "key")).To(BeZero())
		c.past(c.setFor(here, c.briefly, "key"), c.briefly)
		c.expectValue(there, "key", "there")
		c.expectKeys(there, "*", "key")
		c.expectMissing(here, "key")
	})

	c.it("isolate-7", "flushes no key of another namespace", func(c *cluster) {
		here, there := c.open(), c.openIn(c.namespace+" 2")
		keys := c.fill(there, "key ", 1200)
		c.set(here, "key", "here")
		c.Expect(here.FlushAll(c.ctx)).To(Succeed())
		c.expectKeys(here, "*")
		c.expectKeys(there, "*", keys...)
	})

	c.it("isolate-8", "neither lists, replaces, keeps nor deregisters the nodes of another namespace", func(c *cluster) {
		here, there := c.open(), c.openIn(c.namespace+" 2")
		start := c.member(there, c.shortly, "node")
		c.expectNodes(here)
		c.expectNoMember(here, "node")
		c.Expect(here.DeregisterNode(c.ctx, "node")).To(BeFalse())
		c.Expect(here.Heartbeat(c.ctx, "node", time.Hour)).To(MatchError(coordination.ErrNotRegistered))
		c.register(here, "node", "here")
		c.Expect(here.Heartbeat(c.ctx, "node", time.Hour)).To(Succeed())
		c.expectMember(there, "node", "metadata of node")
		c.past(start, c.shortly)
		c.expectNodes(there)
		c.expectMember(here, "node", "here")
		c.register(there, "node", "there")
		c.Expect(here.DeregisterNode(c.ctx, "node")).To(BeTrue())
		c.expectMember(there, "node", "there")
	})

	c.it("isolate-9", "lets each namespace have a leader, and release it for itself alone", func(c *cluster) {
		here, there := c.open(), c.openIn(c.namespace+" 2")
		term := c.lead(there, "node", time.Minute)
		_, led, err := here.Leader(c.ctx)
		c.Expect(err).NotTo(HaveOccurred())
		c.Expect(led).To(BeFalse())
		c.Expect(here.ReleaseLeadership(c.ctx, "node")).To(BeFalse())
		c.lead(here, "node", time.Minute)
		c.Expect(here.ReleaseLeadership(c.ctx, "node")).To(BeTrue())
		c.expectLeader(there, "node", term)
	})

	c.it("isolate-10", "counts in the stats neither the members nor the leader of another namespace", func(c *cluster) {
		here, there := c.open(), c.openIn(c.namespace+" 2")
		c.register(there, "node", "")
		c.lead(there, "node", time.Minute)
		stats := c.stats(here)
		c.Expect(stats.ClusterSize).To(BeZero())
		c.Expect(stats.Leader).To(BeEmpty())
	})

	c.it("isolate-11", "keeps apart namespaces of which one is the beginning of another", func(c *cluster) {
		c.expectApart("%s", "%s:", "%s:k", "%s:k:", "%s::", "%sa", "%s ", "%s/", "%s.")
	})

	c.it("isolate-12", "keeps apart namespaces that differ in case, or in how a character is written", func(c *cluster) {
		c.expectApart("%sa", "%sA", "%sé", "%se\u0301", "%sÉ")
	})

	c.it("isolate-13", "keeps apart namespaces with glob characters", func(c *cluster) {
		c.expectApart("%sa", "%s*", "%s?", "%s[a]", `%s\a`, "%s[^b]", "%s[", "*%s", "%s**")
	})

	c.it("isolate-14", "keeps apart namespaces with braces", func(c *cluster) {
		c.expectApart("%s", "{%s}", "{%s", "%s}", "%s{}", "{}%s", "%s{a}", "%s{b}", "{a}%s")
	})

	c.it("isolate-15", "keeps apart namespaces with percent signs", func(c *cluster) {
		c.expectApart("%s:", "%s%%", "%s%%3A", "%s%%3a", "%s%%253A", "%s%%%%", "%s%%s")
	})

	c.it("isolate-16", "keeps apart namespaces with odd bytes", func(c *cluster) {
		c.expectApart("%s\x00", "\x00%s", "%s\n", "%s\r\n", "%s\xff", "%s\xc3", "%s\u00a0", " %s", "%s\t")
	})

	c.it("isolate-17", "keeps apart names that read the same when they are put behind their namespaces", func(c *cluster) {
		here := c.open()
		everywhere := c.subscribe(here, "*")
		for _, between := range []string{":", "/", ".", "-", "_", "|", "", ":k:", ":key:", ":c:", "}:", ":k:k:"} {
			there := c.openIn(c.namespace + between + "x")
			c.set(here, "x"+between+"key", "here")
			c.expectKeys(there, "*")
			c.set(there, "key", "there")
			c.expectValue(here, "x"+between+"key", "here")
			c.expectMissing(here, "key")

			subscription := c.subscribe(there, "*")
			c.publish(here, "x"+between+"news", "here")
			c.publish(there, "news", "there")
			c.expectNext(subscription, "there")
			c.expectNext(everywhere, "here")

			c.register(here, "x"+between+"node", "here")
			c.expectNodes(there)
			c.register(there, "node", "there")
			c.expectMember(here, "x"+between+"node", "here")
			c.Expect(there.FlushAll(c.ctx)).To(Succeed())
			c.expectValue(here, "x"+between+"key", "here")
		}
	})
}

// tenant is a handle alone in a namespace.
type tenant struct {
	coordination.DistributedCoordination
	namespace    string
	subscription coordination.Subscription
	term         uint64
}

// expectApart shows that namespaces share nothing. Each has the spec's own name
// where %s stands.
func (c *cluster) expectApart(formats ...string) {
	GinkgoHelper()
	tenants := make([]*tenant, len(formats))
	for i, format := range formats {
		namespace := fmt.Sprintf(format, c.namespace)
		t := &tenant{DistributedCoordination: c.openIn(namespace), namespace: namespace}
		t.subscription = c.subscribe(t, "*")
		c.set(t, "key", namespace)
		c.register(t, "node", namespace)
		t.term = c.lead(t, namespace, time.Minute)
		tenants[i] = t
	}
	for _, t := range tenants {
		c.publish(t, "news", "for "+t.namespace)
	}
	for _, t := range tenants {
		c.publish(t, "news", "end")
		c.expectNext(t.subscription, "for "+t.namespace, "end")
		c.expectValue(t, "key", t.namespace)
		c.expectMember(t, "node", t.namespace)
		c.expectLeader(t, t.namespace, t.term)
		stats := c.stats(t)
		c.Expect(stats.ClusterSize).To(Equal(1), "members in %q", t.namespace)
		c.Expect(stats.Metadata).To(HaveKeyWithValue(coordination.NamespaceKey, t.namespace))
	}
	// One after the other gives up all that it has.
	for i, t := range tenants {
		c.Expect(t.FlushAll(c.ctx)).To(Succeed())
		c.Expect(t.DeregisterNode(c.ctx, "node")).To(BeTrue())
		c.Expect(t.ReleaseLeadership(c.ctx, t.namespace)).To(BeTrue())
		c.expectKeys(t, "*")
		c.expectNodes(t)
		for _, later := range tenants[i+1:] {
			c.expectKeys(later, "*", "key")
			c.expectNodes(later, "node")
			c.expectLeader(later, later.namespace, later.term)
		}
	}
}
