package sync_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

var _ = Describe("The production wiring", func() {
	// begin runs the wiring of the example over the memory adapter.
	begin := func(ctx context.Context, port *memory.Coordination) (url string, ended chan error) {
		GinkgoHelper()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		ended = make(chan error, 1)
		logger := slog.New(slog.NewTextHandler(GinkgoWriter, nil))
		go func() { ended <- serve(ctx, port, "node-1", listener, logger) }()
		return "http://" + listener.Addr().String(), ended
	}
	ask := func(ctx context.Context, url string) (code int, status dsync.ClusterStatus) {
		GinkgoHelper()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		Expect(err).NotTo(HaveOccurred())
		answer, err := http.DefaultClient.Do(request)
		Expect(err).NotTo(HaveOccurred())
		defer answer.Body.Close()
		Expect(json.NewDecoder(answer.Body).Decode(&status)).To(Succeed())
		return answer.StatusCode, status
	}

	It("answers for its health until it is told to end", func(ctx SpecContext) {
		running, stop := context.WithCancel(ctx)
		defer stop()
		url, ended := begin(running, memory.New())
		code, status := ask(ctx, url)
		Expect(code).To(Equal(http.StatusOK))
		Expect(status.NodeID).To(Equal("node-1"))
		stop()
		Eventually(ctx, ended).Should(Receive(BeNil()))
	})

	It("ends with the error of a port that is closed under it", func(ctx SpecContext) {
		port := memory.New()
		Expect(port.Close()).To(Succeed())
		_, ended := begin(ctx, port)
		Eventually(ctx, ended).Should(Receive(MatchError(coordination.ErrClosed)))
	})
})
