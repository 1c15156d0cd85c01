package specs_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/specs"
)

var (
	versionLine = regexp.MustCompile(`^## (\S+)$`)
	changeLine  = regexp.MustCompile(`^(Added|Changed|Removed): (.*)\.$`)
	idRange     = regexp.MustCompile("^`([a-z]+-)([^`]+)`(?: to `([a-z]+-)([0-9]+)`)?$")
)

// changelog reads CHANGELOG.md: which behaviours there are, each with the version
// that brought it, and the newest version, which stands first.
func changelog() (since map[string]string, newest string) {
	GinkgoHelper()
	text, err := os.ReadFile("CHANGELOG.md")
	Expect(err).NotTo(HaveOccurred())
	var versions []string
	changes := map[string][][2]string{} // by version: what, and the behaviour
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if found := versionLine.FindStringSubmatch(line); found != nil {
			versions = append(versions, found[1])
		}
		found := changeLine.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		for item := range strings.SplitSeq(found[2], ", ") {
			for _, id := range ids(item) {
				version := versions[len(versions)-1]
				changes[version] = append(changes[version], [2]string{found[1], id})
			}
		}
	}
	since, gone := map[string]string{}, map[string]bool{}
	for _, version := range slices.Backward(versions) {
		for _, change := range changes[version] {
			what, id := change[0], change[1]
			switch what {
			case "Added":
				Expect(since).NotTo(HaveKey(id), "what was there before")
				Expect(gone).NotTo(HaveKey(id), "an identifier is never given to another behaviour")
				since[id] = version
			default:
				Expect(since).To(HaveKey(id), "what was never added")
				if what == "Removed" {
					delete(since, id)
					gone[id] = true
				}
			}
		}
	}
	return since, versions[0]
}

// ids returns the identifiers of a range, or of one.
func ids(item string) (all []string) {
	GinkgoHelper()
	found := idRange.FindStringSubmatch(item)
	Expect(found).NotTo(BeNil(), "%q is no identifier, and no range of them", item)
	if found[3] == "" {
		return []string{found[1] + found[2]}
	}
	first, err := strconv.Atoi(found[2])
	Expect(err).NotTo(HaveOccurred(), item)
	last, err := strconv.Atoi(found[4])
	Expect(err).NotTo(HaveOccurred(), item)
	Expect(found[3]).To(Equal(found[1]), item)
	for i := first; i <= last; i++ {
		all = append(all, fmt.Sprint(found[1], i))
	}
	return all
}

var _ = Describe("The changelog of the contract", func() {
	It("names every behaviour, with the version that brought it, and no other", func() {
		logged, newest := changelog()
		declared := map[string]string{}
		for _, b := range specs.Behaviours() {
			Expect(declared).NotTo(HaveKey(b.ID), "an identifier names one behaviour")
			declared[b.ID] = b.Since
		}
		Expect(declared).To(Equal(logged))
		Expect(newest).To(Equal(specs.Version))
	})
})
