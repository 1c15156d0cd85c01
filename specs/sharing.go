package specs

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

func (c *contract) sharing() {
	c.it("share-1", "takes calls of all methods at the same time on one handle", func(c *cluster) {
		one, other := c.pair()
		c.taker(c.subscribe(one, "*"))
		c.taker(c.subscribe(other, "channel"))
		c.together(4*len(methods), func(i int) {
			m := methods[i%len(methods)]
			for range 10 {
				c.Expect(answers(m.do(c.ctx, one))).To(Succeed(), m.name)
			}
		})
	}, unrecorded)

	c.it("share-2", "gives each of many callers the answer to its own call", func(c *cluster) {
		one := c.open()
		c.together(16, func(i int) {
			key := fmt.Sprint("key ", i)
			for n := range 50 {
				value := fmt.Sprint(key, " ", n)
				c.Expect(one.Set(c.ctx, key, []byte(value), 0)).To(Succeed())
				c.expectValue(one, key, value)
				c.expectKeys(one, key, key)
			}
		})
	}, unrecorded)

	c.it("share-3", "gives callers the answers to their own calls also while those of others are cancelled", func(c *cluster) {
		one := c.open()
		const count = 16
		for i := range count {
			key := fmt.Sprint("key ", i)
			c.Expect(one.Set(c.ctx, key, []byte(key), 0)).To(Succeed())
		}
		c.together(count, func(i int) {
			key := fmt.Sprint("key ", i)
			for range 100 {
				if i%2 == 0 {
					c.expectValue(one, key, key)
					continue
				}
				ctx, cancel := context.WithCancel(c.ctx)
				go cancel()
				value, found, err := one.Get(ctx, key)
				if err != nil {
					c.Expect(err).To(MatchError(context.Canceled))
					continue
				}
				c.Expect(found).To(BeTrue())
				c.Expect(string(value)).To(Equal(key))
			}
		})
	}, unrecorded)

	c.it("share-4", "leaves the slices that it is given as they are", func(c *cluster) {
		one, other := c.pair()
		c.taker(c.subscribe(other, "news"))
		payload := []byte("payload")
		c.Expect(one.Publish(c.ctx, "news", payload)).To(Succeed())
		acks, err := one.PublishWithAck(c.ctx, "news", payload, time.Hour)
		c.Expect(err).NotTo(HaveOccurred())
		c.Expect(acks).To(Equal(1))
		c.Expect(one.Set(c.ctx, "key", payload, 0)).To(Succeed())
		c.Expect(one.RegisterNode(c.ctx, "node", payload)).To(Succeed())
		c.Expect(string(payload)).To(Equal("payload"))
		keys := make([]string, 3000)
		for i := range keys {
			keys[i] = fmt.Sprint("key ", (i*7)%2000) // neither in order, nor each once
		}
		before := slices.Clone(keys)
		_, err = one.DeleteMany(c.ctx, keys...)
		c.Expect(err).NotTo(HaveOccurred())
		c.Expect(slices.Equal(keys, before)).To(BeTrue(), "the keys for DeleteMany")
	}, unrecorded)

	c.it("share-5", "keeps no reference to the slices that it is given", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(other, "news")
		overwritten := func(use func([]byte)) {
			payload := []byte("payload")
			use(payload)
			copy(payload, "XXXXXXX")
		}
		overwritten(func(payload []byte) { c.Expect(one.Publish(c.ctx, "news", payload)).To(Succeed()) })
		overwritten(func(payload []byte) { c.Expect(one.Set(c.ctx, "key", payload, 0)).To(Succeed()) })
		overwritten(func(payload []byte) { c.Expect(one.RegisterNode(c.ctx, "node", payload)).To(Succeed()) })
		overwritten(func(payload []byte) {
			ctx := c.within(c.promptly)
			_, err := one.PublishWithAck(ctx, "news", payload, time.Hour)
			c.Expect(err).To(MatchError(context.DeadlineExceeded))
		})
		c.expectNext(subscription, "payload", "payload")
		c.expectValue(one, "key", "payload")
		c.expectMember(one, "node", "payload")
	}, unrecorded)

	c.it("share-6", "keeps no reference to a slice even where the call was cancelled", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(other, "news")
		for range 50 {
			ctx, cancel := context.WithCancel(c.ctx)
			go cancel()
			payload := []byte("payload")
			_ = one.Publish(ctx, "news", payload)
			copy(payload, "XXXXXXX") // the race detector sees who still reads it
			value := []byte("payload")
			_ = one.Set(ctx, "key", value, 0)
			copy(value, "XXXXXXX")
			metadata := []byte("payload")
			_ = one.RegisterNode(ctx, "node", metadata)
			copy(metadata, "XXXXXXX")
		}
		c.publish(one, "news", "end")
		for text := ""; text != "end"; {
			text = string(c.next(subscription).Payload)
			c.Expect(text).To(BeElementOf("payload", "end"))
		}
		value, found, err := one.Get(c.ctx, "key")
		c.Expect(err).NotTo(HaveOccurred())
		c.Expect(!found || string(value) == "payload").To(BeTrue(), string(value))
		metadata, found, err := one.NodeMetadata(c.ctx, "node")
		c.Expect(err).NotTo(HaveOccurred())
		c.Expect(!found || string(metadata) == "payload").To(BeTrue(), string(metadata))
	}, unrecorded)

	c.it("share-7", "returns slices and maps that the caller may change", func(c *cluster) {
		one := c.open()
		c.set(one, "key", "value")
		c.register(one, "node", "metadata")
		for range 2 {
			value, _, err := one.Get(c.ctx, "key")
			c.Expect(err).NotTo(HaveOccurred())
			c.Expect(string(value)).To(Equal("value"))
			copy(value, "XXXXX")
			metadata, _, err := one.NodeMetadata(c.ctx, "node")
			c.Expect(err).NotTo(HaveOccurred())
			c.Expect(string(metadata)).To(Equal("metadata"))
			copy(metadata, "XXXXXXXX")
			keys, err := one.Keys(c.ctx, "*")
			c.Expect(err).NotTo(HaveOccurred())
			c.Expect(keys).To(Equal([]string{"key"}))
			keys[0] = "changed"
			nodes, err := one.ListNodes(c.ctx)
			c.Expect(err).NotTo(HaveOccurred())
			c.Expect(nodes).To(Equal([]string{"node"}))
			nodes[0] = "changed"
			stats, err := one.Stats(c.ctx)
			c.Expect(err).NotTo(HaveOccurred())
			c.Expect(stats.Metadata).To(HaveKeyWithValue(coordination.NamespaceKey, c.namespace))
			clear(stats.Metadata)
		}
	}, unrecorded)

	c.it("share-9", "returns slices that the caller may append to, and that no other answer shares", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "news")
		for _, size := range []int{5, 100, 3000, 100_000} {
			var answers [][]byte
			for i := range 4 {
				name, text := fmt.Sprint("name ", i), strings.Repeat(fmt.Sprint(i), size)
				c.set(one, name, text)
				c.register(one, name, text)
				c.publish(other, "news", text)
			}
			for i := range 4 {
				value, _, err := one.Get(c.ctx, fmt.Sprint("name ", i))
				c.Expect(err).NotTo(HaveOccurred())
				metadata, _, err := one.NodeMetadata(c.ctx, fmt.Sprint("name ", i))
				c.Expect(err).NotTo(HaveOccurred())
				answers = append(answers, value, metadata, c.next(subscription).Payload)
			}
			for _, answer := range answers {
				_ = append(answer, "XXXXX"...)
			}
			for i, answer := range answers {
				c.Expect(string(answer) == strings.Repeat(fmt.Sprint(i/3), size)).To(BeTrue(), "answer %d of %d bytes", i, size)
			}
		}
	}, unrecorded)

	c.it("share-8", "keeps no reference to a slice however large it is, and whatever else is asked for", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(other, "news")
		const size = 256 << 10
		whole := bytes.Repeat([]byte("p"), size)
		overwritten := func(use func([]byte)) {
			given := bytes.Clone(whole)
			use(given)
			clear(given)
		}
		expect := func(got []byte, what string) {
			GinkgoHelper()
			c.Expect(bytes.Equal(got, whole)).To(BeTrue(), what)
		}
		overwritten(func(value []byte) { c.Expect(one.Set(c.ctx, "key", value, time.Hour)).To(Succeed()) })
		overwritten(func(value []byte) { c.Expect(one.Set(c.ctx, "other key", value, 0)).To(Succeed()) })
		overwritten(func(metadata []byte) { c.Expect(one.RegisterNode(c.ctx, "node", metadata)).To(Succeed()) })
		overwritten(func(payload []byte) { c.Expect(one.Publish(c.ctx, "news", payload)).To(Succeed()) })
		expect(c.next(subscription).Payload, "the message")
		for range 2 { // once more after the caller has changed the answer
			for _, key := range []string{"key", "other key"} {
				value, _, err := one.Get(c.ctx, key)
				c.Expect(err).NotTo(HaveOccurred())
				expect(value, key)
				clear(value)
			}
			metadata, _, err := one.NodeMetadata(c.ctx, "node")
			c.Expect(err).NotTo(HaveOccurred())
			expect(metadata, "the metadata")
			clear(metadata)
		}
	}, unrecorded)
}
