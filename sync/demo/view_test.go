package main

import (
	"errors"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// hold returns live nodes with these caches.
func hold(caches ...map[string]string) []view {
	var views []view
	for i, cache := range caches {
		views = append(views, view{name: names[i], condition: running, state: state{Entries: cache}})
	}
	return views
}

type values = map[string]string

var _ = Describe("Agreement", func() {
	DescribeTable("counts keys",
		func(views []view, wanted agreement, holds bool) {
			Expect(compare(views)).To(Equal(wanted))
			Expect(compare(views).holds()).To(Equal(holds))
		},
		Entry("that all have", hold(values{"a": "1"}, values{"a": "1"}), agreement{nodes: 2, shared: 1}, true),
		Entry("that one has forgotten", hold(values{"a": "1", "b": "1"}, values{"a": "1"}), agreement{nodes: 2, shared: 1, partly: 1}, true),
		Entry("that differ", hold(values{"a": "1", "b": "1"}, values{"a": "1", "b": "2"}), agreement{nodes: 2, shared: 1, differ: 1}, false),
		Entry("of live nodes only", append(hold(values{"a": "1"}, values{"a": "1"}), view{condition: killed}), agreement{nodes: 2, shared: 1}, true),
		Entry("where there are none", hold(values{}, values{}), agreement{nodes: 2}, false),
		Entry("where nobody is left to agree with", hold(values{"a": "1"}), agreement{nodes: 1, shared: 1}, false),
	)

	It("shows in the digests", func() {
		views := hold(values{"a": "1", "b": "2"}, values{"b": "2", "a": "1"}, values{"a": "2", "b": "1"})
		Expect(views[0].digest()).To(Equal(views[1].digest()))
		Expect(views[0].digest()).NotTo(Equal(views[2].digest()))
	})
})

var _ = Describe("A result", func() {
	DescribeTable("is good only where the nodes agree, one took over and every step came to its end",
		func(change func(*result), good bool, says string) {
			r := result{
				views: hold(values{"a": "1"}, values{"a": "1"}),
				took:  time.Second, leader: "alpha", successor: "beta", takeOver: time.Second,
			}
			change(&r)
			Expect(r.good()).To(Equal(good))
			var out strings.Builder
			r.print(&out)
			Expect(out.String()).To(ContainSubstring(says))
		},
		Entry("as here", func(*result) {}, true, "agreement  yes, 2 live nodes"),
		Entry("not where they differ", func(r *result) { r.views[1].state.Entries = values{"a": "2"} }, false, "agreement  no, 2 live nodes"),
		Entry("not without a take-over", func(r *result) { r.takeOver = 0 }, false, "take-over  none"),
		Entry("not where a step failed", func(r *result) { r.failed = errors.New("not within 8s: peace") }, false, "failed     not within 8s: peace"),
	)
})
