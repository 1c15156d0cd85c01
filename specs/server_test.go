package specs_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"sync"

	goredis "github.com/redis/go-redis/v9"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/internal/redistest"
)

// serverURL returns where the real Redis server is. Without one the spec is not
// checked, or fails where REQUIRE_REDIS is 1.
func serverURL() string {
	url, err := redistest.URL()
	if errors.Is(err, redistest.ErrMissing) && !redistest.Required() {
		Skip("not checked: " + redistest.ErrMissing.Error())
	}
	Expect(err).NotTo(HaveOccurred())
	return url
}

// specNames is how the contract names its namespaces.
var specNames = regexp.MustCompile(`spec-[A-Z2-7]{26}`)

// used are the namespaces of this run on the server at REDIS_URL.
var used sync.Map

// sweep removes what the specs may have left at REDIS_URL: one walk for the
// whole run, and only names that contain one of its own namespaces.
var _ = AfterSuite(func(ctx context.Context) {
	url := os.Getenv("REDIS_URL")
	if url == "" {
		return
	}
	options, err := goredis.ParseURL(url)
	Expect(err).NotTo(HaveOccurred())
	client := goredis.NewClient(options)
	defer client.Close()
	names := client.Scan(ctx, 0, "*spec-*", 1000).Iterator()
	for names.Next(ctx) {
		if _, ours := used.Load(specNames.FindString(names.Val())); ours {
			Expect(client.Unlink(ctx, names.Val()).Err()).To(Succeed())
		}
	}
	Expect(names.Err()).NotTo(HaveOccurred())
})
